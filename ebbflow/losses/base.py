"""Loss: one value per sample, times the sample's weight, reduced to one number."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor
from ..functions import array, shapes
from ..functions.arguments import choose, expect, expect_dtype
from ..functions.hyperparameter import held_by, number
from ..functions.naming import expect_name, snake_case
from ..operators import as_float

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


# shapes


def aligned(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as floats of y_pred's type and of one shape; (batch,) and (batch, 1) become (batch, 1).

    Raises ShapeError, naming both shapes, when they differ otherwise.
    """
    y_pred = as_float(y_pred)
    y_true, y_pred = _of_one_rank(target_of(y_true, y_pred), y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(f"{name}: expected y_true of the shape of y_pred {y_pred.aval}, got {y_true.aval}")
    return array.cast(y_true, y_pred.dtype), y_pred


def target_of(y_true: Any, y_pred: Tensor) -> Tensor:
    """A tensor as it is, and a list of numbers in the type of the predictions."""
    return as_tensor(y_true, None if hasattr(y_true, "dtype") else y_pred.dtype)


def _of_one_rank(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """The one of (batch,) and (batch, 1) that lacks an axis gets it."""
    longer, shorter = sorted((y_true.shape, y_pred.shape), key=len, reverse=True)
    if longer != (*shorter, 1):
        return y_true, y_pred
    return shapes.reshape(y_true, longer), shapes.reshape(y_pred, longer)


def one_row_per_sample(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """One output per sample as a column (batch, 1), however it came; anything else as it is."""
    if y_true.ndim == y_pred.ndim == 1:
        return shapes.expand_dims(y_true, -1), shapes.expand_dims(y_pred, -1)
    return _of_one_rank(y_true, y_pred)


def scalar(value: Any, like: Tensor) -> Any:
    """A number as it is, a hyperparameter in the type of the tensor that it meets."""
    return value if isinstance(value, (int, float)) else array.cast(value, like.dtype)


def expect_axis(owner: str, axis: Any) -> int:
    """`axis` as an int; raises ArgumentError unless it is a whole number."""
    expect(isinstance(axis, (int, np.integer)) and not isinstance(axis, bool), owner, "axis", "a whole number", axis)
    return int(axis)


# classes


class Loss:
    """Base of losses: a subclass defines `call(y_true, y_pred)`, which returns one value per sample.

    Parameters:
        name: as printed.
        reduction: "sum_over_batch_size", "mean", "sum", "mean_with_sample_weight" or None; see the package.
        dtype: in which it is computed; by default that of the predictions.

    A number that one may want to change or search over is a `Hyperparameter` of the class, as in layers: a compiled
    program reads it when it runs.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        owner = type(self).__name__
        self.name = expect_name(owner, name) or snake_case(owner)
        self.reduction = choose(owner, "reduction", reduction, _REDUCTIONS)
        self.dtype = None if dtype is None else expect_dtype(owner, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample: (batch, ...) and (batch, ...) -> (batch,)."""
        raise NotImplementedError(f"{type(self).__name__}: define call(self, y_true, y_pred), the loss of each sample")

    def counted(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Which values of `call` count at all, as booleans; None for all of them."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The reduced loss; sample_weight is one number per sample, or one in all."""
        y_pred = self._prediction(y_pred)
        y_true, y_pred = one_row_per_sample(target_of(y_true, y_pred), y_pred)
        values = as_tensor(self.call(y_true, y_pred))
        return reduce_weighted(self.name, values, sample_weight, self.reduction, self.counted(y_true, y_pred))

    def _prediction(self, y_pred: Any) -> Tensor:
        if self.dtype is None:
            return as_float(y_pred)
        return array.cast(y_pred if hasattr(y_pred, "dtype") else as_tensor(y_pred, self.dtype), self.dtype)

    @property
    def hyperparameters(self) -> list[Any]:
        """The scalars that a compiled program reads when it runs."""
        return list(held_by(self).values())

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal loss, as plain JSON values."""
        dtype = {} if self.dtype is None else {"dtype": str(self.dtype)}
        numbers = {name: number(variable) for name, variable in held_by(self).items()}
        return {"name": self.name, "reduction": self.reduction, **dtype, **numbers}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Loss":
        """A loss from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def reduce_weighted(
    name: str, values: Tensor, sample_weight: Any, reduction: str | None, counted: Tensor | None = None
) -> Tensor:
    """The values times their weights, reduced; a value that is not counted weighs nothing and is not in the mean.

    Raises ShapeError when the weights do not fit the values.
    """
    weight = None
    if sample_weight is not None:
        weight = weights_like(name, array.cast(sample_weight, values.dtype), values)
        values = values * weight
    if counted is not None:
        kept = array.cast(counted, values.dtype)
        values, weight = values * kept, kept if weight is None else weight * kept
    if reduction in (None, "none"):
        return values
    total = array.sum(values)
    if reduction == "sum":
        return total
    if weight is not None and reduction == "mean_with_sample_weight":
        return array.divide_no_nan(total, array.sum(weight))
    if counted is not None:
        return array.divide_no_nan(total, array.sum(kept))
    return total / float(max(values.size, 1))


def weights_like(name: str, weight: Tensor, values: Tensor) -> Tensor:
    """One weight per value, from weights of all or some leading axes of the values, or with axes of length 1."""
    shape = weight.shape
    if len(shape) > values.ndim and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > values.ndim or any(own not in (1, n) for own, n in zip(shape, values.shape, strict=False)):
        raise ShapeError(f"{name}: expected sample weights of shape {values.shape}, got {weight.aval}")
    return shapes.broadcast_to(shapes.reshape(weight, shape + (1,) * (values.ndim - len(shape))), values.shape)


class LossFunctionWrapper(Loss):
    """A loss from a function of (y_true, y_pred, **kwargs) that returns one value per sample, or one number.

    The hyperparameters of a subclass are given to the function under their names.

    Parameters:
        fn: the function; what else is given by name is handed to it.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        expect(callable(fn), type(self).__name__, "fn", "a function of (y_true, y_pred)", fn)
        super().__init__(getattr(fn, "__name__", "loss") if name is None else name, reduction, dtype)
        self.fn, self.fn_kwargs = fn, kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.fn(y_true, y_pred, **self.fn_kwargs, **held_by(self))

    def get_config(self) -> dict[str, Any]:
        if type(self) is LossFunctionWrapper:
            raise ArgumentError(
                f"Loss {self.name}: a function cannot be written to a file; make it a subclass of ebbflow.losses.Loss"
            )
        return super().get_config() | self.fn_kwargs
