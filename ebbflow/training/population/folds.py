"""Folds: which rows a member trains on, and which it is measured on, as lists of their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ShapeError

__all__ = ["Fold", "cross_validation", "drawn", "holdout", "is_of_classes"]


@dataclass(frozen=True)
class Fold:
    """Rows by number, int64, sorted.

    Attributes: number, from 0; train; validation, None for rows that have arrays of their own, or for none.
    """

    number: int
    train: np.ndarray
    validation: np.ndarray | None = None


def is_of_classes(y: np.ndarray) -> bool:
    """Whether targets are classes: whole numbers, one a row."""
    return y.dtype.kind in "biu" and y.size == len(y)


def holdout(rows: int, validation: int) -> list[Fold]:
    """The last rows to validate on."""
    return [Fold(0, np.arange(rows - validation), np.arange(rows - validation, rows) if validation else None)]


def cross_validation(y: np.ndarray, folds: int, groups: Any = None, seed: int = 0) -> list[Fold]:
    """k folds of nearly equal size, each to be validated on by members that train on the others.

    Classes are spread evenly over the folds; rows of one group stay in one fold.
    Raises ArgumentError for more folds than rows or groups, ShapeError for another number of groups than rows.
    Source: Kohavi (1995), "A study of cross-validation and bootstrap for accuracy estimation and model selection".
    """
    rows = len(y)
    generator = np.random.default_rng(seed)
    if groups is not None:
        fold_of = _of_groups(np.asarray(groups), rows, folds, generator)
    else:
        labels = y.reshape(rows) if is_of_classes(y) else np.zeros(rows, np.int64)
        fold_of = _spread(labels, folds, generator)
    counts = np.bincount(fold_of, minlength=folds)
    if folds > rows or not counts.all():
        raise ArgumentError(f"fit: expected at most as many folds as rows (or groups), got folds={folds}, {rows} rows")
    return [Fold(k, np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(folds)]


def _spread(labels: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """The fold of each row: the rows in random order, class by class, are dealt out like cards."""
    order = generator.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    fold_of = np.empty(len(labels), np.int64)
    fold_of[order] = np.arange(len(labels)) % folds
    return fold_of


def _of_groups(groups: np.ndarray, rows: int, folds: int, generator: np.random.Generator) -> np.ndarray:
    """The fold of each row: the largest groups first, each to the fold that has the fewest rows."""
    if groups.shape != (rows,):
        raise ShapeError(f"fit: expected one group for each of {rows} rows, got groups of shape {groups.shape}")
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise ArgumentError(f"fit: expected at least as many groups as folds, got {len(sizes)} and folds={folds}")
    order = generator.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, fold_of = np.zeros(folds, np.int64), np.empty(len(sizes), np.int64)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[group_of]


def drawn(folds: Sequence[Fold], seed: int) -> list[Fold]:
    """Folds that train on as many of their rows, drawn with replacement; the rest is validated on if nothing else is.

    Source: Breiman (1996), "Bagging predictors".
    """
    result = []
    for fold in folds:
        generator = np.random.default_rng([seed, fold.number])
        train = np.sort(generator.choice(fold.train, len(fold.train)))
        rest = np.setdiff1d(fold.train, train) if fold.validation is None else fold.validation
        result.append(Fold(fold.number, train, rest))
    return result
