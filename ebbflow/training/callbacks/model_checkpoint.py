"""ModelCheckpoint: keep the model, or its weights, in files while it is trained."""

import os
import string
from itertools import takewhile
from pathlib import Path

from ...core.errors import ArgumentError
from ...functions.arguments import expect, expect_number
from ...functions.naming import expect_flag
from .base import Logs, expect_verbosity, only_if
from .files import expect_path, make_folder, writing
from .frequency import Frequency
from .monitor import Monitoring


class ModelCheckpoint(Monitoring):
    """Save the model after each epoch, or after so many batches; a file appears complete or not at all.

    Parameters:
        filepath: may name `{epoch}` and `{batch}`, counted from 1, and what is logged, each with a format:
            "{epoch:02d}-{val_loss:.2f}.ebb".
        monitor: the logged name that save_best_only goes by.
        verbose: 1 prints each decision.
        save_best_only: save only when the monitored number is better than ever before.
        save_weights_only: a file for `Model.load_weights`, with no layers and no state of training.
        mode: "min", "max", or "auto", as for EarlyStopping.
        save_freq: "epoch", or a number of batches. The training then stops for Python after every batch, and what is
            monitored is the mean over the epoch so far.
        initial_value_threshold: save_best_only counts as better only what is better than this number.

    Raises ArgumentError for a bad argument, for a place that cannot be written to before the training begins, and for
    names in filepath or a monitor that are not logged; OSError when the disk is full.

    Attributes: `best` (value, None before there is one).
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, mode)
        owner = type(self).__name__
        self.filepath = os.fspath(expect_path(owner, "filepath", filepath))
        expect(_is_template(self.filepath), owner, "filepath", "names in {}", self.filepath)
        self.verbose = expect_verbosity(owner, verbose)
        self.save_best_only = expect_flag(owner, "save_best_only", save_best_only)
        self.save_weights_only = expect_flag(owner, "save_weights_only", save_weights_only)
        self.save_freq, self._frequency = save_freq, Frequency(owner, "save_freq", save_freq)
        if initial_value_threshold is not None:
            self.best = expect_number(owner, "initial_value_threshold", initial_value_threshold)
        self._epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        owner, path = type(self).__name__, Path(self.filepath)
        expect(not path.is_dir(), owner, "filepath", "the name of a file", self.filepath)
        make_folder(owner, Path(*takewhile(lambda part: "{" not in part, path.parent.parts)))
        self.decide_direction()  # the best stays: a later fit must beat an earlier one

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    @only_if(lambda self: not self._frequency.every_epoch)
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._frequency.every_epoch and self._frequency.is_due():
            self._consider({"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        if self._frequency.every_epoch:
            self._consider(logs or {})

    def _consider(self, logs: Logs) -> None:
        """Save, unless only the best is asked for and this is not."""
        if not self.save_best_only:
            self._save(logs, "saving model to")
            return
        value, best = self.monitored(logs), "None" if self.best is None else f"{self.best:.5f}"
        if value is None:
            return
        if not self.is_improvement(value, self.best):
            self._say(f"{self.monitor} did not improve from {best}")
            return
        self.best = value
        self._save(logs, f"{self.monitor} improved from {best} to {value:.5f}, saving model to")

    def _save(self, logs: Logs, words: str) -> None:
        path = self._path_for(logs)
        self._say(f"{words} {path}")
        with writing(type(self).__name__, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.save_weights_only:
                self.model.save_weights(path)
            else:
                self.model.save(path)

    def _path_for(self, logs: Logs) -> Path:
        names = logs | {"epoch": self._epoch + 1}
        try:
            return Path(self.filepath.format(**names))
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            raise ArgumentError(
                f"{type(self).__name__}: expected filepath to be made of {', '.join(names)}, got {self.filepath!r} "
                f"({type(error).__name__}: {error})"
            ) from error

    def _say(self, words: str) -> None:
        if self.verbose:
            print(f"Epoch {self._epoch + 1}: {words}")


def _is_template(text: str) -> bool:
    try:
        return all(name is None or name for _, name, _, _ in string.Formatter().parse(text))
    except ValueError:
        return False
