"""Callbacks that change the learning rate between epochs; the compiled program reads it, and stays the same."""

import inspect
from collections.abc import Callable
from typing import Any

from ...core.errors import ArgumentError
from ...core.variable import Variable
from ...functions.arguments import expect, expect_integer, expect_number, is_number
from .base import Callback, Logs, expect_verbosity
from .monitor import MOST_EPOCHS, Monitoring


def learning_rate_of(model: Any) -> float:
    """The optimizer's present learning rate."""
    return float(model.optimizer.learning_rate.numpy())


def _expect_changeable(owner: str, model: Any) -> None:
    """Raise ArgumentError where a schedule of the optimizer's own sets the learning rate."""
    if not isinstance(model.optimizer.learning_rate, Variable):
        raise ArgumentError(
            f"{owner}: expected an optimizer with a number for learning_rate, got one with a schedule; "
            "use one of the two"
        )


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch: rate = schedule(epoch, rate).

    It is logged as "learning_rate".

    Parameters:
        schedule: function of the epoch, from 0, and of the present rate, or of the epoch alone.
        verbose: 1 prints each rate.

    Raises ArgumentError for what is not a function, for what does not return a number of at least 0, and for an
    optimizer with a schedule of its own.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        super().__init__()
        expect(callable(schedule), "LearningRateScheduler", "schedule", "a function of (epoch, rate)", schedule)
        self.schedule, self.verbose = schedule, expect_verbosity("LearningRateScheduler", verbose)
        self._takes_rate = _takes_two(schedule)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        _expect_changeable("LearningRateScheduler", self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        arguments = (epoch, learning_rate_of(self.model)) if self._takes_rate else (epoch,)
        came = self.schedule(*arguments)
        rate = came.numpy().item() if hasattr(came, "numpy") else came
        expect(
            is_number(rate) and rate >= 0,
            "LearningRateScheduler",
            f"the result of schedule{arguments if len(arguments) > 1 else f'({epoch})'}",
            "a number of at least 0",
            came,
        )
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = learning_rate_of(self.model)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with two arguments."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except (TypeError, ValueError):  # one that is not Python's may have no signature, as a list's look-up
        return False
    return True


class ReduceLROnPlateau(Monitoring):
    """Reduce the learning rate when the monitored number has stopped improving: rate = max(factor rate, min_lr).

    The rate is logged as "learning_rate", that of the epoch before it is reduced.

    Parameters:
        monitor: a logged name, such as "val_loss".
        factor: in [0, 1).
        patience: epochs without improvement, after which the rate is reduced.
        verbose: 1 prints each reduction.
        mode: "min", "max", or "auto", as for EarlyStopping.
        min_delta: how much better counts as better.
        cooldown: epochs after a reduction that are not counted.
        min_lr: the rate never falls below it.

    Raises ArgumentError for a bad argument, for a monitor that is not logged, and for an optimizer with a schedule of
    its own.

    Attributes: `best` (value, None before there is one), `wait` (epochs since), `cooldown_counter` (epochs of cooldown
    left).
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        super().__init__(monitor, mode, min_delta)
        owner = type(self).__name__
        expect(
            is_number(factor) and 0 <= factor < 1,
            owner,
            "factor",
            "a number from 0 up to, but not including, 1",
            factor,
        )
        self.factor, self.verbose = float(factor), expect_verbosity(owner, verbose)
        self.patience = expect_integer(owner, "patience", patience, 0, MOST_EPOCHS)
        self.cooldown = expect_integer(owner, "cooldown", cooldown, 0, MOST_EPOCHS)
        self.min_lr = expect_number(owner, "min_lr", min_lr, low=0.0)
        self._forget()

    def _forget(self) -> None:
        self.wait = self.cooldown_counter = 0
        self.best = None

    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at present."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        _expect_changeable(type(self).__name__, self.model)
        self.decide_direction()
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        rate = logs["learning_rate"] = learning_rate_of(self.model)
        value = self.monitored(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self._reduce(epoch, rate)

    def _reduce(self, epoch: int, rate: float) -> None:
        reduced = max(rate * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = reduced
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {reduced}.")
