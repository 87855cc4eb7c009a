"""A primitive operation: one object that says everything about it.

Its shape rule, its meaning in NumPy, its vector-Jacobian products, how one element of it is computed in native code,
and sample inputs. Registering a primitive is also its test plan: the laws in `tests/` run over the registry.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .aval import Aval


@dataclass(frozen=True)
class Pointwise:
    """Element i of the output is `emit(b, *elements i of the inputs, **params)`; b writes loop code."""

    emit: Callable[..., Any]


@dataclass(frozen=True)
class Elementwise:
    """Element `index` of the output is `emit(b, index, load, *avals, **params)`; `load(k, index)` reads input k.

    `together`: how many neighbours along the last axis, the first of them at a multiple of it, cost as much as one.
    """

    emit: Callable[..., Any]
    together: int = 1


@dataclass(frozen=True)
class Reduction:
    """A fold over `params["axes"]` (each fold has a state of one or more values).

    `initial(aval)` lists the neutral NumPy scalars, `lift(b, x, position)` makes a state of one element (position: its
    index along the last reduced axis), `merge(b, s, t)` joins two states, `finish(b, s)` picks the result.
    """

    initial: Callable[[Aval], tuple]
    lift: Callable[..., tuple]
    merge: Callable[..., tuple]
    finish: Callable[..., Any]


@dataclass(frozen=True)
class Contraction:
    """A sum of products over shared labels, lowered by the register-blocked product."""


@dataclass(frozen=True)
class Leaf:
    """A value that is given, not computed: an input or a constant."""


@dataclass(frozen=True)
class Sample:
    """Inputs and parameters on which the laws try a primitive."""

    inputs: tuple[np.ndarray, ...]
    params: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Primitive:
    """An operation that everything else is made of.

    Attributes:
        name: as printed in graphs.
        shape: `shape(*avals, **params) -> Aval`; raises ShapeError where inputs do not fit.
        numpy: the meaning, `numpy(*arrays, **params) -> array`.
        vjp: for each input `vjp(g, y, *inputs, **params)`, the product of the output's cotangent g with the Jacobian
            of that input, written with Tensor operators; None where the input is not differentiable.
        lower: how native code computes an element.
        samples: `samples(rng)` yields Sample objects.
        cost: rough arithmetic per element in additions; cheap elements are computed again rather than stored.
    """

    name: str
    shape: Callable[..., Aval]
    numpy: Callable[..., np.ndarray]
    vjp: tuple[Callable[..., Any] | None, ...]
    lower: Pointwise | Elementwise | Reduction | Contraction | Leaf
    samples: Callable[[np.random.Generator], Iterable[Sample]]
    cost: int = 1

    def __str__(self) -> str:
        return self.name


registry: dict[str, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Add a primitive to the registry, under its name."""
    assert primitive.name not in registry, f"primitive {primitive.name} is registered twice"
    registry[primitive.name] = primitive
    return primitive
