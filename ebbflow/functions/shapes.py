"""Shapes and positions: moving, joining, looking up and creating elements, in NumPy's and Keras' names."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import operators
from ..core.aval import floatx
from ..core.errors import ShapeError
from ..core.tensor import Tensor, as_tensor
from ..operators import axes_of, promoted
from ..ops import indexing, movement
from .arguments import choose
from .array import add, cast, less, multiply, where


def reshape(x: Any, newshape: int | Sequence[int]) -> Tensor:
    """The same elements in row-major order in another shape; one length may be -1."""
    return movement.reshape(as_tensor(x), (newshape,) if isinstance(newshape, int) else newshape)


def ravel(x: Any) -> Tensor:
    """All elements in one axis."""
    return reshape(x, (-1,))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Axis i of the result is axis axes[i] of x; by default the order is reversed."""
    return operators.transpose(x, axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two of its axes exchanged."""
    x = as_tensor(x)
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """x repeated along axes of length one and along new axes on the left."""
    return movement.broadcast_to(as_tensor(x), shape)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    """x with new axes of length one, at these positions of the result."""
    x = as_tensor(x)
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    ndim = x.ndim + len(given)
    if not all(-ndim <= a < ndim for a in given):
        raise ShapeError(f"expand_dims: expected axes between {-ndim} and {ndim - 1} for {x.aval}, got {axis}")
    new, lengths = {a % ndim for a in given}, iter(x.shape)
    return movement.reshape(x, [1 if k in new else next(lengths) for k in range(ndim)])


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """x without these axes of length one, by default without all such."""
    x = as_tensor(x)
    ones = tuple(k for k, n in enumerate(x.shape) if n == 1)
    axes = ones if axis is None else axes_of(x, axis, "squeeze")
    if not set(axes) <= set(ones):
        raise ShapeError(f"squeeze: expected axes of length 1 of {x.aval}, got axis {axis}")
    return movement.reshape(x, [n for k, n in enumerate(x.shape) if k not in axes])


def concatenate(xs: Sequence[Any], axis: int = 0) -> Tensor:
    """The inputs one after another along an axis."""
    return movement.concatenate(promoted(*xs), axis)


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """The inputs, all of one shape, along a new axis."""
    return concatenate([expand_dims(one, axis) for one in x], axis)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """x read backwards along these axes, by default along all."""
    x = as_tensor(x)
    return movement.reverse(x, axes_of(x, axis, "flip"))


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Tensor:
    """x with `constant_values` (0) around it.

    Parameters:
        pad_width: (before, after) for every axis, one such pair for all, or one number for all.
        mode: "constant".
    """
    choose("pad", "mode", mode, ("constant",))
    x = as_tensor(x)
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
    before, after = [w[0] for w in widths], [w[1] for w in widths]
    padded = movement.pad(x, before, after)
    if not constant_values:
        return padded
    return where(movement.pad(ones_like(x, "bool"), before, after), padded, full((), constant_values, x.dtype))


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Elements of x by position along an axis (of the raveled x if None); negative positions count from the end.

    Positions outside give the first or last element: a compiled program cannot stop in the middle to say so.
    """
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = ravel(x), 0
    (axis,) = axes_of(x, axis, "take")
    indices = where(less(indices, 0), add(indices, x.shape[axis]), indices) if indices.dtype.kind == "i" else indices
    rows = indexing.take(transpose(x, [axis, *(k for k in range(x.ndim) if k != axis)]), indices)
    lead = list(range(indices.ndim, indices.ndim + axis))
    return transpose(rows, [*lead, *range(indices.ndim), *range(indices.ndim + axis, rows.ndim)])


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """1 at the position that x names along a new axis of length num_classes, else 0; all 0 for positions outside."""
    x = as_tensor(x)
    if x.dtype.kind not in "iu":
        raise ShapeError(f"one_hot: expected integer positions, got {x.aval}")
    hits = indexing.one_hot(x, num_classes, dtype or floatx())
    order = list(range(x.ndim))
    order.insert(axis % (x.ndim + 1), x.ndim)
    return transpose(hits, order)


# creation


def _filled(shape: int | Sequence[int], value: Any, dtype: Any) -> Tensor:
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    return movement.broadcast_to(Tensor(np.asarray(value, dtype)), shape)


def zeros(shape: int | Sequence[int], dtype: Any = None) -> Tensor:
    """Zeros, of type `floatx()` unless a dtype is given."""
    return _filled(shape, 0, dtype or floatx())


def ones(shape: int | Sequence[int], dtype: Any = None) -> Tensor:
    """Ones, of type `floatx()` unless a dtype is given."""
    return _filled(shape, 1, dtype or floatx())


def full(shape: int | Sequence[int], fill_value: Any, dtype: Any = None) -> Tensor:
    """The same number everywhere."""
    if isinstance(fill_value, Tensor):
        return broadcast_to(fill_value if dtype is None else cast(fill_value, dtype), shape)
    return _filled(shape, fill_value, dtype or floatx())


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of x's shape and, unless a dtype is given, type."""
    x = as_tensor(x)
    return zeros(x.shape, dtype or x.dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of x's shape and, unless a dtype is given, type."""
    x = as_tensor(x)
    return ones(x.shape, dtype or x.dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """The same number everywhere, in x's shape and, unless a dtype is given, type."""
    x = as_tensor(x)
    return full(x.shape, fill_value, dtype or x.dtype)


def arange(start: float, stop: float | None = None, step: float = 1, dtype: Any = None) -> Tensor:
    """start, start + step, ... below stop; with one argument, 0, 1, ... below it. Whole numbers give int32."""
    start, stop = (0, start) if stop is None else (start, stop)
    whole = all(isinstance(value, (int, np.integer)) for value in (start, stop, step))
    dtype = np.dtype(dtype or ("int32" if whole else floatx()))
    count = max(0, math.ceil((stop - start) / step))
    positions = indexing.iota((count,), 0, dtype)
    return positions if (start, step) == (0, 1) else add(multiply(positions, step), start)


def eye(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix of n rows."""
    return one_hot(arange(n), n, dtype=dtype)
