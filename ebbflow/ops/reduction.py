"""Folds over axes: sum, maximum, minimum, and the position of the maximum. Reduced axes disappear."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Primitive, Reduction, register
from ..core.tensor import Tensor, bind
from .common import FLOATS, INTEGERS, arrays, normalized_axes, several
from .elementwise import cast, equal, where
from .movement import broadcast_to, reshape, zeros_like

NUMBERS: tuple[np.dtype, ...] = (*FLOATS, *INTEGERS)


def _shape_rule(name: str, result: np.dtype | None = None) -> Callable[..., Aval]:
    def shape(x: Aval, axes: tuple[int, ...]) -> Aval:
        normalized_axes(name, axes, x.ndim)
        if x.dtype not in NUMBERS:
            raise ShapeError(f"{name}: expected numbers, got {x}")
        if not (name == "sum" or all(x.shape[axis] for axis in axes)):
            raise ShapeError(f"{name}: {x} has no elements along {axes}")
        return Aval(tuple(n for axis, n in enumerate(x.shape) if axis not in axes), result or x.dtype)

    return shape


def _spread(g: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """g, from which axes were reduced, repeated to the shape of x."""
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))
    return broadcast_to(reshape(g, kept), x.shape)


def _extreme_vjp(g: Any, y: Any, x: Any, axes: tuple[int, ...]) -> Any:
    hit = equal(x, _spread(y, x, axes))
    ties = _spread(sum_(cast(hit, x.dtype), axes), x, axes)
    return where(hit, _spread(g, x, axes) / ties, zeros_like(x))


_SAMPLES = several(
    arrays((5, 7), axes=(1,)), arrays((5, 37), axes=(0,)), arrays((4, 33), axes=(0, 1)), arrays((2, 3, 20), axes=(0, 2))
)


def _lowest(aval: Aval) -> Any:
    return aval.dtype.type(-np.inf) if aval.is_float else np.iinfo(aval.dtype).min


def _highest(aval: Aval) -> Any:
    return aval.dtype.type(np.inf) if aval.is_float else np.iinfo(aval.dtype).max


_sum = register(
    Primitive(
        "sum",
        _shape_rule("sum"),
        lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype),
        (lambda g, y, x, axes: _spread(g, x, axes),),
        Reduction(
            initial=lambda aval: (0,),
            lift=lambda b, x, position: (x,),
            merge=lambda b, s, t: (b.add(s[0], t[0]),),
            finish=lambda b, s: s[0],
        ),
        _SAMPLES,
        cost=100,
    )
)


def _extreme(
    name: str, numpy: Callable[..., Any], initial: Callable[[Aval], Any], pick: Callable[..., Any]
) -> Primitive:
    return register(
        Primitive(
            name,
            _shape_rule(name),
            lambda x, axes: numpy(x, axis=axes),
            (_extreme_vjp,),
            Reduction(
                initial=lambda aval: (initial(aval),),
                lift=lambda b, x, position: (x,),
                merge=lambda b, s, t: (pick(b, s[0], t[0]),),
                finish=lambda b, s: s[0],
            ),
            _SAMPLES,
            cost=100,
        )
    )


_max = _extreme("max", np.max, _lowest, lambda b, x, y: b.maximum(x, y))
_min = _extreme("min", np.min, _highest, lambda b, x, y: b.minimum(x, y))


def _argmax_merge(b: Any, s: Any, t: Any) -> Any:
    """The greater value wins; between equals the earlier position; a NaN wins over numbers, as in NumPy."""
    later = b.logical_or(
        b.compare("lt", s[0], t[0]), b.logical_and(b.compare("eq", s[0], t[0]), b.compare("lt", t[1], s[1]))
    )
    nan = b.logical_and(b.compare("ne", t[0], t[0]), b.compare("eq", s[0], s[0]))
    first_nan = b.logical_and(
        b.logical_and(b.compare("ne", t[0], t[0]), b.compare("ne", s[0], s[0])), b.compare("lt", t[1], s[1])
    )
    take = b.logical_or(b.logical_or(later, nan), first_nan)
    return b.select(take, t[0], s[0]), b.select(take, t[1], s[1])


_argmax = register(
    Primitive(
        "argmax",
        _shape_rule("argmax", np.dtype("int32")),
        lambda x, axes: np.argmax(x, axis=axes[0]).astype(np.int32),
        (None,),
        Reduction(
            initial=lambda aval: (_lowest(aval), np.int32(np.iinfo(np.int32).max)),
            lift=lambda b, x, position: (x, position),
            merge=_argmax_merge,
            finish=lambda b, s: s[1],
        ),
        several(arrays((5, 7), axes=(1,)), arrays((9, 37), axes=(0,)), arrays((6, 33), axes=(1,))),
        cost=100,
    )
)


def sum_(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return bind(_sum, x, axes=axes) if axes else x


def max_(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return bind(_max, x, axes=axes) if axes else x


def min_(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return bind(_min, x, axes=axes) if axes else x


def argmax(x: Tensor, axis: int) -> Tensor:
    return bind(_argmax, x, axes=(axis,))
