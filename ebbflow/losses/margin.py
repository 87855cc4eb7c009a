"""Losses of margins: how far on the right side of a border each output lies."""

from typing import Any

from ..core.tensor import Tensor
from ..functions import array
from .base import LossFunctionWrapper, aligned


def _shortfall(name: str, y_true: Any, y_pred: Any) -> Tensor:
    """max(1 - y p, 0), for targets of -1 and 1; a target of 0 counts as -1."""
    y, p = aligned(name, y_true, y_pred)
    return array.maximum(1.0 - array.where(array.equal(y, 0.0), -1.0, y) * p, 0.0)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k max(1 - y_k p_k, 0) over the last axis, y in -1 (or 0) and 1: (batch, outputs) -> (batch,)."""
    return array.mean(_shortfall("hinge", y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """mean_k max(1 - y_k p_k, 0)^2 over the last axis, y in -1 (or 0) and 1: (batch, outputs) -> (batch,)."""
    return array.mean(array.square(_shortfall("squared_hinge", y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """max(1 + max_k (1 - y_k) p_k - sum_k y_k p_k, 0), y one-hot: (batch, classes) -> (batch,)."""
    y, p = aligned("categorical_hinge", y_true, y_pred)
    wrong = array.max((1.0 - y) * p, axis=-1)
    return array.maximum(1.0 + wrong - array.sum(y * p, axis=-1), 0.0)


class Hinge(LossFunctionWrapper):
    """mean_k max(1 - y_k p_k, 0) per sample, y in -1 and 1; 0 counts as -1.

    Source: Cortes, Vapnik (1995), "Support-Vector Networks".
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "hinge", dtype: Any = None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """mean_k max(1 - y_k p_k, 0)^2 per sample, y in -1 and 1; 0 counts as -1."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """max(1 + max_k (1 - y_k) p_k - sum_k y_k p_k, 0) per sample, y one-hot.

    Source: Crammer, Singer (2001), "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines".
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, reduction, name, dtype)
