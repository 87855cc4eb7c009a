"""What several families of primitives share: shape rules and sample inputs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Sample

FLOATS: tuple[np.dtype, ...] = (np.dtype("float32"), np.dtype("float64"))
INTEGERS: tuple[np.dtype, ...] = tuple(np.dtype(name) for name in ("uint8", "int32", "uint32", "int64"))
BOOL = np.dtype("bool")


def same_avals(name: str, *avals: Aval) -> Aval:
    """All inputs alike; broadcasting and conversion are explicit operations."""
    if not (all(aval == avals[0] for aval in avals)):
        raise ShapeError(f"{name}: expected inputs of one shape and type, got {', '.join(map(str, avals))}")
    return avals[0]


def normalized_axes(name: str, axes: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    if not (all(0 <= axis < ndim for axis in axes) and len(set(axes)) == len(axes)):
        raise ShapeError(f"{name}: expected distinct axes below {ndim}, got {axes}")
    return axes


def arrays(*shapes: tuple[int, ...], low: float = -2.0, high: float = 2.0, dtype: Any = "float64", **params: Any):
    """Samples whose inputs are uniform between low and high."""

    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        yield Sample(tuple(rng.uniform(low, high, shape).astype(dtype) for shape in shapes), params)

    return samples


def several(*makers: Callable[[np.random.Generator], Any]) -> Callable[[np.random.Generator], Iterator[Sample]]:
    def samples(rng: np.random.Generator) -> Iterator[Sample]:
        for maker in makers:
            yield from maker(rng)

    return samples
