"""Plan: everything that one fit does, decided before it starts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..functions.random import permutation
from .data import batch_of

DEFAULT_BATCH_SIZE = 32


@dataclass(frozen=True)
class Plan:
    """What one fit does; whoever runs it, interpreted or compiled, must do the same.

    Epoch e visits the rows in the order p = permutation(state, rows), where state is `shuffle_state` with e -
    initial_epoch added to its last word, or 0, 1, 2, ... without shuffle. Step k trains on p[k b : (k + 1) b] with
    b = batch_size; the last step of an epoch takes the rows that are left.

    Attributes:
        x, y: all training rows, as they lie in the user's memory or files.
        checked: whether x and y are known to hold finite numbers; where not, a step looks at its own batch.
        validation: (x, y) to measure on after each epoch, or None.
        batch_size, validation_batch_size: rows per step.
        epochs, initial_epoch: epochs are numbered initial_epoch, ..., epochs - 1.
        shuffle: whether rows are visited in a random order.
        shuffle_state: uint32[4] of seed, member, purpose, and how many epochs the model was trained before this fit.
        early_stopping: an EarlyStopping that the runner itself asks after each epoch, or None.
        log_names: names of the numbers logged for each epoch, in order: "loss", metrics, and again with "val_".
    """

    x: np.ndarray
    y: np.ndarray
    validation: tuple[np.ndarray, np.ndarray] | None
    batch_size: int
    validation_batch_size: int
    epochs: int
    initial_epoch: int
    shuffle: bool
    shuffle_state: np.ndarray
    early_stopping: Any
    log_names: tuple[str, ...]
    checked: bool = True

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.rows // self.batch_size)

    def shuffle_state_of(self, epoch: int) -> np.ndarray:
        """The state that gives the order of this epoch."""
        passed = np.array([0, 0, 0, epoch - self.initial_epoch], np.uint32)
        return self.shuffle_state + passed

    def order_of(self, epoch: int) -> np.ndarray:
        """The rows in the order in which this epoch visits them."""
        return permutation(self.shuffle_state_of(epoch), self.rows) if self.shuffle else np.arange(self.rows)

    def batch_of(self, order: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """The batches (x, y) that this step trains on, given the epoch's order, as the model reads them."""
        rows = self.rows_of(order, step)
        return batch_of("x", self.x, rows), batch_of("y", self.y, rows)

    def rows_of(self, order: np.ndarray, step: int) -> np.ndarray:
        """The numbers of the rows that this step trains on."""
        return order[step * self.batch_size : (step + 1) * self.batch_size]
