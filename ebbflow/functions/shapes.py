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
from .arguments import choose, expect_integer
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


def vstack(xs: Sequence[Any]) -> Tensor:
    """The inputs as rows one after another: along the first axis, where one axis counts as one row."""
    return concatenate([reshape(x, (1, -1)) if x.ndim < 2 else x for x in map(as_tensor, xs)])


def hstack(xs: Sequence[Any]) -> Tensor:
    """The inputs side by side: along the second axis, or the only one."""
    tensors = [reshape(x, (1,)) if x.ndim == 0 else x for x in map(as_tensor, xs)]
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1)


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """x cut along an axis into so many equal parts, or before each of these positions.

    Raises ShapeError where parts cannot be equal.
    """
    x = as_tensor(x)
    (axis,) = axes_of(x, axis, "split")
    n, given = x.shape[axis], indices_or_sections
    if isinstance(given, (int, np.integer)):
        if given < 1 or n % given:
            raise ShapeError(f"split: expected a number of parts that divides the {n} of axis {axis}, got {given}")
        cuts = [k * (n // int(given)) for k in range(1, int(given))]
    else:
        cuts = [slice(int(k)).indices(n)[1] for k in given]
    before = (slice(None),) * axis
    pairs = zip([0, *cuts], [*cuts, n], strict=True)
    return [x[(*before, slice(start, max(start, stop)))] for start, stop in pairs]


def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element along an axis (of the raveled x if None) as often in a row as `repeats` says, of all or of each."""
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    (axis,) = axes_of(x, axis, "repeat")
    n, times = x.shape[axis], as_tensor(repeats).numpy().ravel()
    if times.size not in (1, n) or times.dtype.kind not in "iu" or (times < 0).any():
        raise ShapeError(f"repeat: expected one whole number or {n} of them, each of 0 or more, got {repeats!r}")
    if times.size > 1:
        return take(x, np.repeat(np.arange(n, dtype=np.int32), times), axis)
    count, shape = int(times[0]), x.shape
    spread = broadcast_to(expand_dims(x, axis + 1), (*shape[: axis + 1], count, *shape[axis + 1 :]))
    return reshape(spread, (*shape[:axis], n * count, *shape[axis + 1 :]))


def tile(x: Any, repeats: int | Sequence[int]) -> Tensor:
    """x as often along each of its last axes as `repeats` says; new axes come on the left."""
    x = as_tensor(x)
    times = [repeats] if isinstance(repeats, (int, np.integer)) else list(repeats)
    times = [1] * (x.ndim - len(times)) + [int(n) for n in times]
    lengths = (1,) * (len(times) - x.ndim) + x.shape
    apart = reshape(x, [part for n in lengths for part in (1, n)])
    spread = broadcast_to(apart, [part for pair in zip(times, lengths, strict=True) for part in pair])
    return reshape(spread, [count * n for count, n in zip(times, lengths, strict=True)])


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


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """num numbers at equal steps from start to stop, along a new axis where these have axes.

    Parameters:
        endpoint: whether stop is the last of them; else the next one would be.
        retstep: whether to return (numbers, step) instead.
        dtype: by default `floatx()`, or the type of start and stop where these are arrays.
    """
    num = expect_integer("linspace", "num", num, 0)
    start, stop = promoted(start, stop)
    start, stop = operators.broadcast("linspace", operators.as_float(start), operators.as_float(stop))
    step = (stop - start) / float(max(num - bool(endpoint), 1))
    positions = expand_dims(arange(num, dtype=start.dtype), tuple(range(1, start.ndim + 1)))
    numbers = add(start, multiply(positions, step))
    if endpoint and num > 1:  # itself, whatever the steps are rounded to
        numbers = where(less(positions, num - 1.5), numbers, stop)
    order = list(range(1, numbers.ndim))
    order.insert(axis % numbers.ndim, 0)
    numbers = transpose(cast(numbers, dtype or numbers.dtype), order)
    return (numbers, step) if retstep else numbers


def eye(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix of n rows."""
    return one_hot(arange(n), n, dtype=dtype)
