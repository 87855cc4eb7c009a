"""Operations that only move elements: every element of the output is one element of an input (or a fill value)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Elementwise, Primitive, register
from ..core.tensor import Tensor, as_tensor, bind
from .common import arrays, normalized_axes, several

# broadcast_to: numpy's rule, new axes on the left


def _broadcast_shape(x: Aval, shape: tuple[int, ...]) -> Aval:
    padded = (1,) * (len(shape) - x.ndim) + x.shape
    fits = x.ndim <= len(shape) and all(n in (1, m) for n, m in zip(padded, shape, strict=True))
    if not (fits):
        raise ShapeError(f"broadcast_to: {x} does not broadcast to shape {shape}")
    return Aval(shape, x.dtype)


def _broadcast_load(b: Any, index: Any, load: Any, x: Aval, shape: tuple[int, ...]) -> Any:
    own = index[len(shape) - x.ndim :]
    return load(0, tuple(b.index(0) if n == 1 else i for i, n in zip(own, x.shape, strict=True)))


def _broadcast_vjp(g: Any, y: Any, x: Any, shape: tuple[int, ...]) -> Any:
    new = len(shape) - x.ndim
    axes = tuple(range(new)) + tuple(new + i for i, n in enumerate(x.shape) if n == 1 and shape[new + i] != 1)
    return reshape(g.sum(axis=axes), x.shape) if axes else reshape(g, x.shape)


_broadcast_to = register(
    Primitive(
        "broadcast_to",
        _broadcast_shape,
        lambda x, shape: np.broadcast_to(x, shape),
        (_broadcast_vjp,),
        Elementwise(_broadcast_load),
        several(arrays((5,), shape=(3, 5)), arrays((3, 1), shape=(2, 3, 20)), arrays((), shape=(17,))),
        cost=0,
    )
)


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x repeated along axes of length one, and along new axes on the left."""
    shape = tuple(shape)
    return x if x.shape == shape else bind(_broadcast_to, x, shape=shape)


def broadcast_shapes(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all of these broadcast to."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"{name}: shapes {' and '.join(map(str, shapes))} do not broadcast together") from None


def zeros_like(x: Tensor) -> Tensor:
    """Zeros of x's shape and type."""
    return broadcast_to(as_tensor(np.zeros((), x.dtype)), x.shape)


# reshape


def _reshape_shape(x: Aval, shape: tuple[int, ...]) -> Aval:
    result = Aval(shape, x.dtype)
    if result.size != x.size:
        raise ShapeError(f"reshape: {x} has {x.size} elements, shape {shape} has {result.size}")
    return result


def _reshape_load(b: Any, index: Any, load: Any, x: Aval, shape: tuple[int, ...]) -> Any:
    return load(0, b.reindex(index, shape, x.shape))


_reshape = register(
    Primitive(
        "reshape",
        _reshape_shape,
        lambda x, shape: x.reshape(shape),
        (lambda g, y, x, shape: reshape(g, x.shape),),
        Elementwise(_reshape_load),
        several(
            arrays((6, 4), shape=(8, 3)),
            arrays((3, 5), shape=(3, 1, 5)),
            arrays((20, 1), shape=(20,)),
            arrays((2, 3, 7), shape=(2, 21)),
        ),
        cost=0,
    )
)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The same elements in row-major order in another shape; one length may be -1."""
    shape = tuple(int(n) for n in shape)
    if shape.count(-1) == 1:
        known = int(np.prod([n for n in shape if n != -1]))
        if not (known > 0 and x.size % known == 0):
            raise ShapeError(f"reshape: {x.aval} does not fit shape {shape}")
        shape = tuple(x.size // known if n == -1 else n for n in shape)
    return x if x.shape == shape else bind(_reshape, x, shape=shape)


# transpose


def _transpose_shape(x: Aval, axes: tuple[int, ...]) -> Aval:
    if sorted(axes) != list(range(x.ndim)):
        raise ShapeError(f"transpose: expected an order of the {x.ndim} axes of {x}, got {axes}")
    return Aval(tuple(x.shape[axis] for axis in axes), x.dtype)


def _transpose_load(b: Any, index: Any, load: Any, x: Aval, axes: tuple[int, ...]) -> Any:
    return load(0, tuple(index[axes.index(axis)] for axis in range(x.ndim)))


_transpose = register(
    Primitive(
        "transpose",
        _transpose_shape,
        lambda x, axes: np.transpose(x, axes),
        (lambda g, y, x, axes: transpose(g, tuple(axes.index(axis) for axis in range(len(axes)))),),
        Elementwise(_transpose_load),
        several(arrays((3, 19), axes=(1, 0)), arrays((2, 3, 4), axes=(2, 0, 1))),
        cost=0,
    )
)


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Axis i of the result is axis axes[i] of x; by default the order is reversed."""
    axes = tuple(range(x.ndim))[::-1] if axes is None else tuple(axes)
    return x if axes == tuple(range(x.ndim)) else bind(_transpose, x, axes=axes)


# slice and its transpose, pad


def _slice_shape(x: Aval, starts: tuple[int, ...], stops: tuple[int, ...], steps: tuple[int, ...]) -> Aval:
    if not (len(starts) == len(stops) == len(steps) == x.ndim):
        raise ShapeError(f"slice: expected {x.ndim} bounds for {x}")
    inside = all(0 <= a <= c <= n and s >= 1 for a, c, s, n in zip(starts, stops, steps, x.shape, strict=True))
    if not (inside):
        raise ShapeError(f"slice: bounds {starts} to {stops} by {steps} do not lie within {x}")
    return Aval(tuple(-(-(c - a) // s) for a, c, s in zip(starts, stops, steps, strict=True)), x.dtype)


def _slice_numpy(x: Any, starts: Any, stops: Any, steps: Any) -> Any:
    return x[tuple(slice(a, c, s) for a, c, s in zip(starts, stops, steps, strict=True))]


def _slice_load(b: Any, index: Any, load: Any, x: Aval, starts: Any, stops: Any, steps: Any) -> Any:
    return load(0, tuple(i * s + a for i, a, s in zip(index, starts, steps, strict=True)))


def _slice_vjp(g: Any, y: Any, x: Any, starts: Any, stops: Any, steps: Any) -> Any:
    after = tuple(
        n - (a + (m - 1) * s + 1) if m else n - a for n, m, a, s in zip(x.shape, y.shape, starts, steps, strict=True)
    )
    return pad(g, starts, after, tuple(s - 1 for s in steps))


_slice = register(
    Primitive(
        "slice",
        _slice_shape,
        _slice_numpy,
        (_slice_vjp,),
        Elementwise(_slice_load),
        several(
            arrays((6, 20), starts=(1, 2), stops=(5, 19), steps=(1, 1)),
            arrays((5, 40), starts=(0, 3), stops=(5, 40), steps=(2, 2)),
        ),
        cost=0,
    )
)


def slice_(x: Tensor, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int] | None = None) -> Tensor:
    """Elements starts[i], starts[i] + steps[i], ... below stops[i] along every axis i."""
    return bind(_slice, x, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps or (1,) * x.ndim))


def _pad_shape(x: Aval, before: tuple[int, ...], after: tuple[int, ...], between: tuple[int, ...]) -> Aval:
    if not (len(before) == len(after) == len(between) == x.ndim):
        raise ShapeError(f"pad: expected {x.ndim} widths for {x}")
    if min((0, *before, *after, *between)) != 0:
        raise ShapeError(f"pad: expected widths of zero or more, got {before}, {after}")
    lengths = zip(x.shape, before, after, between, strict=True)
    return Aval(tuple(p + n + q + max(n - 1, 0) * r for n, p, q, r in lengths), x.dtype)


def _pad_numpy(x: Any, before: Any, after: Any, between: Any) -> Any:
    from_shape = _pad_shape(Aval(x.shape, x.dtype), before, after, between).shape
    result = np.zeros(from_shape, x.dtype)
    spans = zip(x.shape, before, between, strict=True)
    result[tuple(slice(p, p + n + max(n - 1, 0) * r, r + 1) for n, p, r in spans)] = x
    return result


def _pad_load(b: Any, index: Any, load: Any, x: Aval, before: Any, after: Any, between: Any) -> Any:
    own, inside = [], []
    for i, n, p, r in zip(index, x.shape, before, between, strict=True):
        shifted = i - p
        position = shifted // (r + 1) if r else shifted
        inside += [b.index_at_least(i, p), b.index_below(i, p + n + max(n - 1, 0) * r)]
        if r:
            inside.append(b.index_equal(shifted % (r + 1), 0))
        own.append(b.clamp_index(position, n))
    value = load(0, tuple(own))
    for test in inside:
        value = b.select(test, value, b.zero(value))
    return value


_pad = register(
    Primitive(
        "pad",
        _pad_shape,
        _pad_numpy,
        (
            lambda g, y, x, before, after, between: slice_(
                g,
                before,
                tuple(p + n + max(n - 1, 0) * r for n, p, r in zip(x.shape, before, between, strict=True)),
                tuple(r + 1 for r in between),
            ),
        ),
        Elementwise(_pad_load),
        several(
            arrays((3, 5), before=(1, 0), after=(0, 2), between=(0, 0)),
            arrays((3, 18), before=(1, 2), after=(1, 0), between=(1, 2)),
        ),
        cost=8,
    )
)


def pad(x: Tensor, before: Sequence[int], after: Sequence[int], between: Sequence[int] | None = None) -> Tensor:
    """x with zeros before, after and between its elements, counts per axis."""
    return bind(_pad, x, before=tuple(before), after=tuple(after), between=tuple(between or (0,) * x.ndim))


# concatenate and reverse


def _concatenate_shape(*avals: Aval, axis: int) -> Aval:
    first = avals[0]
    normalized_axes("concatenate", (axis,), first.ndim)
    rest = [(a.shape[:axis], a.shape[axis + 1 :], a.dtype) for a in avals]
    if not (all(a.ndim == first.ndim for a in avals) and all(r == rest[0] for r in rest)):
        raise ShapeError(f"concatenate: expected inputs alike but for axis {axis}, got {', '.join(map(str, avals))}")
    total = sum(a.shape[axis] for a in avals)
    return Aval((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


def _concatenate_load(b: Any, index: Any, load: Any, *avals: Aval, axis: int) -> Any:
    value, start = None, 0
    for k, aval in enumerate(avals):
        own = b.clamp_index(index[axis] - start, aval.shape[axis])
        here = load(k, (*index[:axis], own, *index[axis + 1 :]))
        value = here if value is None else b.select(b.index_at_least(index[axis], start), here, value)
        start += aval.shape[axis]
    return value


class _ConcatenateVjps(tuple):
    """The vjp of every input of a primitive that takes any number of them."""

    def __getitem__(self, k: Any) -> Any:
        def vjp(g: Any, y: Any, *xs: Any, axis: int) -> Any:
            start = sum(x.shape[axis] for x in xs[:k])
            starts = [0] * g.ndim
            stops = list(g.shape)
            starts[axis], stops[axis] = start, start + xs[k].shape[axis]
            return slice_(g, starts, stops)

        return vjp


_concatenate = register(
    Primitive(
        "concatenate",
        _concatenate_shape,
        lambda *xs, axis: np.concatenate(xs, axis),
        _ConcatenateVjps(),
        Elementwise(_concatenate_load),
        several(arrays((3, 5), (3, 2), (3, 20), axis=1), arrays((2, 5), (3, 5), axis=0)),
        cost=8,
    )
)


def concatenate(xs: Sequence[Tensor], axis: int = -1) -> Tensor:
    """The inputs one after another along an axis."""
    if not (len(xs) > 0):
        raise ShapeError("concatenate: expected at least one tensor, got none")
    axis = axis % xs[0].ndim if xs[0].ndim else axis
    return xs[0] if len(xs) == 1 else bind(_concatenate, *xs, axis=axis)


def _reverse_load(b: Any, index: Any, load: Any, x: Aval, axes: tuple[int, ...]) -> Any:
    return load(
        0, tuple(i * -1 + (n - 1) if k in axes else i for k, (i, n) in enumerate(zip(index, x.shape, strict=True)))
    )


_reverse = register(
    Primitive(
        "reverse",
        lambda x, axes: Aval(x.shape, x.dtype) if normalized_axes("reverse", axes, x.ndim) else x,
        lambda x, axes: np.flip(x, axes),
        (lambda g, y, x, axes: reverse(g, axes),),
        Elementwise(_reverse_load),
        several(arrays((3, 19), axes=(1,)), arrays((3, 5), axes=(0, 1))),
        cost=0,
    )
)


def reverse(x: Tensor, axes: Sequence[int]) -> Tensor:
    """x read backwards along these axes."""
    return bind(_reverse, x, axes=tuple(axes))
