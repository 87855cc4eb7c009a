"""Rows -> training, validation and test rows, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ebbflow.core.errors import ArgumentError

Indices = NDArray[np.int64]


def split_rows(
    rows: int, fractions: Sequence[float], seed: int, labels: ArrayLike | None = None
) -> tuple[Indices, Indices, Indices]:
    """Divides row numbers 0 .. rows - 1 at random into training, validation and test rows, each ascending int64.

    fractions: of training, validation and test rows, sum 1; a part has round(rows fraction) rows, at least one if its
    fraction is not zero, and training has the rest. labels (rows,): with them every part holds each class in nearly
    the same proportion, and training has at least one row of each class.
    Raises ArgumentError if the fractions do not sum to 1 or there are too few rows for them.
    """
    validation, test = _sizes(rows, fractions)
    if not 0 <= seed < 2**64:
        raise ArgumentError(f"split_rows: expected a seed from 0 to 2^64 - 1, got {seed}")
    # The raw output of Philox is fixed by its paper; shuffles built on it may change between NumPy versions.
    ranks = np.random.Philox(key=seed).random_raw(rows)
    groups = np.zeros(rows, np.int64) if labels is None else _groups(rows, labels)
    order = np.lexsort((ranks, groups))
    kept_for_training = np.diff(groups[order], prepend=-1) != 0 if labels is not None else np.zeros(rows, bool)
    free = order[~kept_for_training]
    if validation + test > len(free) or validation + test == rows:
        raise ArgumentError(
            f"split_rows: expected more than {validation + test} rows (and one of each class) to hold out "
            f"{validation} for validation and {test} for testing, got {rows}; add rows or use smaller fractions"
        )
    test_rows = free[_evenly(len(free), test)]
    rest = free[~_evenly(len(free), test)]
    validation_rows = rest[_evenly(len(rest), validation)]
    training_rows = np.setdiff1d(np.arange(rows), np.concatenate([validation_rows, test_rows]))
    return training_rows, np.sort(validation_rows), np.sort(test_rows)


def _sizes(rows: int, fractions: Sequence[float]) -> tuple[int, int]:
    if len(fractions) != 3 or min(fractions) < 0 or fractions[0] == 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ArgumentError(
            "split_rows: expected fractions of training (not 0), validation and test rows with sum 1, "
            f"got {tuple(fractions)}"
        )
    validation, test = (max(1, round(rows * fraction)) if fraction else 0 for fraction in fractions[1:])
    return validation, test


def _groups(rows: int, labels: ArrayLike) -> Indices:
    classes, groups = np.unique(np.asarray(labels), return_inverse=True)
    if groups.shape != (rows,):
        raise ArgumentError(f"split_rows: expected labels of shape ({rows},), got {groups.shape}")
    return groups


def _evenly(rows: int, count: int) -> NDArray[np.bool_]:
    """Marks `count` of `rows` places at even distances, so that every run of places has its share to within one."""
    marks = np.arange(rows + 1) * count // max(rows, 1)
    return np.diff(marks) > 0
