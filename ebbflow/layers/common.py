"""What several layers ask of their inputs."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..functions import array
from ..functions.arguments import expect, is_number


def expect_shape(owner: str, name: str, shape: Any) -> tuple[int | None, ...]:
    """Lengths of axes as a tuple, with None for any length; raises ArgumentError for what is neither these nor one."""
    lengths = (shape,) if isinstance(shape, (int, np.integer)) else shape
    several = isinstance(lengths, (list, tuple))
    valid = several and all(n is None or (is_number(n) and isinstance(n, numbers.Integral) and n > 0) for n in lengths)
    expect(valid, owner, name, "positive lengths of axes or None", shape)
    return tuple(None if n is None else int(n) for n in lengths)


def expect_axes(owner: str, name: str, axis: Any) -> int | tuple[int, ...]:
    """A whole number, or several as a tuple; raises ArgumentError for anything else."""
    several = isinstance(axis, (list, tuple))
    axes = tuple(axis) if several else (axis,)
    whole = all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in axes)
    expect(whole and len(axes) > 0, owner, name, "a whole number or a list of them", axis)
    return tuple(map(int, axes)) if several else int(axis)


def places_of(layer: Any, axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """The axes that `axis` means of inputs with ndim axes, sorted, none negative; raises ShapeError for others."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if not all(-ndim <= a < ndim for a in axes):
        raise ShapeError(f"{layer}: expected inputs with an axis {axis}, got inputs of {ndim} axes")
    return tuple(sorted({a % ndim for a in axes}))


def expect_lengths(layer: Any, inputs: Any, axes: Sequence[int], lengths: Sequence[int]) -> None:
    """Raise ShapeError unless these axes of the inputs have the lengths that the layer was built for."""
    if max(axes, default=0) >= inputs.ndim or tuple(inputs.shape[a] for a in axes) != tuple(lengths):
        raise ShapeError(
            f"{layer}: expected axes {tuple(axes)} of lengths {tuple(lengths)} (as built), got {inputs.aval}"
        )


def finite_rows(layer: Any, data: Any) -> np.ndarray:
    """Data to adapt to, as float64 of shape (rows, ...).

    Raises ShapeError for data without rows, ArgumentError for NaN and infinity.
    """
    values = np.asarray(array.convert_to_numpy(data), np.float64)
    if values.ndim == 0 or not values.size:
        raise ShapeError(f"{layer}: adapt expected rows of data, got an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ArgumentError(f"{layer}: adapt expected finite data, got NaN or infinity; fill missing values first")
    return values
