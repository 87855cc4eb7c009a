"""Metric: running figures, what a batch adds to them, and what they come to."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor
from ..core.variable import Variable
from ..functions import array, shapes
from ..functions.arguments import expect, expect_dtype
from ..functions.naming import expect_name, snake_case
from ..losses.base import Loss, one_row_per_sample, target_of, weights_like
from ..operators import as_float


class Metric:
    """Base of metrics: a subclass makes variables with `add_variable` and defines `update_state` and `result`.

    Parameters:
        dtype: of the state and the result, by default float64.
        name: as printed.
    """

    def __init__(self, dtype: Any = None, name: str | None = None):
        owner, kinds = type(self).__name__, ("float32", "float64", "int32", "int64")
        self.name = expect_name(owner, name) or snake_case(owner)
        self.dtype = np.dtype("float64") if dtype is None else expect_dtype(owner, dtype, kinds)
        self._variables: list[Variable] = []

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str = "total"
    ) -> Variable:
        """A running figure; it begins at 0, and `reset_state` brings it back there.

        Raises ArgumentError for any other initializer than "zeros".
        """
        zeros = initializer is None or isinstance(initializers.get(initializer), initializers.Zeros)
        expect(zeros, type(self).__name__, "initializer", '"zeros"', initializer)
        value = np.zeros(tuple(shape), dtype or self.dtype)
        self._variables.append(Variable(value, trainable=False, name=f"{self.name}/{name}"))
        return self._variables[-1]

    add_weight = add_variable

    @property
    def variables(self) -> list[Variable]:
        """The running figures, with those of the metrics that it has as attributes."""
        inner = (metric for metric in vars(self).values() if isinstance(metric, Metric))
        return [*self._variables, *(variable for metric in inner for variable in metric.variables)]

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the running figures that depend on shapes; called before a step is compiled, and by `update_state`."""

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

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Sum(Metric):
    """sum_i w_i v_i."""

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = array.cast(values, self.dtype)
        if sample_weight is not None:
            values = values * weights_like(self.name, array.cast(sample_weight, self.dtype), values)
        self.total.assign_add(array.sum(values))

    def result(self) -> Tensor:
        return self.total.value


class Mean(Metric):
    """sum_i w_i v_i / sum_i w_i, and 0 before the first batch."""

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = weighted(self.name, array.cast(values, self.dtype), sample_weight)
        self.total.assign_add(array.sum(values if weight is None else values * weight))
        self.count.assign_add(float(values.size) if weight is None else array.sum(weight))

    def result(self) -> Tensor:
        return array.divide_no_nan(self.total, self.count)


def weighted(name: str, values: Tensor, sample_weight: Any) -> tuple[Tensor, Tensor | None]:
    """Values and weights of one shape: the values' mean over every last axis that the weights lack, or have once."""
    if sample_weight is None:
        return values, None
    weight = array.cast(sample_weight, values.dtype)
    while weight.shape[-1:] == (1,) and (weight.ndim > values.ndim or weight.ndim > 1 < values.shape[weight.ndim - 1]):
        weight = shapes.squeeze(weight, -1)
    if weight.ndim > values.ndim:
        raise ShapeError(f"{name}: expected sample weights of shape {values.shape[:1]}, got {weight.aval}")
    if weight.ndim < values.ndim:
        values = array.mean(values, axis=tuple(range(weight.ndim, values.ndim)))
    return values, weight if weight.shape == values.shape else weights_like(name, weight, values)


def pair(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets and predictions as tensors, one output per sample as a column."""
    y_pred = as_tensor(y_pred) if hasattr(y_pred, "dtype") else as_float(y_pred)
    return one_row_per_sample(target_of(y_true, y_pred), y_pred)


class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred, **kwargs) that returns one value per sample.

    Parameters:
        fn: the function; what else is given by name is handed to it.
        name, dtype: as for Metric.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        expect(callable(fn), type(self).__name__, "fn", "a function of (y_true, y_pred)", fn)
        super().__init__(getattr(fn, "__name__", "metric") if name is None else name, dtype)
        self.fn, self.fn_kwargs = fn, kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = pair(y_true, y_pred)
        super().update_state(self.fn(y_true, y_pred, **self.fn_kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        if type(self) is MeanMetricWrapper:
            raise ArgumentError(
                f"Metric {self.name}: a function cannot be written to a file; make it a subclass of metrics.Metric"
            )
        return super().get_config() | self.fn_kwargs


class MeanOfLoss(Mean):
    """The mean of a loss over the samples; those that the loss does not count are left out.

    Parameters:
        loss: a Loss.
        name, dtype: as for Metric; by default the name of the loss.
    """

    def __init__(self, loss: Loss, name: str | None = None, dtype: Any = None):
        expect(isinstance(loss, Loss), type(self).__name__, "loss", "a Loss", loss)
        super().__init__(loss.name if name is None else name, dtype)
        self.loss = loss

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = pair(y_true, as_float(y_pred))
        values, counted = self.loss.call(y_true, y_pred), self.loss.counted(y_true, y_pred)
        if counted is not None:
            kept = array.cast(counted, self.dtype)
            if sample_weight is not None:
                kept = kept * weights_like(self.name, array.cast(sample_weight, self.dtype), kept)
            sample_weight = kept
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        own = {key: value for key, value in self.loss.get_config().items() if key not in ("name", "reduction", "dtype")}
        if type(self) is MeanOfLoss:
            raise ArgumentError(
                f"Metric {self.name}: the mean of a loss cannot be written to a file; give the loss by name, or one of "
                "the classes of ebbflow.metrics"
            )
        return super().get_config() | own
