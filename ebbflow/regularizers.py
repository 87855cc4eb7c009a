"""Penalties on weights or outputs, which are added to the loss.

A regularizer is a function of a tensor that returns one number. Its factors are attributes that can be changed, and
searched over, without compiling again.
"""

from collections.abc import Callable
from typing import Any

from .core.errors import ShapeError
from .core.tensor import Tensor
from .functions import array, shapes
from .functions.arguments import choose
from .functions.bounds import not_negative
from .functions.catalog import Catalog
from .functions.hyperparameter import number
from .operators import as_float

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

_SMALLEST_NORM = 1e-7


class Regularizer:
    """Base of penalties: a subclass defines `__call__(x)`, which returns one number, and `get_config()`.

        class Spread(ebbflow.regularizers.Regularizer):
            factor = Hyperparameter()

            def __init__(self, factor=0.01):
                self.factor = factor

            def __call__(self, x):
                return cast(self.factor, x.dtype) * ops.var(x)

            def get_config(self):
                return {"factor": float(self.factor)}

    A number that is not a Hyperparameter but a plain attribute is written into the compiled program.
    """

    @property
    def name(self) -> str:
        """What its hyperparameters are named after."""
        return type(self).__name__.lower()

    def __call__(self, x: Any) -> Tensor:
        """The penalty of a tensor."""
        raise NotImplementedError(f"{type(self).__name__}: define __call__(self, x), which returns one number")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal regularizer, as plain JSON values."""
        raise NotImplementedError(f"{type(self).__name__}: define get_config(self) to save a model that uses it")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Regularizer":
        """A regularizer from what `get_config` returned."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 sum_i |x_i| + l2 sum_i x_i^2, with factors of 0 or more: 0 by default, 0.01 both where it is given by name.

    Raises ArgumentError for a bad factor.
    Source: Zou, Hastie (2005), "Regularization and variable selection via the elastic net".
    """

    l1, l2 = not_negative(), not_negative()

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = 0.0 if l1 is None else l1
        self.l2 = 0.0 if l2 is None else l2

    def __call__(self, x: Any) -> Tensor:
        x = as_float(x)
        first, second = array.sum(array.abs(x)), array.sum(array.square(x))
        return array.cast(self.l1, x.dtype) * first + array.cast(self.l2, x.dtype) * second

    def get_config(self) -> dict[str, Any]:
        return {"l1": number(self.l1), "l2": number(self.l2)}


class L1(Regularizer):
    """l1 sum_i |x_i|, which makes many x_i zero; the derivative at 0 is 0.

    Raises ArgumentError unless l1 is a number of 0 or more.
    Source: Tibshirani (1996), "Regression shrinkage and selection via the lasso".
    """

    l1 = not_negative()

    def __init__(self, l1: float | None = 0.01):
        self.l1 = 0.01 if l1 is None else l1

    def __call__(self, x: Any) -> Tensor:
        x = as_float(x)
        return array.cast(self.l1, x.dtype) * array.sum(array.abs(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": number(self.l1)}


class L2(Regularizer):
    """l2 sum_i x_i^2, without a factor of 1/2.

    Raises ArgumentError unless l2 is a number of 0 or more.
    Source: Hoerl, Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems".
    """

    l2 = not_negative()

    def __init__(self, l2: float | None = 0.01):
        self.l2 = 0.01 if l2 is None else l2

    def __call__(self, x: Any) -> Tensor:
        x = as_float(x)
        return array.cast(self.l2, x.dtype) * array.sum(array.square(x))

    def get_config(self) -> dict[str, Any]:
        return {"l2": number(self.l2)}


class OrthogonalRegularizer(Regularizer):
    """factor * mean |cos(r_i, r_j)| over the pairs of rows (or columns) r of a matrix; 0 where they are orthogonal.

    Parameters:
        factor: of 0 or more.
        mode: "rows" or "columns".

    A row shorter than 1e-7 is divided by 1e-7 instead of its length; a single row has no pairs and the penalty 0.
    Raises ArgumentError for a bad argument, ShapeError for a tensor that is not a matrix.
    """

    factor = not_negative()

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = factor
        self.mode = choose("OrthogonalRegularizer", "mode", mode, ("rows", "columns"))

    def __call__(self, x: Any) -> Tensor:
        x = as_float(x)
        if x.ndim != 2:
            raise ShapeError(f"OrthogonalRegularizer: expected a matrix, got {x.aval}")
        rows = x if self.mode == "rows" else shapes.transpose(x)
        count = rows.shape[0]
        # bounded before the root, whose derivative at 0 is infinite
        squares = array.maximum(array.sum(array.square(rows), axis=1, keepdims=True), _SMALLEST_NORM**2)
        units = rows * array.rsqrt(squares)
        cosines = array.abs(array.matmul(units, shapes.transpose(units))) * (1.0 - shapes.eye(count, x.dtype))
        return array.cast(self.factor, x.dtype) * array.sum(cosines) / max(count * (count - 1), 1)

    def get_config(self) -> dict[str, Any]:
        return {"factor": number(self.factor), "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_CATALOG = Catalog(
    "regularizers",
    Regularizer,
    {"l1": L1, "l2": L2, "l1_l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer},
)


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """A regularizer from its name ("l2", "L2"), its configuration, a function, or None.

    Raises ArgumentError, with the known names, for anything else.
    """
    if isinstance(identifier, str) and identifier in ("l1_l2", "l1l2", "L1L2"):
        return L1L2(0.01, 0.01)  # as Keras documents it; its own defaults would penalize nothing
    return _CATALOG.get(identifier)


def serialize(regularizer: Any) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a function."""
    return _CATALOG.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[[Any], Any] | None:
    """A regularizer from what `serialize` returned; raises ArgumentError for an unknown class."""
    return _CATALOG.deserialize(config, custom_objects)
