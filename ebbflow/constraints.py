"""Constraints: what a weight is projected to after each update.

A constraint is a function of a weight's value that returns a value of the same shape. The norms are those of vectors
along `axis`: in a Dense kernel of shape (inputs, units), axis 0 is all that goes into one unit. The bounds are
attributes that can be changed, and searched over, without compiling again.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .core.errors import ArgumentError
from .core.tensor import Tensor
from .functions import array
from .functions.arguments import expect
from .functions.bounds import not_negative, share
from .functions.catalog import Catalog
from .functions.hyperparameter import number
from .operators import as_float

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

_EPSILON = 1e-7  # keeps a vector of zeros as it is

Axis = int | Sequence[int] | None


class Constraint:
    """Base of constraints: a subclass defines `__call__(w)`, and `get_config()` if its `__init__` takes arguments."""

    @property
    def name(self) -> str:
        """What its hyperparameters are named after."""
        return type(self).__name__.lower()

    def __call__(self, w: Any) -> Any:
        """The value that the weight w is given; here w itself."""
        return w

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal constraint, as plain JSON values."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Constraint":
        """A constraint from what `get_config` returned."""
        return cls(**config)


class NonNeg(Constraint):
    """max(w, 0)."""

    def __call__(self, w: Any) -> Tensor:
        return array.maximum(as_float(w), 0.0)


class _Norm(Constraint):
    """A constraint on the norms of the vectors along an axis, or along several."""

    def __init__(self, axis: Axis = 0):
        whole = [type(one) is int for one in (axis if isinstance(axis, (list, tuple)) else [axis])]
        expect(axis is None or all(whole), type(self).__name__, "axis", "a whole number, several, or None", axis)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def _norms(self, w: Tensor) -> Tensor:
        return array.sqrt(array.sum(array.square(w), axis=self.axis, keepdims=True))


class MaxNorm(_Norm):
    """w min(|w|, max_value) / (|w| + 1e-7): vectors that are too long are shortened to max_value.

    Raises ArgumentError for a bad argument.
    Source: Srebro, Shraibman (2005), "Rank, Trace-Norm and Max-Norm".
    """

    max_value = not_negative()

    def __init__(self, max_value: float = 2, axis: Axis = 0):
        super().__init__(axis)
        self.max_value = max_value

    def __call__(self, w: Any) -> Tensor:
        w = as_float(w)
        norms = self._norms(w)
        return w * (array.minimum(norms, array.cast(self.max_value, w.dtype)) / (norms + _EPSILON))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": number(self.max_value), "axis": self.axis}


class UnitNorm(_Norm):
    """w / (|w| + 1e-7): vectors of length 1. Raises ArgumentError for a bad axis."""

    def __call__(self, w: Any) -> Tensor:
        w = as_float(w)
        return w / (self._norms(w) + _EPSILON)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(_Norm):
    """w (rate clip(|w|, min_value, max_value) + (1 - rate) |w|) / (|w| + 1e-7).

    Parameters:
        min_value, max_value: what the norms are brought between.
        rate: how far at each update, from 0 to 1 (all the way).
        axis: along which the norms are taken.

    Raises ArgumentError for a bad argument, also when min_value is above max_value.
    """

    min_value, max_value = not_negative(), not_negative()
    rate = share()

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0):
        super().__init__(axis)
        self.min_value, self.max_value, self.rate = min_value, max_value, rate
        if min_value > max_value:
            raise ArgumentError(f"MinMaxNorm: expected min_value of at most max_value, got {min_value} and {max_value}")

    def __call__(self, w: Any) -> Tensor:
        w = as_float(w)
        low, high, rate = (array.cast(one, w.dtype) for one in (self.min_value, self.max_value, self.rate))
        norms = self._norms(w)
        desired = rate * array.clip(norms, low, high) + (1.0 - rate) * norms
        return w * (desired / (norms + _EPSILON))

    def get_config(self) -> dict[str, Any]:
        bounds = {"min_value": number(self.min_value), "max_value": number(self.max_value)}
        return bounds | {"rate": number(self.rate), "axis": self.axis}


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_CATALOG = Catalog(
    "constraints",
    Constraint,
    {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm},
)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """A constraint from its name ("max_norm", "MaxNorm"), its configuration, a function, or None.

    Raises ArgumentError, with the known names, for anything else.
    """
    return _CATALOG.get(identifier)


def serialize(constraint: Any) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a function."""
    return _CATALOG.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[[Any], Any] | None:
    """A constraint from what `serialize` returned; raises ArgumentError for an unknown class."""
    return _CATALOG.deserialize(config, custom_objects)
