"""Losses of numbers: how far each output lies from its target."""

from collections.abc import Sequence
from typing import Any

from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor
from ..functions import array, shapes
from ..functions.arguments import expect, is_number
from ..functions.bounds import above_zero, true_share
from ..functions.nn import EPSILON
from ..operators import as_float
from .base import LossFunctionWrapper, aligned, expect_axis, scalar, target_of

# formulas, one value per sample


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k (y_k - p_k)^2 over the last axis: (batch, outputs) -> (batch,)."""
    y, p = aligned("mean_squared_error", y_true, y_pred)
    return array.mean(array.square(p - y), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k |y_k - p_k| over the last axis: (batch, outputs) -> (batch,)."""
    y, p = aligned("mean_absolute_error", y_true, y_pred)
    return array.mean(array.abs(p - y), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 mean_k |y_k - p_k| / max(|y_k|, 1e-7) over the last axis, in percent: (batch, outputs) -> (batch,)."""
    y, p = aligned("mean_absolute_percentage_error", y_true, y_pred)
    return 100.0 * array.mean(array.abs((y - p) / array.maximum(array.abs(y), EPSILON)), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k (log(1 + y_k) - log(1 + p_k))^2 over the last axis: (batch, outputs) -> (batch,).

    Targets and predictions below 1e-7 count as 1e-7.
    """
    y, p = aligned("mean_squared_logarithmic_error", y_true, y_pred)
    difference = array.log1p(array.maximum(p, EPSILON)) - array.log1p(array.maximum(y, EPSILON))
    return array.mean(array.square(difference), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: Any = 1.0) -> Tensor:
    """mean_k of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2, with e = p_k - y_k: -> (batch,).

    Both are c (|e| - c / 2) with c = min(|e|, delta), which does not overflow.
    """
    y, p = aligned("huber", y_true, y_pred)
    error = array.abs(p - y)
    clipped = array.minimum(error, scalar(delta, p))
    return array.mean(clipped * (error - 0.5 * clipped), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k log(cosh(p_k - y_k)) over the last axis: (batch, outputs) -> (batch,).

    Computed as |e| + log(1 + (e^(-2 |e|) - 1) / 2), which neither overflows nor cancels near 0.
    """
    y, p = aligned("log_cosh", y_true, y_pred)
    error = array.abs(p - y)
    return array.mean(error + array.log1p(0.5 * array.expm1(-2.0 * error)), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """-sum_k y_k p_k / (|y| |p|) along the axis, from -1 (the same direction) to 1; 0 where y or p is 0."""
    y, p = aligned("cosine_similarity", y_true, y_pred)
    return -cosine(y, p, axis)


def cosine(y: Tensor, p: Tensor, axis: int) -> Tensor:
    """The cosine of the angle between two vectors, 0 where one of them is 0."""
    return array.sum(_direction(y, axis) * _direction(p, axis), axis=axis)


def _direction(x: Tensor, axis: int) -> Tensor:
    """x / |x|; first divided by its greatest element, so that squares do not overflow, which changes no direction."""
    x = array.divide_no_nan(x, array.stop_gradient(array.max(array.abs(x), axis, keepdims=True)))
    return x / array.sqrt(array.maximum(array.sum(array.square(x), axis, keepdims=True), 0.5))


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k (p_k - y_k log(p_k + 1e-7)) over the last axis, for counts y and their expectations p: -> (batch,)."""
    y, p = aligned("poisson", y_true, y_pred)
    return array.mean(p - y * array.log(p + EPSILON), axis=-1)


def quantile(y_true: Any, y_pred: Any, quantile: Any = 0.5) -> Tensor:
    """mean_k max(q e_k, (q - 1) e_k) over the last axis, with e_k = y_k - p_k: (batch, outputs) -> (batch,).

    Least where p is the q-quantile of y. Parameters: quantile, q in (0, 1), or one for each output; then targets of
    one column (batch,) or (batch, 1) are compared with every output.
    """
    if isinstance(quantile, (list, tuple)):
        y_true, y_pred, quantile = _for_each_quantile(y_true, y_pred, quantile)
    y, p = aligned("quantile", y_true, y_pred)
    error, q = y - p, scalar(quantile, p)
    return array.mean(array.maximum(error * q, error * (q - 1.0)), axis=-1)


def _for_each_quantile(y_true: Any, y_pred: Any, quantiles: Sequence[float]) -> tuple[Any, Any, Any]:
    p = as_float(y_pred)
    if p.shape[-1:] != (len(quantiles),):
        raise ArgumentError(f"quantile: expected an output for each of the quantiles {quantiles}, got {p.aval}")
    y = target_of(y_true, p)
    if y.shape in (p.shape[:-1], (*p.shape[:-1], 1)):
        y = shapes.broadcast_to(shapes.reshape(y, (*p.shape[:-1], 1)), p.shape)
    return y, p, as_tensor(list(quantiles), p.dtype)


# classes


class MeanSquaredError(LossFunctionWrapper):
    """mean_k (y_k - p_k)^2 per sample."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """mean_k |y_k - p_k| per sample."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """100 mean_k |y_k - p_k| / |y_k| per sample, in percent."""

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "mean_absolute_percentage_error", dtype: Any = None
    ):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """mean_k (log(1 + y_k) - log(1 + p_k))^2 per sample, for targets of 0 or more."""

    def __init__(
        self, reduction: Any = "sum_over_batch_size", name: str = "mean_squared_logarithmic_error", dtype: Any = None
    ):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """-cos of the angle between y and p along the axis: -1 for one direction, 0 for a right angle, 1 for opposites."""

    def __init__(
        self,
        axis: int = -1,
        reduction: Any = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=expect_axis("CosineSimilarity", axis))
        self.axis = axis


class Huber(LossFunctionWrapper):
    """mean_k of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2: outliers pull with a force of delta.

    Parameters:
        delta: where the parabola ends, above 0; an attribute that can be changed without compiling again.
        reduction, name, dtype: as for Loss.

    Source: Huber (1964), "Robust Estimation of a Location Parameter".
    """

    delta = above_zero()

    def __init__(
        self, delta: float = 1.0, reduction: Any = "sum_over_batch_size", name: str = "huber_loss", dtype: Any = None
    ):
        super().__init__(huber, reduction, name, dtype)
        self.delta = delta


class LogCosh(LossFunctionWrapper):
    """mean_k log(cosh(p_k - y_k)) per sample: e^2 / 2 for small errors, |e| - log 2 for large ones."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None):
        super().__init__(log_cosh, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """mean_k (p_k - y_k log p_k) per sample, for counts y and their expectations p."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "poisson", dtype: Any = None):
        super().__init__(poisson, reduction, name, dtype)


class Quantile(LossFunctionWrapper):
    """mean_k max(q e_k, (q - 1) e_k) with e_k = y_k - p_k: predictions become the q-quantile of the targets.

    Parameters:
        quantile: q in (0, 1), an attribute that can be changed without compiling again; or a list, one for each
            output, which is fixed: a model with three outputs learns the quantiles [0.1, 0.5, 0.9] of one target.
        reduction, name, dtype: as for Loss.

    Source: Koenker, Bassett (1978), "Regression Quantiles".
    """

    quantile = true_share()

    def __init__(
        self,
        quantile: float | Sequence[float] = 0.5,
        reduction: Any = "sum_over_batch_size",
        name: str = "quantile",
        dtype: Any = None,
    ):
        if isinstance(quantile, (list, tuple)):
            valid = len(quantile) > 0 and all(is_number(q) and 0.0 < q < 1.0 for q in quantile)
            expect(valid, "Quantile", "quantile", "numbers above 0 and below 1", quantile)
            super().__init__(_QUANTILE, reduction, name, dtype, quantile=list(map(float, quantile)))
        else:
            super().__init__(_QUANTILE, reduction, name, dtype)
            self.quantile = quantile


_QUANTILE = quantile  # inside the class this name is the number
