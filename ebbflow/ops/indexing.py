"""Positions as values, and values looked up by position."""

from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Elementwise, Primitive, Sample, register
from ..core.tensor import Tensor, bind
from .common import INTEGERS
from .contraction import contract
from .elementwise import cast, equal
from .movement import broadcast_to, reshape


def _iota_samples(rng: np.random.Generator) -> Any:
    yield Sample((), {"shape": (3, 20), "axis": 1, "dtype": np.dtype("int32")})
    yield Sample((), {"shape": (5, 3), "axis": 0, "dtype": np.dtype("float64")})


def _iota_numpy(shape: tuple[int, ...], axis: int, dtype: np.dtype) -> np.ndarray:
    positions = np.arange(shape[axis], dtype=dtype)
    return np.broadcast_to(positions.reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape)


_iota = register(
    Primitive(
        "iota",
        lambda shape, axis, dtype: Aval(shape, dtype),
        _iota_numpy,
        (),
        Elementwise(lambda b, index, load, shape, axis, dtype: b.index_value(index[axis], dtype)),
        _iota_samples,
    )
)


def iota(shape: tuple[int, ...], axis: int, dtype: Any = "int32") -> Tensor:
    """Every element's position along an axis."""
    return bind(_iota, shape=tuple(shape), axis=axis % len(shape), dtype=np.dtype(dtype))


def one_hot(indices: Tensor, num_classes: int, dtype: Any) -> Tensor:
    """1 where the last axis' position is the index, else 0: (..., num_classes)."""
    shape = (*indices.shape, num_classes)
    spread = broadcast_to(reshape(indices, (*indices.shape, 1)), shape)
    return cast(equal(spread, iota(shape, -1, indices.dtype)), dtype)


def _take_shape(x: Aval, indices: Aval) -> Aval:
    if x.ndim < 1:
        raise ShapeError(f"take: expected a table with rows, got {x}")
    if indices.dtype not in INTEGERS:
        raise ShapeError(f"take: expected integer indices, got {indices}")
    return Aval(indices.shape + x.shape[1:], x.dtype)


def _take_load(b: Any, index: Any, load: Any, x: Aval, indices: Aval) -> Any:
    row = load(1, index[: indices.ndim])
    return load.row(0, row, index[indices.ndim :])


def _take_vjp(g: Any, y: Any, x: Any, indices: Any) -> Any:
    """Each row of x gathers the cotangents of the places that read it, as a product with the one-hot matrix."""
    rows, width = x.shape[0], x.size // max(x.shape[0], 1)
    hits = one_hot(reshape(indices, (indices.size,)), rows, x.dtype)
    return reshape(contract(hits, reshape(g, (indices.size, width)), "br,bw->rw"), x.shape)


def _take_samples(rng: np.random.Generator) -> Any:
    yield Sample((rng.random((7, 5)), rng.integers(0, 7, (3,)).astype("int32")), {})
    yield Sample((rng.random((7, 20)), rng.integers(0, 7, (2, 3)).astype("int32")), {})
    yield Sample((rng.random(9), rng.integers(0, 9, (19,)).astype("int32")), {})


_take = register(
    Primitive(
        "take",
        _take_shape,
        lambda x, indices: x[np.clip(indices, 0, x.shape[0] - 1)],
        (_take_vjp, None),
        Elementwise(_take_load),
        _take_samples,
        cost=100,
    )
)


def take(x: Tensor, indices: Tensor) -> Tensor:
    """Rows of x by position; positions outside are clamped to the first or last row."""
    return bind(_take, x, indices)
