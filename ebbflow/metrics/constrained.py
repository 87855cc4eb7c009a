"""The best of one rate among the thresholds at which another one is good enough."""

from typing import Any

from ..core.tensor import Tensor
from ..functions import array
from ..functions.arguments import expect_integer, expect_number
from .confusion import Thresholded


class _BestRate(Thresholded):
    """Base: `constraint` names the argument that says how great the other rate must be."""

    kinds = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    constraint = ""

    def __init__(self, least: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any):
        owner = type(self).__name__
        self.least = expect_number(owner, self.constraint, least, 0.0, 1.0)
        setattr(self, self.constraint, self.least)
        self.num_thresholds = expect_integer(owner, "num_thresholds", num_thresholds, 1)
        last = max(num_thresholds - 1, 1)
        thresholds = [k / last for k in range(num_thresholds)] if num_thresholds > 1 else 0.5
        super().__init__(thresholds, None, class_id, name, dtype)

    def _precision(self) -> Tensor:
        return array.divide_no_nan(self.true_positives, self.true_positives + self.false_positives)

    def _recall(self) -> Tensor:
        return array.divide_no_nan(self.true_positives, self.true_positives + self.false_negatives)

    def _specificity(self) -> Tensor:
        return array.divide_no_nan(self.true_negatives, self.true_negatives + self.false_positives)

    def _best(self, rate: Tensor, other: Tensor) -> Tensor:
        """max rate where the other one is at least what was asked for, and 0 if it is so nowhere."""
        return array.max(array.where(other >= self.least, rate, 0.0))

    def get_config(self) -> dict[str, Any]:
        own = {self.constraint: self.least, "num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return super().get_config() | own


class SensitivityAtSpecificity(_BestRate):
    """The greatest TP / (TP + FN) among the thresholds where TN / (TN + FP) is at least `specificity`, else 0.

    Parameters:
        specificity: in [0, 1].
        num_thresholds: evenly spaced ones from 0 to 1; one means 0.5.
        class_id: the one output that is looked at; by default all of them.
        name, dtype: as for Metric.
    """

    constraint = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_BestRate):
    """The greatest TN / (TN + FP) among the thresholds where TP / (TP + FN) is at least `sensitivity`, else 0.

    Parameters: as of SensitivityAtSpecificity.
    """

    constraint = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_BestRate):
    """The greatest TP / (TP + FP) among the thresholds where TP / (TP + FN) is at least `recall`, else 0.

    Parameters: as of SensitivityAtSpecificity.
    """

    constraint = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_BestRate):
    """The greatest TP / (TP + FN) among the thresholds where TP / (TP + FP) is at least `precision`, else 0.

    Parameters: as of SensitivityAtSpecificity.
    """

    constraint = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self) -> Tensor:
        return self._best(self._recall(), self._precision())
