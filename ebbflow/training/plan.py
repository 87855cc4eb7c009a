"""Plan: everything that one fit does, decided before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..functions.random import permutation
from .data import Rows, batch_of, number_of_rows

DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class Plan:
    """What one fit does; whoever runs it, interpreted or compiled, must do the same.

    Pass k over the rows, from 0, visits them in the order p = permutation(state, rows), where state is `shuffle_state`
    with k added to its last word, or 0, 1, 2, ... without shuffle. Its step j trains on p[j b : (j + 1) b] with
    b = batch_size; the last step of a pass takes the rows that are left. An epoch is a pass, or `steps` steps, going on
    where the epoch before ended.

    Attributes:
        data: all training rows, as they lie in the user's memory or files.
        checked: whether they are known to hold finite numbers; where not, a step looks at its own batch.
        validation: rows to measure on after the epochs, or None.
        batch_size, validation_batch_size: rows per step.
        epochs, initial_epoch: epochs are numbered initial_epoch, ..., epochs - 1.
        shuffle: whether rows are visited in a random order.
        shuffle_state: uint32[4] of seed, member, purpose, and how many passes the model was trained before this fit.
        early_stopping: an EarlyStopping that the runner itself asks after each epoch, or None.
        log_names: names of what is logged for each epoch, in order: "loss", metrics, and again with "val_".
        steps: steps an epoch, None for those of a pass.
        announces: whether to stop before each validation, for callbacks that are to hear of it.
        validation_freq: n to validate after each n-th epoch, or the epochs, counted from 1, to validate after.
    """

    data: Rows
    validation: Rows | None
    batch_size: int
    validation_batch_size: int
    epochs: int
    initial_epoch: int
    shuffle: bool
    shuffle_state: np.ndarray
    early_stopping: Any
    log_names: tuple[str, ...]
    checked: bool = True
    steps: int | None = None
    validation_freq: int | Sequence[int] = 1
    announces: bool = False

    @property
    def rows(self) -> int:
        return number_of_rows(self.data)

    @property
    def steps_per_pass(self) -> int:
        return -(-self.rows // self.batch_size)

    @property
    def steps_per_epoch(self) -> int:
        return self.steps or self.steps_per_pass

    def place_of(self, epoch: int, step: int) -> tuple[int, int]:
        """(number of the pass over the rows, step of this pass) that this step of this epoch is."""
        return divmod((epoch - self.initial_epoch) * self.steps_per_epoch + step, self.steps_per_pass)

    @property
    def is_plain(self) -> bool:
        """Whether every epoch is one pass over the rows, and ends with a validation if any does."""
        every = self.validation is None or self.validation_freq == 1
        return self.steps_per_epoch == self.steps_per_pass and every

    def validates(self, epoch: int) -> bool:
        """Whether this epoch ends with a validation."""
        if self.validation is None:
            return False
        freq = self.validation_freq
        return (epoch + 1) % freq == 0 if isinstance(freq, int) else epoch + 1 in freq

    @property
    def train_names(self) -> tuple[str, ...]:
        """The names without those of the validation."""
        return self.log_names if self.validation is None else self.log_names[: len(self.log_names) // 2]

    def shuffle_state_of(self, passed: int) -> np.ndarray:
        """The state that gives the order of the pass with this number."""
        return self.shuffle_state + np.array([0, 0, 0, passed], np.uint32)

    def order_of(self, passed: int) -> np.ndarray:
        """The rows in the order in which the pass with this number visits them."""
        return permutation(self.shuffle_state_of(passed), self.rows) if self.shuffle else np.arange(self.rows)

    def batch_of(self, order: np.ndarray, step: int) -> list[np.ndarray]:
        """The batches that this step of a pass trains on, given the pass' order, as the model reads them."""
        rows = self.rows_of(order, step)
        return [batch_of(name, array, rows) for name, array in self.data.items()]

    def rows_of(self, order: np.ndarray, step: int) -> np.ndarray:
        """The numbers of the rows that this step of a pass trains on."""
        return order[step * self.batch_size : (step + 1) * self.batch_size]
