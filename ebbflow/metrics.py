"""Metrics: figures that people read, accumulated over batches.

A metric keeps sums and counts in float64, so its result over batches is its result over all rows at once. A weighted
metric multiplies the sums and the counts by the samples' weights.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import losses
from .core.errors import ArgumentError, ShapeError
from .core.tensor import Tensor, as_tensor
from .core.variable import Variable
from .functions import array, shapes
from .functions.arguments import choose, expect_number, labels_of, unknown
from .operators import as_float

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "R2Score",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "Sum",
    "deserialize",
    "get",
    "resolve",
    "serialize",
]


class Metric:
    """Base of metrics: a subclass makes variables with `add_variable` and defines `update_state` and `result`.

    Parameters:
        dtype: of the state and the result, by default float64.
        name: as printed.
    """

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or losses.snake_case(type(self).__name__)
        self.dtype = np.dtype(dtype or "float64")
        self.variables: list[Variable] = []

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str = "total"
    ) -> Variable:
        """A running figure; it begins at 0, and `reset_state` brings it back there.

        Raises ArgumentError for any other initializer than "zeros".
        """
        choose(type(self).__name__, "initializer", initializer, ("zeros",))
        value = np.zeros(tuple(shape), dtype or self.dtype)
        self.variables.append(Variable(value, trainable=False, name=f"{self.name}/{name}"))
        return self.variables[-1]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(
            f"{type(self).__name__}: define update_state(self, y_true, y_pred, sample_weight=None)"
        )

    def result(self) -> Tensor:
        """The figure over all batches since the last `reset_state`."""
        raise NotImplementedError(f"{type(self).__name__}: define result(self)")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Take in a batch and return the figure so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal metric, as plain JSON values."""
        return {"name": self.name, "dtype": str(self.dtype)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Metric":
        """A metric from what `get_config` returned."""
        return cls(**config)


class Sum(Metric):
    """sum_i w_i v_i."""

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = _weighted(self.name, array.cast(values, self.dtype), sample_weight)
        self.total.assign_add(array.sum(values if weight is None else values * weight))

    def result(self) -> Tensor:
        return self.total.value


class Mean(Metric):
    """sum_i w_i v_i / sum_i w_i, and 0 before the first batch."""

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = _weighted(self.name, array.cast(values, self.dtype), sample_weight)
        self.total.assign_add(array.sum(values if weight is None else values * weight))
        self.count.assign_add(float(values.size) if weight is None else array.sum(weight))

    def result(self) -> Tensor:
        return array.divide_no_nan(self.total, self.count)


def _weighted(name: str, values: Tensor, sample_weight: Any) -> tuple[Tensor, Tensor | None]:
    """Values and weights of one shape: the values' mean over every axis that the weights lack."""
    if sample_weight is None:
        return values, None
    weight = array.cast(sample_weight, values.dtype)
    if weight.ndim > values.ndim and weight.shape[-1] == 1:
        weight = shapes.squeeze(weight, -1)
    if weight.shape != values.shape[: weight.ndim]:
        raise ShapeError(f"{name}: expected sample weights of shape {values.shape[:1]}, got {weight.aval}")
    if weight.ndim < values.ndim:
        values = array.mean(values, axis=tuple(range(weight.ndim, values.ndim)))
    return values, weight


class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred, **kwargs) that returns one value per sample."""

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        self.fn, self.fn_kwargs = fn, kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = losses.one_row_per_sample(as_tensor(y_true), as_tensor(y_pred))
        super().update_state(self.fn(y_true, y_pred, **self.fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        if type(self) is MeanMetricWrapper:
            raise ArgumentError(
                f"Metric {self.name}: a function cannot be written to a file; make it a subclass of metrics.Metric"
            )
        return super().get_config() | self.fn_kwargs


# accuracies


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """[y = p] for each element."""
    return array.equal(*losses.aligned("accuracy", y_true, y_pred))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """[y = [p > threshold]] for each element."""
    y, p = losses.aligned("binary_accuracy", y_true, y_pred)
    return array.equal(y, array.cast(p > threshold, y.dtype))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """[argmax y = argmax p] for each sample: (batch, classes) twice -> (batch,)."""
    y, p = losses.aligned("categorical_accuracy", y_true, y_pred)
    return array.equal(array.argmax(y, -1), array.argmax(p, -1))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """[y = argmax p] for each sample, y the number of the class: (batch,), (batch, classes) -> (batch,)."""
    p = as_float(y_pred)
    return array.equal(labels_of("sparse_categorical_accuracy", y_true, p), array.argmax(p, -1))


class Accuracy(MeanMetricWrapper):
    """The share of predictions that equal their target."""

    def __init__(self, name: str = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """The share of predictions on the right side of the threshold, for targets 0 and 1."""

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(
            binary_accuracy, name, dtype, threshold=expect_number("BinaryAccuracy", "threshold", threshold)
        )


class CategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose greatest output is the class of a one-hot target."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose greatest output is the class of the target, the number of a class from 0."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


# regression


class MeanSquaredError(MeanMetricWrapper):
    """mean (y - p)^2."""

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """mean |y - p|."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class RootMeanSquaredError(MeanSquaredError):
    """sqrt(mean (y - p)^2)."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def result(self) -> Tensor:
        return array.sqrt(super().result())


class R2Score(Metric):
    """1 - sum_i w_i (y_i - p_i)^2 / sum_i w_i (y_i - mean(y))^2, the share of the targets' variance that is explained.

    A constant target gives 1 if it is predicted exactly, else 0.

    Parameters:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for one score per output.
        name, dtype: as for Metric.

    Batches are joined by the formula of Chan, Golub, LeVeque (1979), "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances", which does not cancel when the targets lie far from 0.
    """

    def __init__(self, class_aggregation: str | None = "uniform_average", name: str = "r2_score", dtype: Any = None):
        super().__init__(dtype, name)
        known = ("uniform_average", "variance_weighted_average", None)
        self.class_aggregation = choose("R2Score", "class_aggregation", class_aggregation, known)

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the running figures, one per output; a second call does nothing."""
        if self.variables:
            return
        outputs = y_pred_shape[-1] if len(y_pred_shape) > 1 else 1
        self.count = self.add_variable((), name="count")
        self.mean = self.add_variable((outputs,), name="mean")
        self.deviation = self.add_variable((outputs,), name="deviation")
        self.residual = self.add_variable((outputs,), name="residual")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y, p = losses.aligned("R2Score", *losses.one_row_per_sample(as_tensor(y_true), as_float(y_pred)))
        if y.ndim != 2:
            raise ShapeError(f"R2Score: expected predictions of shape (batch,) or (batch, outputs), got {p.aval}")
        self.build(y.shape, p.shape)
        y, p = array.cast(y, self.dtype), array.cast(p, self.dtype)
        _, weight = _weighted(self.name, y[:, 0], shapes.ones_like(y[:, 0]) if sample_weight is None else sample_weight)
        weight = shapes.broadcast_to(shapes.reshape(weight, (-1, 1)), y.shape)
        self._join(y, weight)
        self.residual.assign_add(array.sum(weight * array.square(y - p), axis=0))

    def _join(self, y: Tensor, weight: Tensor) -> None:
        """Count, mean and summed squared deviation of all rows, from those so far and those of this batch."""
        count = array.sum(weight[:, 0])
        mean = array.divide_no_nan(array.sum(weight * y, axis=0), count)
        deviation = array.sum(weight * array.square(y - mean), axis=0)
        before, difference = self.count.value, mean - self.mean
        share = array.divide_no_nan(count, before + count)
        self.deviation.assign_add(deviation + array.square(difference) * before * share)
        self.mean.assign_add(difference * share)
        self.count.assign(before + count)

    def result(self) -> Tensor:
        if not self.variables:
            return shapes.zeros((), self.dtype)
        residual, deviation = self.residual.value, self.deviation.value
        constant = array.cast(array.equal(residual, 0.0), self.dtype)
        scores = array.where(deviation > 0.0, 1.0 - array.divide_no_nan(residual, deviation), constant)
        if self.class_aggregation == "uniform_average":
            return array.mean(scores)
        if self.class_aggregation == "variance_weighted_average":
            return array.divide_no_nan(array.sum(scores * deviation), array.sum(deviation))
        return scores

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"class_aggregation": self.class_aggregation}


# by name

_CLASSES: tuple[type[Metric], ...] = (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    R2Score,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    Sum,
)
_NAMES: dict[str, type[Metric]] = {cls().name: cls for cls in _CLASSES} | {cls.__name__: cls for cls in _CLASSES}
_NAMES |= {"mse": MeanSquaredError, "MSE": MeanSquaredError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError}
_NAMES |= {"rmse": RootMeanSquaredError, "RMSE": RootMeanSquaredError}


def get(identifier: Any) -> Metric | None:
    """A metric from its name, its configuration, or a function of (y_true, y_pred); None from None.

    The losses' functions and names are metrics too. Raises ArgumentError, with the known names, for anything else.
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        if identifier in _NAMES:
            return _NAMES[identifier]()
        if identifier in losses.NAMES:
            loss = losses.NAMES[identifier]()
            return MeanMetricWrapper(loss.fn, identifier, **loss.fn_kwargs)
    elif isinstance(identifier, losses.Loss):
        return MeanMetricWrapper(identifier.call, identifier.name)
    elif isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    elif callable(identifier):
        return MeanMetricWrapper(identifier)
    raise unknown("metrics.get", "a Metric, a function or one of", _NAMES | losses.NAMES, identifier)


def resolve(
    identifier: Any, loss: Any, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> Metric | None:
    """`get`, where "accuracy" and "acc" become the accuracy that fits the loss or, if that does not say, the shapes.

    The result is built, and named as it was asked for. With a loss on logits, predictions are cut at logit 0.
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        metric: Metric | None = _accuracy_for(loss, tuple(y_true_shape), tuple(y_pred_shape))
    else:
        metric = get(identifier)
    if isinstance(identifier, str) and metric is not None:
        metric.name = identifier
    if isinstance(metric, R2Score):
        metric.build(y_true_shape, y_pred_shape)
    return metric


def _accuracy_for(loss: Any, y_true_shape: tuple, y_pred_shape: tuple) -> Metric:
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        return SparseCategoricalAccuracy()
    if isinstance(loss, losses.CategoricalCrossentropy):
        return CategoricalAccuracy()
    if isinstance(loss, losses.BinaryCrossentropy):
        return BinaryAccuracy(threshold=0.0 if loss.from_logits else 0.5)
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return BinaryAccuracy()
    sparse = len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1
    return SparseCategoricalAccuracy() if sparse else CategoricalAccuracy()


def serialize(metric: Metric) -> dict[str, Any]:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a user's function."""
    return {"class_name": type(metric).__name__, "config": metric.get_config()}


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Metric:
    """A metric from what `serialize` returned; raises ArgumentError for an unknown class."""
    classes = {cls.__name__: cls for cls in _CLASSES} | (custom_objects or {})
    name = config.get("class_name")
    if name not in classes:
        raise ArgumentError(
            f"metrics.deserialize: expected one of {', '.join(classes)}, got {name!r}; give a class of your own in "
            "custom_objects"
        )
    return classes[name].from_config(config.get("config", {}))
