"""Metrics of numbers: how far predictions lie from their targets."""

from collections.abc import Sequence
from typing import Any

from .. import losses
from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions import array, shapes
from ..functions.arguments import choose, expect_integer
from ..losses.base import aligned, expect_axis
from ..losses.regression import cosine
from .base import MeanMetricWrapper, Metric, pair, weighted


class MeanSquaredError(MeanMetricWrapper):
    """mean (y - p)^2."""

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """mean |y - p|."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """100 mean |y - p| / |y|, in percent; targets below 1e-7 in size count as 1e-7."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """mean (log(1 + y) - log(1 + p))^2, for targets of 0 or more."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """mean log(cosh(p - y))."""

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(losses.log_cosh, name, dtype)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """The cosine of the angle between y and p along the axis, from -1 to 1 (the same direction); 0 where one is 0."""
    return cosine(*aligned("cosine_similarity", y_true, y_pred), axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between y and p: 1 for one direction, where the loss of this name is -1.

    Parameters:
        axis: along which the vectors lie.
        name, dtype: as for Metric.
    """

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name, dtype, axis=expect_axis("CosineSimilarity", axis))
        self.axis = axis


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
        num_regressors: the number p of inputs, for the adjusted score 1 - (1 - R^2) (n - 1) / (n - p - 1), where
            n counts targets, as in Keras: rows times outputs; as long as n <= p + 1 the score is not adjusted.
        name, dtype: as for Metric.

    Batches are joined by the formula of Chan, Golub, LeVeque (1979), "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances", which does not cancel when the targets lie far from 0.
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        known = ("uniform_average", "variance_weighted_average", None)
        self.class_aggregation = choose("R2Score", "class_aggregation", class_aggregation, known)
        self.num_regressors = expect_integer("R2Score", "num_regressors", num_regressors, 0)

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the running figures, one per output; a second call does nothing."""
        if self._variables:
            return
        if self.num_regressors:
            self.targets = self.add_variable((), name="targets")
        outputs = y_pred_shape[-1] if len(y_pred_shape) > 1 else 1
        self.count = self.add_variable((), name="count")
        self.mean = self.add_variable((outputs,), name="mean")
        self.deviation = self.add_variable((outputs,), name="deviation")
        self.residual = self.add_variable((outputs,), name="residual")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y, p = aligned("R2Score", *pair(y_true, y_pred))
        if y.ndim != 2:
            raise ShapeError(f"R2Score: expected predictions of shape (batch,) or (batch, outputs), got {p.aval}")
        self.build(y.shape, p.shape)
        y, p = array.cast(y, self.dtype), array.cast(p, self.dtype)
        _, weight = weighted(self.name, y[:, 0], shapes.ones_like(y[:, 0]) if sample_weight is None else sample_weight)
        weight = shapes.broadcast_to(shapes.reshape(weight, (-1, 1)), y.shape)
        self._join(y, weight)
        self.residual.assign_add(array.sum(weight * array.square(y - p), axis=0))
        if self.num_regressors:
            self.targets.assign_add(float(y.size))

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
            scores = array.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = array.divide_no_nan(array.sum(scores * deviation), array.sum(deviation))
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Tensor) -> Tensor:
        freedom = self.targets.value - float(self.num_regressors + 1)
        factor = array.where(freedom > 0.0, array.divide_no_nan(self.targets - 1.0, freedom), 1.0)
        return 1.0 - (1.0 - scores) * factor

    def get_config(self) -> dict[str, Any]:
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return super().get_config() | own
