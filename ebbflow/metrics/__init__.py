"""Metrics: figures that people read, accumulated over batches.

A metric keeps sums and counts in float64, so its result over batches is its result over all rows at once. A weighted
metric multiplies the sums and the counts by the samples' weights.
"""

from collections.abc import Sequence
from typing import Any

from .. import losses
from ..functions.catalog import Catalog
from ..functions.naming import snake_case
from ..losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from .accuracies import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .auc import AUC
from .base import Mean, MeanMetricWrapper, MeanOfLoss, Metric, Sum
from .confusion import (
    BalancedAccuracy,
    ConfusionMatrix,
    F1Score,
    FalseNegatives,
    FalsePositives,
    FBetaScore,
    MatthewsCorrelation,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from .constrained import PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity
from .probabilities import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)

CLASSES: tuple[type[Metric], ...] = (
    AUC,
    Accuracy,
    BalancedAccuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConfusionMatrix,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    KLDivergence,
    LogCoshError,
    MatthewsCorrelation,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
)
_ALIASES: dict[str, type[Metric]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "mcc": MatthewsCorrelation,
}
_NAMES: dict[str, type[Metric]] = {snake_case(cls.__name__): cls for cls in CLASSES}
_NAMES |= {cls.__name__: cls for cls in CLASSES}
_NAMES |= _ALIASES | {name.upper(): cls for name, cls in _ALIASES.items()}
_NAMES |= {"log_cosh": LogCoshError, "logcosh": LogCoshError, "fbeta_score": FBetaScore}
_CATALOG = Catalog("metrics", Metric, _NAMES, others=[name for name in losses.NAMES if name not in _NAMES])

# names that stand for the metric that fits the loss and the shapes; only `resolve` knows which
FITTING = ("accuracy", "acc", "crossentropy", "ce")

__all__ = [
    *(cls.__name__ for cls in CLASSES),
    "MeanMetricWrapper",
    "MeanOfLoss",
    "Metric",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def get(identifier: Any) -> Metric | None:
    """A metric from its name, its configuration, or a function of (y_true, y_pred); None from None.

    The losses' functions and names are metrics too. Raises ArgumentError, with the known names, for anything else.
    """
    if isinstance(identifier, str) and identifier in losses.NAMES and identifier not in _NAMES:
        return MeanOfLoss(losses.NAMES[identifier](), identifier)
    if isinstance(identifier, losses.Loss):
        return MeanOfLoss(identifier)
    found = _CATALOG.get(identifier)
    return found if found is None or isinstance(found, Metric) else MeanMetricWrapper(found)


def resolve(
    identifier: Any, loss: Any, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> Metric | None:
    """`get`, where a name of FITTING becomes the metric that fits the loss or, if that does not say, the shapes.

    The result is built, and named as it was asked for. With a loss on logits, predictions are cut at logit 0.
    """
    y_true_shape, y_pred_shape = tuple(y_true_shape), tuple(y_pred_shape)
    if isinstance(identifier, str) and identifier.lower() in FITTING:
        kind = _kind_of(loss, y_true_shape, y_pred_shape)
        fitting = _accuracy if identifier.lower() in ("accuracy", "acc") else _crossentropy
        metric: Metric | None = fitting(kind, getattr(loss, "from_logits", False))
    else:
        metric = get(identifier)
    if isinstance(identifier, str) and metric is not None:
        metric.name = identifier
    if isinstance(metric, Metric):
        metric.build(y_true_shape, y_pred_shape)
    return metric


def _kind_of(loss: Any, y_true_shape: tuple, y_pred_shape: tuple) -> str:
    """Whether targets are "binary", "categorical" (one-hot) or "sparse" (class numbers)."""
    if isinstance(loss, (losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy)):
        return "sparse"
    if isinstance(loss, (losses.CategoricalCrossentropy, losses.CategoricalFocalCrossentropy)):
        return "categorical"
    if isinstance(loss, (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)):
        return "binary"
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return "binary"
    return "sparse" if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1 else "categorical"


def _accuracy(kind: str, from_logits: bool) -> Metric:
    if kind == "binary":
        return BinaryAccuracy(threshold=0.0 if from_logits else 0.5)
    return SparseCategoricalAccuracy() if kind == "sparse" else CategoricalAccuracy()


def _crossentropy(kind: str, from_logits: bool) -> Metric:
    if kind == "binary":
        return BinaryCrossentropy(from_logits=from_logits)
    return (SparseCategoricalCrossentropy if kind == "sparse" else CategoricalCrossentropy)(from_logits=from_logits)


def serialize(metric: Metric) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a user's function."""
    return _CATALOG.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Metric:
    """A metric from what `serialize` returned, or from a name; raises ArgumentError for an unknown one."""
    return _CATALOG.deserialize(config, custom_objects)
