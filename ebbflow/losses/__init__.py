"""Losses: how far predictions are from the truth, as one number to be made small.

A loss computes one value per sample, multiplies it by the sample's weight and reduces:

    sum_over_batch_size, mean   sum_i w_i l_i / n      (the default; w_i = 1 without weights)
    sum                         sum_i w_i l_i
    mean_with_sample_weight     sum_i w_i l_i / sum_i w_i, and 0 where all weights are 0
    none                        w_i l_i, one value per sample

Targets of shape (batch,) fit predictions of shape (batch, 1). Any other difference of shapes raises ShapeError: to
broadcast would compare every sample with every other. Weights are one number per value, or per sample, or one in all.
"""

from typing import Any

from ..functions.catalog import Catalog
from ..functions.naming import snake_case
from .base import Loss, LossFunctionWrapper
from .classification import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    sparse_categorical_crossentropy,
)
from .margin import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from .regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    Quantile,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    quantile,
)

CLASSES: tuple[type[LossFunctionWrapper], ...] = (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    Quantile,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
_ALIASES: dict[str, type[LossFunctionWrapper]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
}
# by the name of the class and of its function, "MeanSquaredError" and "mean_squared_error", and by Keras' short names
NAMES: dict[str, type[LossFunctionWrapper]] = {snake_case(cls.__name__): cls for cls in CLASSES}
NAMES |= {cls.__name__: cls for cls in CLASSES}
NAMES |= _ALIASES | {name.upper(): cls for name, cls in _ALIASES.items()}
NAMES |= {"logcosh": LogCosh, "kullback_leibler_divergence": KLDivergence, "pinball": Quantile}
_OF_FUNCTIONS = {globals()[snake_case(cls.__name__)]: cls for cls in CLASSES}
_FUNCTION_NAMES = NAMES.keys() - {cls.__name__ for cls in CLASSES}
_CATALOG = Catalog("losses", Loss, NAMES)

__all__ = [
    *(cls.__name__ for cls in CLASSES),
    "Loss",
    "LossFunctionWrapper",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "cosine_similarity",
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
    "quantile",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


def get(identifier: Any) -> Any:
    """A loss from its name, its class, its configuration or from itself; None from None.

    The name of a function, "mean_squared_error" or short "mse", gives the function of (y_true, y_pred), which returns
    one value per sample; the name of a class, "MeanSquaredError", gives a Loss. A function is returned as it is.
    Raises ArgumentError, with the known names, for anything else.
    """
    found = _CATALOG.get(identifier)
    return found.fn if isinstance(identifier, str) and identifier in _FUNCTION_NAMES else found


def loss_of(identifier: Any) -> Loss | None:
    """A Loss from all that `get` takes: a function, or its name, becomes the mean of what it returns."""
    found = _CATALOG.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return _OF_FUNCTIONS[found]() if found in _OF_FUNCTIONS else LossFunctionWrapper(found)


def serialize(loss: Loss) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a user's function."""
    return _CATALOG.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Loss:
    """A loss from what `serialize` returned, or from a name; raises ArgumentError for an unknown one."""
    return _CATALOG.deserialize(name, custom_objects)
