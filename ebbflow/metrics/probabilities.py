"""Losses as metrics: their mean over all samples."""

from typing import Any

from .. import losses
from .base import Mean, MeanOfLoss, pair


class BinaryCrossentropy(MeanOfLoss):
    """The mean of losses.BinaryCrossentropy, the log loss of targets 0 and 1.

    Parameters:
        name, dtype: as for Metric.
        from_logits, label_smoothing: as of the loss.
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ):
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "axis"}


class CategoricalCrossentropy(MeanOfLoss):
    """The mean of losses.CategoricalCrossentropy, the log loss of one-hot targets.

    Parameters:
        name, dtype: as for Metric.
        from_logits, label_smoothing, axis: as of the loss.
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ):
        super().__init__(losses.CategoricalCrossentropy(from_logits, label_smoothing, axis), name, dtype)


class SparseCategoricalCrossentropy(MeanOfLoss):
    """The mean of losses.SparseCategoricalCrossentropy, the log loss of class numbers.

    Parameters:
        name, dtype: as for Metric.
        from_logits, axis: as of the loss.
        ignore_class: with weights, samples of it are left out of the mean; without, as in Keras, they count as 0.
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if sample_weight is None:
            Mean.update_state(self, self.loss.call(*pair(y_true, y_pred)))
        else:
            super().update_state(y_true, y_pred, sample_weight)


class KLDivergence(MeanOfLoss):
    """The mean of losses.KLDivergence."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(losses.KLDivergence(), name, dtype)


class Poisson(MeanOfLoss):
    """The mean of losses.Poisson."""

    def __init__(self, name: str = "poisson", dtype: Any = None):
        super().__init__(losses.Poisson(), name, dtype)


class Hinge(MeanOfLoss):
    """The mean of losses.Hinge."""

    def __init__(self, name: str = "hinge", dtype: Any = None):
        super().__init__(losses.Hinge(), name, dtype)


class SquaredHinge(MeanOfLoss):
    """The mean of losses.SquaredHinge."""

    def __init__(self, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(losses.SquaredHinge(), name, dtype)


class CategoricalHinge(MeanOfLoss):
    """The mean of losses.CategoricalHinge."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(losses.CategoricalHinge(), name, dtype)
