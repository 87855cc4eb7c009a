"""The area under a curve of two rates that change with the threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ShapeError
from ..core.tensor import Tensor, as_tensor
from ..functions import array, nn, shapes
from ..functions.arguments import choose, expect, expect_integer, is_number
from ..functions.naming import expect_flag
from ..functions.nn import EPSILON
from ..losses.base import aligned, weights_like
from .base import Metric, pair
from .confusion import thresholds_of

_KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class AUC(Metric):
    """The area under the curve of recall against false positive rate (ROC) or of precision against recall (PR).

    Rates are counted at fixed thresholds, so that batches give what the whole gives, in memory that does not grow: the
    exact area would need every score at once. It is exact where no score of a positive shares a gap between thresholds
    with one of a negative: with `thresholds` that name all scores that occur, for one. Else the exact area of ROC lies
    between those of "minoring" and "majoring", which more thresholds bring together.

    Parameters:
        num_thresholds: evenly spaced ones from 0 to 1, 2 or more; among them one below 0 and one above 1.
        curve: "ROC", "PR", or "PRGAIN" for the gains 1 - P / N FP / TP of precision and 1 - P / N FN / TP of recall,
            with P positives and N negatives.
        summation_method: "interpolation" (trapezoids for ROC; for PR precision is interpolated between the counts),
            "minoring" or "majoring" (the lesser or greater of the ends of each gap).
        name, dtype: as for Metric.
        thresholds: in [0, 1], instead of num_thresholds.
        multi_label: the mean of the areas of the outputs, instead of the area of all outputs together.
        num_labels: how many outputs; not needed.
        label_weights: the weight of each output, in the mean or of its predictions.
        from_logits: predictions are z with p = sigmoid(z); else probabilities, where those outside of [0, 1] count as
            0 or 1.

    Sources: Fawcett (2006), "An Introduction to ROC Analysis"; Davis, Goadrich (2006), "The Relationship between
    Precision-Recall and ROC Curves", for the interpolation of PR; Flach, Kull (2015), "Precision-Recall-Gain Curves: PR
    Analysis Done Right".
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ):
        super().__init__(dtype, name)
        self.curve = choose("AUC", "curve", curve.upper() if isinstance(curve, str) else curve, ("ROC", "PR", "PRGAIN"))
        methods = ("interpolation", "majoring", "minoring")
        given = summation_method.lower() if isinstance(summation_method, str) else summation_method
        self.summation_method = choose("AUC", "summation_method", given, methods)
        self.init_thresholds = None if thresholds is None else sorted(thresholds_of("AUC", thresholds, 0.5))
        inner = self.init_thresholds
        if inner is None:
            last = expect_integer("AUC", "num_thresholds", num_thresholds, 2) - 1
            inner = [k / last for k in range(1, last)]
        self.thresholds = [-EPSILON, *inner, 1.0 + EPSILON]
        self.num_thresholds = len(self.thresholds)
        self.multi_label = expect_flag("AUC", "multi_label", multi_label)
        self.from_logits = expect_flag("AUC", "from_logits", from_logits)
        self.num_labels = None if num_labels is None else expect_integer("AUC", "num_labels", num_labels, 1)
        expect(self.multi_label or num_labels is None, "AUC", "num_labels", "None without multi_label", num_labels)
        self.label_weights = None if label_weights is None else _numbers_of_0_or_more(label_weights)
        if not self.multi_label or self.num_labels:
            self.build((None, self.num_labels), (None, self.num_labels))

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the counts, one per threshold, or per threshold and output; a second call does nothing."""
        if self.variables:
            return
        labels = (y_pred_shape[-1] if len(y_pred_shape) > 1 else 1,) if self.multi_label else ()
        for kind in _KINDS:
            setattr(self, kind, self.add_variable((self.num_thresholds, *labels), name=kind))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y, p = aligned("AUC", *pair(y_true, y_pred))
        fits = y.ndim == 2 and (not self.variables or y.shape[1:] == self.true_positives.shape[1:])
        if self.multi_label and not fits:
            raise ShapeError(f"AUC: expected predictions of shape (batch, {self.num_labels or 'labels'}), got {p.aval}")
        self.build(y.shape, p.shape)
        weight = self._weights(y, sample_weight)
        p = array.clip(nn.sigmoid(p) if self.from_logits else p, 0.0, 1.0)
        if not self.multi_label:
            y, p, weight = (shapes.ravel(x) for x in (y, p, weight))
        positive = array.where(array.not_equal(y, 0.0), weight, 0.0)
        negative = weight - positive
        thresholds = as_tensor(self.thresholds, p.dtype)
        above = array.cast(p > shapes.reshape(thresholds, (-1,) + (1,) * p.ndim), self.dtype)
        found, wrong = array.sum(above * positive, axis=1), array.sum(above * negative, axis=1)
        self.true_positives.assign_add(found)
        self.false_positives.assign_add(wrong)
        self.true_negatives.assign_add(array.sum(negative, axis=0) - wrong)
        self.false_negatives.assign_add(array.sum(positive, axis=0) - found)

    def _weights(self, y: Tensor, sample_weight: Any) -> Tensor:
        """The weight of every prediction: that of its sample, times that of its output."""
        weight = shapes.ones(y.shape, self.dtype)
        if sample_weight is not None:
            weight = weights_like(self.name, array.cast(sample_weight, self.dtype), y)
        if self.label_weights is None:
            return weight
        if len(self.label_weights) != y.shape[-1]:
            raise ShapeError(
                f"AUC: expected an output for each of {len(self.label_weights)} label_weights, got {y.aval}"
            )
        return weight if self.multi_label else weight * self._label_weights()

    def _label_weights(self) -> Tensor:
        return as_tensor(self.label_weights, self.dtype)

    def result(self) -> Tensor:
        if not self.variables:
            return shapes.zeros((), self.dtype)
        found, wrong = self.true_positives.value, self.false_positives.value
        positives, negatives = found + self.false_negatives, wrong + self.true_negatives
        if self.curve == "PR" and self.summation_method == "interpolation":
            pieces = _interpolated_precision(found, wrong, positives)
        else:
            x, y = self._points(found, wrong, positives, negatives)
            pieces = (x[:-1] - x[1:]) * self._heights(y[:-1], y[1:])
        return self._mean(array.sum(pieces, axis=0))

    def _points(self, found: Tensor, wrong: Tensor, positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        """The curve at each threshold."""
        recall = array.divide_no_nan(found, positives)
        if self.curve == "ROC":
            return array.divide_no_nan(wrong, negatives), recall
        if self.curve == "PR":
            return recall, array.divide_no_nan(found, found + wrong)
        scale = array.divide_no_nan(positives, negatives)
        precision_gain = 1.0 - scale * array.divide_no_nan(wrong, found)
        recall_gain = 1.0 - scale * array.divide_no_nan(positives - found, found)
        none = array.equal(found, 0.0)
        return array.maximum(array.where(none, 0.0, recall_gain), 0.0), array.where(none, 1.0, precision_gain)

    def _heights(self, left: Tensor, right: Tensor) -> Tensor:
        if self.summation_method == "interpolation":
            return 0.5 * (left + right)
        return (array.minimum if self.summation_method == "minoring" else array.maximum)(left, right)

    def _mean(self, areas: Tensor) -> Tensor:
        if not self.multi_label or self.label_weights is None:
            return array.mean(areas)
        weights = self._label_weights()
        return array.divide_no_nan(array.sum(areas * weights), array.sum(weights))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "thresholds": self.init_thresholds,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }


def _numbers_of_0_or_more(weights: Any) -> list[float]:
    several = isinstance(weights, (list, tuple, np.ndarray)) and len(weights) > 0
    valid = several and all(is_number(w) and w >= 0.0 for w in weights)
    expect(valid, "AUC", "label_weights", "numbers of 0 or more, one for each output", weights)
    return list(map(float, weights))


def _interpolated_precision(found: Tensor, wrong: Tensor, positives: Tensor) -> Tensor:
    """The area under precision against recall in each gap, true positives growing evenly with positive predictions P.

    With slope = dTP / dP and TP = intercept + slope P, the integral of TP / P over TP is
    slope (dTP + intercept log(P_1 / P_0)), and of recall that over the number of positives.
    """
    predicted = found + wrong
    gain, growth = found[:-1] - found[1:], predicted[:-1] - predicted[1:]
    slope = array.divide_no_nan(gain, growth)
    intercept = found[1:] - slope * predicted[1:]
    both = array.logical_and(predicted[:-1] > 0.0, predicted[1:] > 0.0)
    ratio = array.where(both, predicted[:-1], 1.0) / array.where(both, predicted[1:], 1.0)
    return array.divide_no_nan(slope * (gain + intercept * array.log(ratio)), array.maximum(positives[1:], 0.0))
