"""How a tensor lies in memory: which axis runs along the lanes of a vector.

    rows    [other axes in order][lane axis, padded to 16]         e.g. a weight matrix
    panels  [lane axis / 16][other axes in order][16]              e.g. activations, 16 samples side by side

A scalar takes one element. Every buffer starts at a multiple of 64 bytes, so vectors are aligned.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from ..core.aval import Aval
from .index import LANES, Index, flatten


def round_up(n: int) -> int:
    return -(-n // LANES) * LANES


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
    def size(self) -> int:
        """Elements of memory, padding included."""
        return prod(self.others) * round_up(self.shape[self.lane_axis]) if self.lane_axis is not None else LANES

    def offset(self, index: tuple[Index, ...]) -> Index:
        """Where element `index` lies."""
        if self.lane_axis is None:
            return Index()
        along = index[self.lane_axis]
        rest = flatten(tuple(i for axis, i in enumerate(index) if axis != self.lane_axis), self.others)
        if self.panels:
            return ((along // LANES) * prod(self.others) + rest) * LANES + along % LANES
        return rest * round_up(self.shape[self.lane_axis]) + along

    def pack(self, array: np.ndarray, memory: np.ndarray) -> None:
        """Write an array into memory of `size` elements laid out like this."""
        if self.lane_axis is None:
            memory[0] = array
            return
        n = self.shape[self.lane_axis]
        moved = np.moveaxis(array, self.lane_axis, -1)
        if self.panels:
            padded = np.zeros((*self.others, round_up(n)), array.dtype)
            padded[..., :n] = moved
            split = padded.reshape(*self.others, -1, LANES)
            memory.reshape(-1, *self.others, LANES)[...] = np.moveaxis(split, -2, 0)
        else:
            memory.reshape(*self.others, round_up(n))[..., :n] = moved

    def unpack(self, memory: np.ndarray) -> np.ndarray:
        """A new array of the elements that `pack` wrote."""
        if self.lane_axis is None:
            return memory[0].copy().reshape(())
        n = self.shape[self.lane_axis]
        if self.panels:
            split = np.moveaxis(memory.reshape(-1, *self.others, LANES), 0, -2)
            moved = split.reshape(*self.others, -1)[..., :n]
        else:
            moved = memory.reshape(*self.others, round_up(n))[..., :n]
        return np.array(np.moveaxis(moved, -1, self.lane_axis), order="C")


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
        self.dtype = str(aval.dtype)
        self.offset: int | None = None  # bytes from the start of the arena, once planned

    @property
    def nbytes(self) -> int:
        return self.layout.size * self.aval.dtype.itemsize

    def __repr__(self) -> str:
        return f"{self.name}: {self.aval} lanes {self.layout.lane_axis}{' panels' if self.layout.panels else ''}"
