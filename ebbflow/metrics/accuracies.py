"""Accuracies: the share of predictions that are right."""

from typing import Any

from ..core.tensor import Tensor
from ..functions import array, shapes
from ..functions.arguments import expect_integer, expect_number, labels_of
from ..functions.naming import expect_flag
from ..losses.base import aligned
from ..operators import as_float
from .base import MeanMetricWrapper


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """[y = p] for each element."""
    return array.equal(*aligned("accuracy", y_true, y_pred))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """[y = [p > threshold]] for each element."""
    y, p = aligned("binary_accuracy", y_true, y_pred)
    return array.equal(y, array.cast(p > threshold, y.dtype))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """[argmax y = argmax p] for each sample: (batch, classes) twice -> (batch,)."""
    y, p = aligned("categorical_accuracy", y_true, y_pred)
    return array.equal(array.argmax(y, -1), array.argmax(p, -1))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """[y = argmax p] for each sample, y the number of the class: (batch,), (batch, classes) -> (batch,)."""
    p = as_float(y_pred)
    return array.equal(labels_of("sparse_categorical_accuracy", y_true, p), array.argmax(p, -1))


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Whether the class of a one-hot target is among the k greatest: (batch, classes) twice -> (batch,)."""
    y, p = aligned("top_k_categorical_accuracy", y_true, y_pred)
    return _among_greatest(array.argmax(y, -1), p, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """Whether class number y is among the k greatest: (batch,), (batch, classes) -> (batch,).

    Parameters: from_sorted_ids, y_pred holds the numbers of the classes, the likeliest first.
    """
    p = as_float(y_pred)
    labels = labels_of("sparse_top_k_categorical_accuracy", y_true, p)
    if not from_sorted_ids:
        return _among_greatest(labels, p, k)
    first = p[..., : min(k, p.shape[-1])]
    return array.any(array.equal(shapes.expand_dims(array.cast(labels, p.dtype), -1), first), axis=-1)


def _among_greatest(labels: Tensor, p: Tensor, k: int) -> Tensor:
    """Whether at least all but k - 1 of the outputs are no greater than that of the class; classes that tie all are.

    False where the class' output is NaN, or its number is no class.
    """
    classes = p.shape[-1]
    hit = shapes.one_hot(labels, classes, dtype="bool")
    own = array.sum(array.where(hit, p, 0.0), axis=-1, keepdims=True)
    known = array.logical_and(array.equal(own, own)[..., 0], array.any(hit, axis=-1))
    return array.logical_and(array.sum(array.less_equal(p, own), axis=-1) > classes - k, known)


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


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples with the class of a one-hot target among the k greatest outputs; ties count as among."""

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None):
        k = expect_integer("TopKCategoricalAccuracy", "k", k, 1)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples with class number y among the k greatest outputs; ties count as among.

    Parameters: from_sorted_ids, the predictions are the numbers of the classes, the likeliest first.
    """

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        own = {
            "k": expect_integer("SparseTopKCategoricalAccuracy", "k", k, 1),
            "from_sorted_ids": expect_flag("SparseTopKCategoricalAccuracy", "from_sorted_ids", from_sorted_ids),
        }
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, **own)
        self.k, self.from_sorted_ids = own["k"], own["from_sorted_ids"]
