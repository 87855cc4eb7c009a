"""BackupAndRestore: let a training that was killed go on as if it had not been."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ModelFileError
from ...core.variable import Variable
from ...functions.naming import expect_flag
from ..modelfile import read_model_file, write_model_file
from ..saving import variable_groups
from .base import Callback, Logs, only_if
from .files import expect_path, make_folder, writing
from .frequency import Frequency


class BackupAndRestore(Callback):
    """Keep the state of the training in a file; where a fit begins and finds one, it goes on from there.

    A program that was killed is run again as it is. The state is that of the model and of its optimizer: weights,
    random states, the order of rows, slots and numbers such as the learning rate. With save_freq="epoch" the weights in
    the end are bit for bit those of a training that was never interrupted. Other callbacks begin anew, the history
    holds the epochs since, and with steps_per_epoch a new pass over the rows begins.

    Parameters:
        backup_dir: folder of the file, which no other training may use.
        save_freq: "epoch", or a number of batches; an epoch that was interrupted is then done again from its first
            batch, with the weights of the last backup.
        double_checkpoint: also keep the backup before the last one, and use it if the last one is damaged.
        delete_checkpoint: delete the backup when the training ends well.

    Raises ArgumentError for a bad argument, for a place that cannot be written to, and for a backup of another model,
    before the training begins; ModelFileError for a damaged one; OSError when the disk is full.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        super().__init__()
        self.backup_dir = expect_path("BackupAndRestore", "backup_dir", backup_dir)
        self.save_freq, self._frequency = save_freq, Frequency("BackupAndRestore", "save_freq", save_freq)
        self.double_checkpoint = expect_flag("BackupAndRestore", "double_checkpoint", double_checkpoint)
        self.delete_checkpoint = expect_flag("BackupAndRestore", "delete_checkpoint", delete_checkpoint)
        self._latest, self._previous = self.backup_dir / "backup.ebb", self.backup_dir / "previous.ebb"
        self._epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        make_folder("BackupAndRestore", self.backup_dir)
        for path in (self._latest, self._previous):
            if path.exists() and self._restore(path, is_last=path == self._previous or not self._previous.exists()):
                return

    def _restore(self, path: Path, is_last: bool) -> bool:
        """Give model and optimizer the state in a file; False if it is damaged and there is another one."""
        try:
            document, arrays = read_model_file(path)
        except ModelFileError:
            if is_last:
                raise
            return False
        groups = _state_of(self.model)
        saved = {group: [arrays[key] for key in keys] for group, keys in document["arrays"].items()}
        for group, variables in groups.items():
            _expect_alike(path, group, variables, saved.get(group, []))
        for group, variables in groups.items():
            for variable, array in zip(variables, saved[group], strict=True):
                variable.assign(array)
        self.params["initial_epoch"] = document["backup"]["epoch"]
        return True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    @only_if(lambda self: not self._frequency.every_epoch)
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._frequency.every_epoch and self._frequency.is_due():
            self._save(self._epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._frequency.every_epoch:
            self._save(epoch + 1)

    def _save(self, epoch: int) -> None:
        arrays, keys = {}, {}
        for group, variables in _state_of(self.model).items():
            named = {f"{group}/{k}/{variable.name}": variable.numpy() for k, variable in enumerate(variables)}
            arrays.update(named)
            keys[group] = list(named)
        with writing("BackupAndRestore", self._latest):
            if self.double_checkpoint and self._latest.exists():
                os.replace(self._latest, self._previous)
            write_model_file(self._latest, {"backup": {"epoch": epoch}, "arrays": keys}, arrays)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.delete_checkpoint:
            return
        for path in (self._latest, self._previous):
            path.unlink(missing_ok=True)
        if self.backup_dir.exists() and not any(self.backup_dir.iterdir()):
            self.backup_dir.rmdir()


def _state_of(model: Any) -> dict[str, list[Variable]]:
    """All that an epoch begins with."""
    return variable_groups(model) | {"optimizer's numbers": model.optimizer.hyperparameters}


def _expect_alike(path: Path, group: str, variables: Sequence[Variable], arrays: Sequence[np.ndarray]) -> None:
    shapes = [(variable.shape, variable.dtype) for variable in variables]
    if shapes != [(array.shape, array.dtype) for array in arrays]:
        raise ArgumentError(
            f"BackupAndRestore: expected {path} to hold {len(variables)} arrays of {group} that fit, got those of "
            "another model; give another backup_dir, or delete it"
        )
