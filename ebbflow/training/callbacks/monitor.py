"""Monitoring: callbacks that watch whether one logged number becomes better."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...functions.arguments import choose, expect, expect_number
from .base import Callback, Logs

MOST_EPOCHS = 2**31
_GROWING = (
    *("acc", "accuracy", "auc", "correlation", "f1", "io_u", "iou", "precision", "r2", "recall", "score"),
    *("sensitivity", "similarity", "specificity", "true_negatives", "true_positives"),
)


class Monitoring(Callback):
    """Base of callbacks that watch one logged number.

    Attributes:
        monitor, min_delta: as given.
        mode: "min" or "max"; for "auto", decided when a fit begins.
        best: the best value so far, None before there is one.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0.0):
        super().__init__()
        owner = type(self).__name__
        expect(isinstance(monitor, str), owner, "monitor", "a logged name", monitor)
        choose(owner, "mode", mode, ("auto", "min", "max"))
        self.monitor, self._is_auto = monitor, mode == "auto"
        self.mode = direction_of(monitor) if mode == "auto" else mode
        self.min_delta = expect_number(owner, "min_delta", min_delta, low=0.0)
        self.best: float | None = None

    @property
    def worst(self) -> float:
        """What every number beats."""
        return math.inf if self.mode == "min" else -math.inf

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether value beats reference, which None lets every number do, by more than min_delta; NaN never does."""
        reference = self.worst if reference is None else reference
        if self.mode == "min":
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def decide_direction(self) -> None:
        """For the mode "auto": as the model's metric of this name says, if it does, else by the name."""
        if self._is_auto:
            self.mode = direction_of(self.monitor, getattr(self.model, "metrics", ()))

    def monitored(self, logs: Logs) -> float | None:
        """The watched number, or None in an epoch that a fit with validation_freq does not measure.

        Raises ArgumentError if it is not logged, or is several numbers.
        """
        if self.monitor in logs:
            value = logs[self.monitor]
            if np.ndim(value):
                raise several_numbers(self.monitor, type(self).__name__)
            return value
        if self.monitor.startswith("val_") and self.params.get("validation_freq", 1) != 1:
            return None
        raise unknown_monitor(self.monitor, logs, type(self).__name__)


def unknown_monitor(monitor: str, names: Iterable[str], owner: str = "EarlyStopping") -> ArgumentError:
    """The error for a monitor that no epoch logs."""
    hint = "; give fit validation_data or validation_split" if monitor.startswith("val_") else ""
    return ArgumentError(f"{owner}: expected monitor to be one of {', '.join(names)}, got {monitor!r}{hint}")


def several_numbers(monitor: str, owner: str = "EarlyStopping") -> ArgumentError:
    """The error for a monitor that is an array."""
    return ArgumentError(
        f"{owner}: expected monitor to name one number, got {monitor!r}, which is several; give the metric an average, "
        'such as average="macro", or monitor another name'
    )


def direction_of(monitor: str, metrics: Iterable[Any] = ()) -> str:
    """ "max" or "min": as the metric of this name says (its `_direction`, "up" or "down"), else by the name alone."""
    name = monitor.removeprefix("val_")
    for metric in metrics:
        direction = getattr(metric, "_direction", None)
        if metric.name == name and direction in ("up", "down"):
            return "max" if direction == "up" else "min"
    return "max" if any(name.endswith(end) or name.startswith(f"{end}_") for end in _GROWING) else "min"
