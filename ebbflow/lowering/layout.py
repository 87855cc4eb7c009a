"""How a tensor lies in memory: which axis runs along the lanes of a vector.

    rows    [other axes in order][lane axis, padded to 16]         e.g. a weight matrix
    panels  [lane axis / 16][other axes in order][16]              e.g. activations, 16 samples side by side

A scalar takes one element. Every buffer starts at a multiple of 64 bytes, so vectors are aligned. Rows and panels whose
distance would be a large power of two are set further apart: a cache has few places for memory at such distances.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from ..core.aval import Aval, dtype_name
from .index import LANES, Index, weighted

CROWDED = 512  # elements; multiples of it meet in the same places of a cache
PLACES = 8  # how many of them a cache keeps


def round_up(n: int, multiple: int = LANES) -> int:
    return -(-n // multiple) * multiple


@dataclass(frozen=True)
class Layout:
    """Where the elements of a tensor of this shape lie; lane_axis is None for scalars."""

    shape: tuple[int, ...]
    lane_axis: int | None
    panels: bool = False

    @cached_property
    def others(self) -> tuple[int, ...]:
        return tuple(n for axis, n in enumerate(self.shape) if axis != self.lane_axis)

    @cached_property
    def pitch(self) -> int:
        """Elements from one panel to the next, or from one row of lanes to the next."""
        assert self.lane_axis is not None
        along, rest = round_up(self.shape[self.lane_axis]), prod(self.others)
        if self.panels:
            pitch, count, apart = rest * LANES, along // LANES, 9 * LANES  # products read 8 vectors of each
        else:
            pitch, count, apart = along, rest, LANES
        return pitch + apart if pitch % CROWDED == 0 and count > PLACES else pitch

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """How far apart neighbours along each of the other axes are."""
        row = LANES if self.panels else self.pitch
        return tuple(row * prod(self.others[axis + 1 :]) for axis in range(len(self.others)))

    @cached_property
    def size(self) -> int:
        """Elements of memory, padding included."""
        if self.lane_axis is None:
            return LANES
        count = round_up(self.shape[self.lane_axis]) // LANES if self.panels else prod(self.others)
        return count * self.pitch

    def offset(self, index: tuple[Index, ...]) -> Index:
        """Where element `index` lies."""
        if self.lane_axis is None:
            return Index()
        along = index[self.lane_axis]
        rest = index[: self.lane_axis] + index[self.lane_axis + 1 :]
        if self.panels:
            panel, along = divmod(along, LANES)
            return weighted([(panel, self.pitch), *zip(rest, self.strides, strict=True), (along, 1)])
        return weighted([*zip(rest, self.strides, strict=True), (along, 1)])

    def pack(self, array: np.ndarray, memory: np.ndarray) -> None:
        """Write an array into memory of `size` elements laid out like this."""
        if self.lane_axis is None:
            memory[0] = array
            return
        n = self.shape[self.lane_axis]
        moved = array.transpose(self._orders[0])
        if self.panels:
            padded = np.zeros((*self.others, round_up(n)), array.dtype)
            padded[..., :n] = moved
            split = padded.reshape(*self.others, -1, LANES)
            self._split(memory)[...] = np.moveaxis(split, -2, 0)
        else:
            self._split(memory)[..., :n] = moved

    def unpack(self, memory: np.ndarray) -> np.ndarray:
        """A new array of the elements that `pack` wrote."""
        if self.lane_axis is None:
            return memory[0].copy().reshape(())
        n = self.shape[self.lane_axis]
        if self.panels:
            split = np.moveaxis(self._split(memory), 0, -2)
            moved = split.reshape(*self.others, -1)[..., :n]
        else:
            moved = self._split(memory)[..., :n]
        return np.array(moved.transpose(self._orders[1]), order="C")

    @cached_property
    def _orders(self) -> tuple[list[int], list[int]]:
        """The tensor's axes with the lanes' behind the others, and where to find them there."""
        axes = range(len(self.shape))
        lanes_last = sorted(axes, key=lambda axis: axis == self.lane_axis)
        return lanes_last, sorted(axes, key=lanes_last.__getitem__)

    def _split(self, memory: np.ndarray) -> np.ndarray:
        """A view with the axes that the memory has, without what lies between rows or panels."""
        assert self.lane_axis is not None
        if self.panels:
            return memory.reshape(-1, self.pitch)[:, : prod(self.others) * LANES].reshape(-1, *self.others, LANES)
        return memory.reshape(*self.others, self.pitch)


def rows(shape: tuple[int, ...], lane_axis: int | None = None) -> Layout:
    """The plain layout: the last axis, or another one, along the lanes."""
    return Layout(shape, (len(shape) - 1 if lane_axis is None else lane_axis) if shape else None)


def panels(shape: tuple[int, ...], lane_axis: int) -> Layout:
    return Layout(shape, lane_axis, True)


class Buffer:
    """Memory for one tensor: a part of the arena, or data outside of it."""

    __slots__ = ("aval", "dtype", "kind", "layout", "name", "offset")

    def __init__(self, name: str, aval: Aval, layout: Layout, kind: str = "scratch"):
        assert layout.shape == aval.shape
        self.name, self.aval, self.layout, self.kind = name, aval, layout, kind
        self.dtype = dtype_name(aval.dtype)
        self.offset: int | None = None  # bytes from the start of the arena, once planned

    @property
    def nbytes(self) -> int:
        return self.layout.size * self.aval.dtype.itemsize

    def __repr__(self) -> str:
        return f"{self.name}: {self.aval} lanes {self.layout.lane_axis}{' panels' if self.layout.panels else ''}"
