"""Instructions: what the table of a training program tells it to do, and where it writes what came of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..lowering.table import Slot, Status
from .plan import Plan


def instruct(
    table: np.ndarray,
    *,
    epochs: tuple[int, int],
    rows: int,
    steps: tuple[int, int],
    validation: tuple[int, int],
    order: np.ndarray,
    words: np.ndarray,
    history: np.ndarray,
    shuffle: bool,
    shuffle_state: np.ndarray,
    arrays: Sequence[np.ndarray],
) -> None:
    """Fill a new table.

    Parameters:
        epochs: the first, and the one before which to end.
        rows: to train on.
        steps: (with a whole batch, in all) an epoch; validation: the same of the validation, (0, 0) for none.
        order, words, history, arrays: memory, whose addresses are written; it must live as long as the table is used.
        shuffle, shuffle_state: as of Plan.
    """
    table[Slot.EPOCH], table[Slot.EPOCHS] = epochs
    table[Slot.STATUS] = Status.RUNNING if epochs[0] < epochs[1] else Status.FINISHED
    table[Slot.ROWS] = rows
    table[Slot.WHOLE], table[Slot.STEPS] = steps
    table[Slot.VALIDATION_WHOLE], table[Slot.VALIDATION_STEPS] = validation
    table[Slot.ORDER], table[Slot.WORDS] = order.ctypes.data, words.ctypes.data
    table[Slot.HISTORY] = history.ctypes.data
    table[Slot.SHUFFLE] = int(shuffle)
    table[Slot.SEED : Slot.PURPOSE + 1] = shuffle_state[:3]
    table[Slot.PASSED] = int(shuffle_state[3]) - epochs[0]
    table[Slot.DATA : Slot.DATA + len(arrays)] = [array.ctypes.data for array in arrays]


def watch(table: np.ndarray, stopping: Any, log_names: Sequence[str]) -> None:
    """Let an EarlyStopping be asked after each epoch."""
    floats = table.view(np.float64)
    sign = 1.0 if stopping.mode == "min" else -1.0
    table[Slot.WATCH], table[Slot.MONITOR] = 1, log_names.index(stopping.monitor)
    floats[Slot.SIGN], floats[Slot.MIN_DELTA] = sign, stopping.min_delta
    floats[Slot.BASELINE] = np.inf if stopping.baseline is None else sign * stopping.baseline
    floats[Slot.BEST] = np.inf
    table[Slot.PATIENCE], table[Slot.START_FROM] = stopping.patience, stopping.start_from_epoch
    table[Slot.KEEP_BEST] = int(stopping.restore_best_weights)


def history_of(plan: Plan, columns: int) -> np.ndarray:
    """Room for a row of logs for every epoch; raises ArgumentError for more epochs than memory could list."""
    try:
        return np.empty((max(plan.epochs, 1), columns if plan.validation is None else 2 * columns))
    except MemoryError:
        raise ArgumentError(
            f"fit: expected epochs whose losses fit into memory, got {plan.epochs}; give fewer, and call fit again"
        ) from None
