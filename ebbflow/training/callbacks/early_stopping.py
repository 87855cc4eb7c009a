"""EarlyStopping: stop when nothing improves any more."""

import numpy as np

from ...functions.arguments import expect_integer, expect_number
from ...functions.naming import expect_flag
from .base import Logs, expect_verbosity
from .monitor import MOST_EPOCHS, Monitoring


class EarlyStopping(Monitoring):
    """Stop when the monitored number has not improved for a while.

    An epoch improves if its value, min_delta worse, still beats the best one so far. Training stops after the epoch
    that makes `patience` epochs in a row without improvement.

    Parameters:
        monitor: a logged name, such as "val_loss".
        min_delta: how much better counts as better.
        patience: epochs without improvement to wait for.
        verbose: 1 prints when it stops.
        mode: "min", "max", or "auto": what the metric itself says, else "max" for accuracies and scores such as r2 and
            auc, else "min".
        baseline: waiting restarts only if the value also beats this one.
        restore_best_weights: at the end, go back to the weights of the best epoch.
        start_from_epoch: epochs before this one are not looked at.

    Raises ArgumentError for a bad argument.

    Attributes: `best` (value, None before there is one), `best_epoch`, `best_weights`, `wait` (epochs since),
    `stopped_epoch` (0 if it did not).

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
        super().__init__(monitor, mode, min_delta)
        owner = type(self).__name__
        self.verbose = expect_verbosity(owner, verbose)
        self.restore_best_weights = expect_flag(owner, "restore_best_weights", restore_best_weights)
        self.patience = expect_integer(owner, "patience", patience, 0, MOST_EPOCHS)
        self.start_from_epoch = expect_integer(owner, "start_from_epoch", start_from_epoch, 0, MOST_EPOCHS)
        self.baseline = None if baseline is None else expect_number(owner, "baseline", baseline)
        self._forget()

    def _forget(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.decide_direction()
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch < self.start_from_epoch:
            return
        value = self.monitored(logs or {})
        if value is None:
            return
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
