"""Losses: how far predictions are from the truth, as one number to be made small.

A loss computes one value per sample, multiplies it by the sample's weight and reduces:

    sum_over_batch_size   sum_i w_i l_i / n      (the default; w_i = 1 without weights)
    sum                   sum_i w_i l_i
    mean_with_sample_weight   sum_i w_i l_i / sum_i w_i
    none                  w_i l_i, one value per sample

Targets of shape (batch,) fit predictions of shape (batch, 1). Any other difference of shapes raises ShapeError: to
broadcast would compare every sample with every other.
"""

from collections.abc import Callable
from typing import Any

from .core.errors import ArgumentError, ShapeError
from .core.tensor import Tensor, as_tensor
from .functions import array, nn, shapes
from .functions.arguments import choose, expect_number, unknown
from .operators import as_float

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_crossentropy",
]

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


def aligned(name: str, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Both as floats of y_pred's type and of one shape; (batch,) and (batch, 1) become (batch, 1).

    Raises ShapeError, naming both shapes, when they differ otherwise.
    """
    y_true, y_pred = _of_one_rank(as_tensor(y_true), as_float(y_pred))
    if y_true.shape != y_pred.shape:
        raise ShapeError(f"{name}: expected y_true of the shape of y_pred {y_pred.aval}, got {y_true.aval}")
    return array.cast(y_true, y_pred.dtype), y_pred


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


# formulas, one value per sample


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k (y_k - p_k)^2 over the last axis: (batch, outputs) -> (batch,)."""
    y, p = aligned("mean_squared_error", y_true, y_pred)
    return array.mean(array.square(p - y), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k |y_k - p_k| over the last axis: (batch, outputs) -> (batch,)."""
    y, p = aligned("mean_absolute_error", y_true, y_pred)
    return array.mean(array.abs(p - y), axis=-1)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Tensor:
    """mean_k -(y_k log p_k + (1 - y_k) log(1 - p_k)) over the axis: (batch, outputs) -> (batch,).

    Parameters:
        from_logits: y_pred holds z with p = sigmoid(z); finite for any finite z.
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / 2.
    """
    y, p = aligned("binary_crossentropy", y_true, y_pred)
    if not _is_zero(label_smoothing):
        y = y * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return array.mean(nn.binary_crossentropy(y, p, from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: Any = 0.0, axis: int = -1
) -> Tensor:
    """-sum_k y_k log p_k over the axis of the classes, for one-hot targets: (batch, classes) -> (batch,).

    Parameters:
        from_logits: y_pred holds z with p = softmax(z); finite for any finite z.
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / classes.
    """
    y_pred = as_float(y_pred)
    y = array.cast(y_true, y_pred.dtype)
    if y.shape != y_pred.shape:
        hint = "; for class numbers use the sparse loss" if y.ndim < y_pred.ndim or y.shape[-1:] == (1,) else ""
        raise ShapeError(
            f"categorical_crossentropy: expected y_true of the shape of y_pred {y_pred.aval}, got {y.aval}{hint}"
        )
    if not _is_zero(label_smoothing):
        y = y * (1.0 - label_smoothing) + label_smoothing / y.shape[axis]
    return nn.categorical_crossentropy(y, y_pred, from_logits, axis)


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-log p_y over the axis of the classes, for class numbers y from 0: (batch,), (batch, classes) -> (batch,).

    Parameters:
        from_logits: y_pred holds z with p = softmax(z); finite for any finite z.

    NaN for a number that is no class, so that training stops instead of ignoring the sample.
    """
    return nn.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)


def _is_zero(number: Any) -> bool:
    return isinstance(number, (int, float)) and number == 0


# classes


class Loss:
    """Base of losses: a subclass defines `call(y_true, y_pred)`, which returns one value per sample.

    Parameters:
        name: as printed.
        reduction: "sum_over_batch_size", "mean", "sum", "mean_with_sample_weight" or None; see the module.
        dtype: in which it is computed; by default that of the predictions.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        self.name = name or snake_case(type(self).__name__)
        self.reduction = choose(type(self).__name__, "reduction", reduction, _REDUCTIONS)
        self.dtype = dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample: (batch, ...) and (batch, ...) -> (batch,)."""
        raise NotImplementedError(f"{type(self).__name__}: define call(self, y_true, y_pred), the loss of each sample")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The reduced loss; sample_weight is one number per sample, or one in all."""
        y_true, y_pred = as_tensor(y_true), as_float(y_pred)
        if self.dtype is not None:
            y_pred = array.cast(y_pred, self.dtype)
        values = as_tensor(self.call(*one_row_per_sample(y_true, y_pred)))
        return reduce_weighted(self.name, values, sample_weight, self.reduction)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal loss, as plain JSON values."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Loss":
        """A loss from what `get_config` returned."""
        return cls(**config)


def reduce_weighted(name: str, values: Tensor, sample_weight: Any, reduction: str | None) -> Tensor:
    """The values times their weights, reduced; raises ShapeError when the weights do not fit the values."""
    weight = None
    if sample_weight is not None:
        weight = _weights_like(name, array.cast(sample_weight, values.dtype), values)
        values = values * weight
    if reduction in (None, "none"):
        return values
    total = array.sum(values)
    if reduction == "sum":
        return total
    if weight is not None and reduction == "mean_with_sample_weight":
        return array.divide_no_nan(total, array.sum(weight))
    return total / float(max(values.size, 1))


def _weights_like(name: str, weight: Tensor, values: Tensor) -> Tensor:
    """One weight per value, from weights of all or some leading axes of the values, or with an extra last axis of 1."""
    shape = weight.shape
    if len(shape) > values.ndim and shape[-1] == 1:
        shape = shape[:-1]
    if shape != values.shape[: len(shape)]:
        raise ShapeError(f"{name}: expected sample weights of shape {values.shape}, got {weight.aval}")
    return shapes.broadcast_to(shapes.reshape(weight, shape + (1,) * (values.ndim - len(shape))), values.shape)


def snake_case(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class LossFunctionWrapper(Loss):
    """A loss from a function of (y_true, y_pred, **kwargs) that returns one value per sample, or one number."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        self.fn, self.fn_kwargs = fn, kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.fn(y_true, y_pred, **self.fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        if type(self) is LossFunctionWrapper:
            raise ArgumentError(
                f"Loss {self.name}: a function cannot be written to a file; make it a subclass of ebbflow.losses.Loss"
            )
        return super().get_config() | self.fn_kwargs


class MeanSquaredError(LossFunctionWrapper):
    """mean_k (y_k - p_k)^2 per sample."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """mean_k |y_k - p_k| per sample."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


def _smoothing(owner: str, value: float) -> float:
    return expect_number(owner, "label_smoothing", value, low=0.0, high=1.0)


class BinaryCrossentropy(LossFunctionWrapper):
    """mean_k -(y_k log p_k + (1 - y_k) log(1 - p_k)) per sample, y in [0, 1].

    Parameters:
        from_logits: y_pred holds logits z with p = sigmoid(z); else probabilities, clipped to [1e-7, 1 - 1e-7].
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / 2.
        axis: the axis of the mean.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        smoothing = _smoothing("BinaryCrossentropy", label_smoothing)
        own = {"from_logits": bool(from_logits), "label_smoothing": smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **own)
        self.from_logits, self.label_smoothing, self.axis = bool(from_logits), smoothing, axis


class CategoricalCrossentropy(LossFunctionWrapper):
    """-sum_k y_k log p_k per sample, y one-hot.

    Parameters:
        from_logits: y_pred holds logits z with p = softmax(z); else probabilities, made to sum to 1 and clipped to
            [1e-7, 1 - 1e-7].
        label_smoothing: s in [0, 1] moves the targets to y (1 - s) + s / classes.
        axis: the axis of the classes.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        smoothing = _smoothing("CategoricalCrossentropy", label_smoothing)
        own = {"from_logits": bool(from_logits), "label_smoothing": smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **own)
        self.from_logits, self.label_smoothing, self.axis = bool(from_logits), smoothing, axis


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """-log p_y per sample, y the number of the class, from 0.

    Parameters:
        from_logits: y_pred holds logits z with p = softmax(z); else probabilities, made to sum to 1 and clipped to
            [1e-7, 1 - 1e-7].
        axis: the axis of the classes.
        reduction, name, dtype: as for Loss.
    """

    def __init__(
        self,
        from_logits: bool = False,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            sparse_categorical_crossentropy, reduction, name, dtype, from_logits=bool(from_logits), axis=axis
        )
        self.from_logits, self.axis = bool(from_logits), axis


_CLASSES: tuple[type[Loss], ...] = (
    MeanSquaredError,
    MeanAbsoluteError,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
NAMES: dict[str, type[Loss]] = {snake_case(cls.__name__): cls for cls in _CLASSES}
NAMES |= {cls.__name__: cls for cls in _CLASSES}
NAMES |= {"mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError}


def get(identifier: Any) -> Loss | None:
    """A loss from its name ("mse", "SparseCategoricalCrossentropy"), its configuration, or a function; None from None.

    Raises ArgumentError, with the known names, for anything else.
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str) and identifier in NAMES:
        return NAMES[identifier]()
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        known = {cls().fn: cls for cls in _CLASSES}
        return known[identifier]() if identifier in known else LossFunctionWrapper(identifier)
    raise unknown("losses.get", "a Loss, a function or one of", NAMES, identifier)


def serialize(loss: Loss) -> dict[str, Any]:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a user's function."""
    return {"class_name": type(loss).__name__, "config": loss.get_config()}


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Loss:
    """A loss from what `serialize` returned; raises ArgumentError for an unknown class."""
    classes = {cls.__name__: cls for cls in _CLASSES} | (custom_objects or {})
    name = config.get("class_name")
    if name not in classes:
        raise ArgumentError(
            f"losses.deserialize: expected one of {', '.join(classes)}, got {name!r}; give a class of your own in "
            "custom_objects"
        )
    return classes[name].from_config(config.get("config", {}))
