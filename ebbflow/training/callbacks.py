"""Callbacks: what a fit calls while it runs, and the ones that come with ebbflow."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..functions.arguments import choose, expect, expect_integer, expect_number
from .runner import Progress

Logs = dict[str, float]
_MOST_EPOCHS = 2**31


class Callback:
    """What a fit calls while it runs: subclass it and override the moments that matter.

    A fit stops after the present epoch's (or step's) callbacks when one of them sets `model.stop_training = True`.
    Native code comes back to Python each epoch, or step, only if a callback overrides a moment of the epoch, or step.

    Attributes: `model`, and `params`, a dict with "epochs", "steps" (per epoch) and "verbose".
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called when a fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called when a fit ends; logs are those of its last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch, numbered from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after each epoch and its validation; logs are means over the epoch, with val_ entries."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each step, numbered from 0 in each epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each step; logs are means over the epoch so far. The last step's call follows the validation."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called when `evaluate` begins (not for the validation inside a fit)."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called when `evaluate` ends, with its results."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called when `predict` begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called when `predict` ends."""

    def on_progress(self, progress: Progress) -> None:
        """Called whenever native code comes back to Python, about ten times a second and at the asked moments."""


def overrides(callback: Callback, moment: str) -> bool:
    """Whether this callback does anything at a moment such as "on_epoch_end"."""
    return getattr(getattr(callback, moment), "__func__", None) is not getattr(Callback, moment)


class CallbackList(Callback):
    """Several callbacks as one, called in their order."""

    def __init__(self, callbacks: Iterable[Callback] = ()):
        super().__init__()
        self.callbacks = list(callbacks)

    def append(self, callback: Callback) -> None:
        self.callbacks.append(callback)


def _calling_all(moment: str) -> Callable[..., None]:
    def call_all(self: CallbackList, *args: Any, **kwargs: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(*args, **kwargs)

    call_all.__name__ = moment
    call_all.__doc__ = getattr(Callback, moment).__doc__
    return call_all


for _name in [name for name in vars(Callback) if name.startswith(("on_", "set_"))]:
    setattr(CallbackList, _name, _calling_all(_name))


class History(Callback):
    """What every fit records and returns.

    Attributes: `epoch`, the numbers of the epochs; `history`, for each logged name the list of its values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class EarlyStopping(Callback):
    """Stop when the monitored number has not improved for a while.

    An epoch improves if its value, min_delta worse, still beats the best one so far. Training stops after the epoch
    that makes `patience` epochs in a row without improvement.

    Parameters:
        monitor: a logged name, such as "val_loss".
        min_delta: how much better counts as better.
        patience: epochs without improvement to wait for.
        verbose: 1 prints when it stops.
        mode: "min", "max", or "auto": "max" for accuracies and scores such as r2 and auc, else "min".
        baseline: waiting restarts only if the value also beats this one.
        restore_best_weights: at the end, go back to the weights of the best epoch.
        start_from_epoch: epochs before this one are not looked at.

    Raises ArgumentError for a bad argument.

    Attributes: `best` (value), `best_epoch`, `best_weights`, `wait` (epochs since), `stopped_epoch` (0 if it did not).

    Source: Prechelt (1998), "Early stopping - but when?".
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__()
        owner = "EarlyStopping"
        expect(isinstance(monitor, str), owner, "monitor", "a logged name", monitor)
        choose(owner, "mode", mode, ("auto", "min", "max"))
        self.monitor, self.verbose, self.restore_best_weights = monitor, verbose, bool(restore_best_weights)
        self.mode = mode if mode != "auto" else _direction_of(monitor)
        self.min_delta = expect_number(owner, "min_delta", min_delta, low=0.0)
        self.patience = expect_integer(owner, "patience", patience, 0, _MOST_EPOCHS)
        self.start_from_epoch = expect_integer(owner, "start_from_epoch", start_from_epoch, 0, _MOST_EPOCHS)
        self.baseline = None if baseline is None else expect_number(owner, "baseline", baseline)
        self._forget()

    def _forget(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_weights: list[np.ndarray] | None = None

    def is_improvement(self, value: float, reference: float) -> bool:
        """Whether value beats reference by more than min_delta; NaN never does."""
        if self.mode == "min":
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch < self.start_from_epoch:
            return
        value = self._monitored(logs or {})
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.is_improvement(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_improvement(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights from the end of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)

    def _monitored(self, logs: Logs) -> float:
        if self.monitor not in logs:
            raise unknown_monitor(self.monitor, logs)
        return logs[self.monitor]


def unknown_monitor(monitor: str, names: Iterable[str]) -> ArgumentError:
    """The error for a monitor that no epoch logs."""
    hint = "; give fit validation_data or validation_split" if monitor.startswith("val_") else ""
    return ArgumentError(f"EarlyStopping: expected monitor to be one of {', '.join(names)}, got {monitor!r}{hint}")


def _direction_of(monitor: str) -> str:
    growing = ("acc", "accuracy", "auc", "r2", "score", "precision", "recall", "f1")
    name = monitor.removeprefix("val_")
    return "max" if any(name.endswith(end) or name.startswith(f"{end}_") for end in growing) else "min"


class TerminateOnNaN(Callback):
    """End the fit quietly, keeping history and the last finite state, when the loss becomes NaN or infinite.

    Without it such a loss raises NonFiniteLossError.
    """

    def on_non_finite_loss(self, epoch: int, batch: int) -> None:
        print(f"Epoch {epoch + 1}, batch {batch + 1}: the loss is not finite, terminating training")


class LambdaCallback(Callback):
    """A callback made of functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)).

    Raises ArgumentError for the name of a moment that does not exist.
    """

    def __init__(self, **moments: Callable[..., Any]):
        super().__init__()
        for name, function in moments.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                known = ", ".join(moment for moment in vars(Callback) if moment.startswith("on_"))
                raise ArgumentError(f"LambdaCallback: expected one of {known}, got {name!r}")
            setattr(self, name, function)
