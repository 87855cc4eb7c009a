"""Counts of right and wrong among two classes, at one threshold or many, and the figures made of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ShapeError
from ..core.tensor import Tensor, as_tensor
from ..core.variable import Variable
from ..functions import array, shapes
from ..functions.arguments import choose, expect, expect_integer, expect_number, is_number
from ..losses.base import aligned, weights_like
from .base import Metric, pair

# at thresholds


def thresholds_of(owner: str, given: Any, default: float) -> list[float]:
    """The thresholds as a list; raises ArgumentError unless each is a number in [0, 1]."""
    values = [default] if given is None else list(given) if isinstance(given, (list, tuple, np.ndarray)) else [given]
    valid = given is None or (len(values) > 0 and all(is_number(t) and 0.0 <= t <= 1.0 for t in values))
    expect(valid, owner, "thresholds", "a number between 0 and 1, or a list of them", given)
    return [float(t) for t in values]


def counts(hit: Tensor, weight: Tensor | None, dtype: Any) -> Tensor:
    """sum_i w_i [hit_i], over all axes but the first."""
    values = array.cast(hit, dtype)
    values = values if weight is None else values * weight
    return array.sum(values, axis=tuple(range(1, values.ndim)))


def _among_greatest(p: Tensor, k: int) -> Tensor:
    """Which k outputs of each row are the greatest, the first of equal ones: (batch, classes) as booleans."""
    own, other = shapes.expand_dims(p, -1), shapes.expand_dims(p, -2)
    place = shapes.arange(p.shape[-1], dtype="int32")
    earlier = shapes.expand_dims(place, 0) < shapes.expand_dims(place, 1)
    ahead = array.logical_or(other > own, array.logical_and(array.equal(other, own), earlier))
    return array.sum(ahead, axis=-1) < k


class Thresholded(Metric):
    """Base of what is counted at thresholds: a prediction is positive where p > threshold, a target where y != 0.

    `kinds` are the counts that are kept, of "true_positives", "false_positives", "true_negatives", "false_negatives".
    """

    kinds: tuple[str, ...] = ()

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        owner = type(self).__name__
        self.init_thresholds = list(thresholds) if isinstance(thresholds, tuple) else thresholds
        self.top_k = None if top_k is None else expect_integer(owner, "top_k", top_k, 1)
        self.class_id = None if class_id is None else expect_integer(owner, "class_id", class_id, 0)
        # among the k greatest, every prediction is positive unless thresholds are given, too
        self.thresholds = thresholds_of(owner, thresholds, 0.5 if top_k is None else float("-inf"))
        for kind in self.kinds:
            setattr(self, kind, self.add_variable((len(self.thresholds),), name=kind))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self.top_k is None:  # with it, a vector is the outputs of one sample, not one output of each
            y_true, y_pred = pair(y_true, y_pred)
        y, p = aligned(type(self).__name__, y_true, y_pred)
        weight = None
        if sample_weight is not None:
            weight = weights_like(self.name, array.cast(sample_weight, self.dtype), y)
        is_candidate = None if self.top_k is None else _among_greatest(p, self.top_k)
        if self.class_id is not None:
            self._expect_class(p)
            y, p, weight, is_candidate = (
                x if x is None else x[..., self.class_id] for x in (y, p, weight, is_candidate)
            )
        actual, predicted = array.not_equal(y, 0.0), self._predicted(p, is_candidate)
        for kind in self.kinds:
            side = predicted if kind.endswith("positives") else array.logical_not(predicted)
            belongs = actual if kind in ("true_positives", "false_negatives") else array.logical_not(actual)
            variable: Variable = getattr(self, kind)
            variable.assign_add(counts(array.logical_and(side, belongs), weight, self.dtype))

    def _predicted(self, p: Tensor, is_candidate: Tensor | None) -> Tensor:
        """Whether each prediction is positive, for each threshold: (thresholds, ...)."""
        thresholds = as_tensor(self.thresholds, p.dtype)
        predicted = p > shapes.reshape(thresholds, (-1,) + (1,) * p.ndim)
        return predicted if is_candidate is None else array.logical_and(predicted, is_candidate)

    def _expect_class(self, p: Tensor) -> None:
        if p.ndim < 2 or not self.class_id < p.shape[-1]:
            raise ShapeError(f"{type(self).__name__}: expected outputs that have class {self.class_id}, got {p.aval}")

    def _of_thresholds(self, values: Tensor) -> Tensor:
        """One number for one threshold, else one for each."""
        return values[0] if len(self.thresholds) == 1 else values


class _Count(Thresholded):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(thresholds, None, None, name, dtype)

    def result(self) -> Tensor:
        return self._of_thresholds(getattr(self, self.kinds[0]).value)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"thresholds": self.init_thresholds}


class TruePositives(_Count):
    """sum_i w_i [y_i = 1 and p_i > threshold].

    Parameters: thresholds, a number in [0, 1] (0.5), or a list of them for one count each.
    """

    kinds = ("true_positives",)


class TrueNegatives(_Count):
    """sum_i w_i [y_i = 0 and p_i <= threshold]. Parameters: as of TruePositives."""

    kinds = ("true_negatives",)


class FalsePositives(_Count):
    """sum_i w_i [y_i = 0 and p_i > threshold]. Parameters: as of TruePositives."""

    kinds = ("false_positives",)


class FalseNegatives(_Count):
    """sum_i w_i [y_i = 1 and p_i <= threshold]. Parameters: as of TruePositives."""

    kinds = ("false_negatives",)


class _Share(Thresholded):
    def result(self) -> Tensor:
        found, others = (getattr(self, kind).value for kind in self.kinds)
        return self._of_thresholds(array.divide_no_nan(found, found + others))

    def get_config(self) -> dict[str, Any]:
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return super().get_config() | own


class Precision(_Share):
    """TP / (TP + FP), the share of the positive predictions that are right; 0 without any.

    Parameters:
        thresholds: a number in [0, 1] (0.5), or a list of them for one result each.
        top_k: only the k greatest outputs of a row are positive (and, with thresholds, only those above them).
        class_id: the one output that is looked at; by default all of them.
        name, dtype: as for Metric.
    """

    kinds = ("true_positives", "false_positives")


class Recall(_Share):
    """TP / (TP + FN), the share of the positive targets that are found; 0 without any. Parameters: as of Precision."""

    kinds = ("true_positives", "false_negatives")


# per class


class FBetaScore(Metric):
    """(1 + beta^2) P R / (beta^2 P + R) of precision P and recall R, and 0 where both are 0.

    That is (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP). Targets (batch, classes) are one-hot or several-hot.

    Parameters:
        average: None for one score per class, "micro" for that of all counts together, "macro" for the mean of the
            scores, "weighted" for their mean weighted by the number of targets.
        beta: how much more recall counts than precision, above 0.
        threshold: outputs above it are positive, in (0, 1]; None takes the greatest output of a row. With one output
            per row, give a threshold: the greatest of one is always positive.
        name, dtype: as for Metric.

    Source: van Rijsbergen (1979), "Information Retrieval", chapter 7.
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        owner = type(self).__name__
        self.average = choose(owner, "average", average, (None, "micro", "macro", "weighted"))
        expect(is_number(beta) and beta > 0.0, owner, "beta", "a number above 0", beta)
        valid = threshold is None or (is_number(threshold) and 0.0 < threshold <= 1.0)
        expect(valid, owner, "threshold", "None or a number above 0 and up to 1", threshold)
        self.beta, self.threshold = float(beta), threshold

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the counts, one per class; a second call does nothing."""
        if self.variables:
            return
        classes = y_pred_shape[-1] if len(y_pred_shape) > 1 else 1
        for kind in ("true_positives", "false_positives", "false_negatives"):
            setattr(self, kind, self.add_variable((classes,), name=kind))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y, p = aligned(type(self).__name__, *pair(y_true, y_pred))
        if y.ndim != 2:
            raise ShapeError(f"{type(self).__name__}: expected predictions of shape (batch, classes), got {p.aval}")
        self.build(y.shape, p.shape)
        weight = 1.0
        if sample_weight is not None:
            weight = weights_like(self.name, array.cast(sample_weight, self.dtype), y)
        y, hit = array.cast(y, self.dtype), array.cast(self._positive(p), self.dtype)
        self.true_positives.assign_add(array.sum(weight * y * hit, axis=0))
        self.false_positives.assign_add(array.sum(weight * (1.0 - y) * hit, axis=0))
        self.false_negatives.assign_add(array.sum(weight * y * (1.0 - hit), axis=0))

    def _positive(self, p: Tensor) -> Tensor:
        if self.threshold is not None:
            return p > self.threshold
        return array.logical_and(p >= array.max(p, -1, keepdims=True), array.abs(p) > 1e-9)  # a row of 0 has none

    def result(self) -> Tensor:
        if not self.variables:
            return shapes.zeros((), self.dtype)
        found, wrong, missed = self.true_positives.value, self.false_positives.value, self.false_negatives.value
        if self.average == "micro":
            found, wrong, missed = array.sum(found), array.sum(wrong), array.sum(missed)
        square = self.beta**2
        score = array.divide_no_nan((1.0 + square) * found, (1.0 + square) * found + square * missed + wrong)
        if self.average == "weighted":
            return array.divide_no_nan(array.sum(score * (found + missed)), array.sum(found + missed))
        return array.mean(score) if self.average == "macro" else score

    def get_config(self) -> dict[str, Any]:
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return super().get_config() | own


class F1Score(FBetaScore):
    """2 P R / (P + R), the harmonic mean of precision and recall. Parameters: as of FBetaScore, whose beta is 1."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "beta"}


# between classes


class ConfusionMatrix(Metric):
    """C_jk = sum_i w_i [y_i = j and class k was predicted for i]: a row for each class, a column for each prediction.

    Targets are class numbers, (batch,) or (batch, 1), or one-hot. Predictions are scores (batch, classes), of which
    the greatest counts; for two classes also probabilities (batch,) or (batch, 1); or class numbers as integers.
    A sample whose target or prediction is not the number of a class is left out.
    Its result is a matrix: log one of the figures made of it (BalancedAccuracy, MatthewsCorrelation) in `fit`, and use
    this one by itself.

    Parameters:
        num_classes: how many; by default as many as there are scores, and 2 for one probability.
        name, dtype: as for Metric.
        threshold: probabilities above it are class 1.
    """

    def __init__(
        self,
        num_classes: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        threshold: float = 0.5,
    ):
        super().__init__(dtype, name)
        owner = type(self).__name__
        self.num_classes = None if num_classes is None else expect_integer(owner, "num_classes", num_classes, 2)
        self.threshold = expect_number(owner, "threshold", threshold)
        if self.num_classes is not None:
            self.matrix = self.add_variable((self.num_classes, self.num_classes), name="matrix")

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the matrix; a second call does nothing."""
        if not self.variables:
            classes = y_pred_shape[-1] if len(y_pred_shape) > 1 and y_pred_shape[-1] != 1 else 2
            self.matrix = self.add_variable((classes, classes), name="matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y, p = pair(y_true, y_pred)
        self.build(y.shape, p.shape)
        classes = self.matrix.shape[0]
        labels, predicted = self._labels(y, classes), self._predicted(p, classes)
        if labels.shape != predicted.shape:
            raise ShapeError(f"{type(self).__name__}: expected a target for each prediction {p.aval}, got {y.aval}")
        rows = shapes.one_hot(labels, classes, dtype=self.dtype)
        if sample_weight is not None:
            rows = rows * weights_like(self.name, array.cast(sample_weight, self.dtype), rows)
        columns = shapes.one_hot(predicted, classes, dtype=self.dtype)
        self.matrix.assign_add(array.matmul(shapes.transpose(rows), columns))

    def _labels(self, y: Tensor, classes: int) -> Tensor:
        if y.ndim == 2 and y.shape[-1] == classes:
            return array.argmax(y, -1)
        return shapes.ravel(array.cast(y, "int32"))

    def _predicted(self, p: Tensor, classes: int) -> Tensor:
        if not p.aval.is_float:
            return shapes.ravel(array.cast(p, "int32"))
        if p.ndim == 2 and p.shape[-1] == classes:
            return array.argmax(p, -1)
        if classes != 2 or (p.ndim > 1 and p.shape[1:] != (1,)):
            raise ShapeError(
                f"{type(self).__name__}: expected predictions of shape (batch, {classes}) or integer class numbers, "
                f"got {p.aval}"
            )
        return shapes.ravel(array.cast(p > self.threshold, "int32"))

    def result(self) -> Tensor:
        return self.matrix.value if self.variables else shapes.zeros((), self.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"num_classes": self.num_classes, "threshold": self.threshold}


class BalancedAccuracy(ConfusionMatrix):
    """The mean over the classes of the share of its samples that are found; classes without samples are left out.

    Parameters: as of ConfusionMatrix.
    Source: Brodersen et al. (2010), "The Balanced Accuracy and Its Posterior Distribution".
    """

    def result(self) -> Tensor:
        if not self.variables:
            return shapes.zeros((), self.dtype)
        matrix = self.matrix.value
        found, samples = (
            array.sum(matrix * shapes.eye(matrix.shape[0], matrix.dtype), axis=1),
            array.sum(matrix, axis=1),
        )
        present = array.sum(array.cast(samples > 0.0, matrix.dtype))
        return array.divide_no_nan(array.sum(array.divide_no_nan(found, samples)), present)


class MatthewsCorrelation(ConfusionMatrix):
    """The correlation of classes and predictions, from -1 to 1, and 0 where one of them is constant.

    (s c - sum_k t_k p_k) / sqrt((s^2 - sum_k t_k^2) (s^2 - sum_k p_k^2)), with s samples, c of them right, t_k in class
    k and p_k predicted to be.

    Parameters: as of ConfusionMatrix.
    Source: Gorodkin (2004), "Comparing Two K-Category Assignments by a K-Category Correlation Coefficient".
    """

    def result(self) -> Tensor:
        if not self.variables:
            return shapes.zeros((), self.dtype)
        matrix = self.matrix.value
        matrix = array.divide_no_nan(matrix, array.sum(matrix))  # s = 1
        right = array.sum(matrix * shapes.eye(matrix.shape[0], matrix.dtype))
        actual, predicted = array.sum(matrix, axis=1), array.sum(matrix, axis=0)
        spread = (1.0 - array.sum(array.square(actual))) * (1.0 - array.sum(array.square(predicted)))
        return array.divide_no_nan(right - array.sum(actual * predicted), array.sqrt(array.maximum(spread, 0.0)))
