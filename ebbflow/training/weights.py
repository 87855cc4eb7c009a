"""Weights of classes, as weights of rows."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..core.aval import floatx
from ..core.errors import ArgumentError
from ..functions.arguments import is_number
from .data import Rows, batches

PIECE = 1 << 16  # rows of y that are looked at together: a memory-mapped y may not fit into memory


def with_class_weight(caller: str, rows: Rows, class_weight: Any) -> Rows:
    """The rows with the weight of its class for each, times its own weight if there are weights.

    The class is y, or the place of the greatest number in a row of y with several.

    Parameters: class_weight, {class: weight} where classes that are missing weigh 1, or "balanced" for
    n / (k n_c), with n rows, k classes among them and n_c rows of class c; None leaves the rows as they are.

    Raises ArgumentError for anything else, and for y that are not numbers of classes.
    Source: King, Zeng (2001), "Logistic Regression in Rare Events Data".
    """
    if class_weight is None:
        return rows
    y = rows["y"]
    known = _balanced(caller, y) if isinstance(class_weight, str) else {}
    if not (isinstance(class_weight, Mapping) or class_weight == "balanced"):
        raise ArgumentError(
            f'{caller}: expected class_weight={{class: weight}} or "balanced", got {class_weight!r}; write '
            "class_weight={0: 1.0, 1: 5.0} to let a sample of class 1 count five times"
        )
    known = known or _checked(caller, class_weight)
    weights = np.empty(len(y), floatx())
    for place, labels in _labels(caller, y):
        classes, of = np.unique(labels, return_inverse=True)
        weights[place] = np.array([known.get(int(one), 1.0) for one in classes])[of.reshape(-1)]
    own = rows.get("sample_weight")
    if own is not None:
        weights = np.asarray(own * weights.reshape(-1, *[1] * (own.ndim - 1)), floatx())
    return rows | {"sample_weight": weights}


def _checked(caller: str, class_weight: Mapping[Any, Any]) -> dict[int, float]:
    for label, weight in class_weight.items():
        whole = isinstance(label, (int, np.integer)) and not isinstance(label, bool) and label >= 0
        if not whole or not is_number(weight) or weight < 0:
            raise ArgumentError(
                f"{caller}: expected class_weight to give numbers of at least 0 for classes 0, 1, ..., got "
                f"{weight!r} for {label!r}"
            )
    return {int(label): float(weight) for label, weight in class_weight.items()}


def _balanced(caller: str, y: np.ndarray) -> dict[int, float]:
    counts: dict[int, int] = {}
    for _, labels in _labels(caller, y):
        for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
            counts[int(label)] = counts.get(int(label), 0) + int(count)
    return {label: len(y) / (len(counts) * count) for label, count in counts.items()}


def _labels(caller: str, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, their classes) for piece after piece."""
    if y.ndim > 2:
        raise ArgumentError(f"{caller}: expected one class for each row to weigh it, got y of shape {y.shape}")
    for rows in batches(len(y), PIECE):
        labels = y[rows]
        if labels.ndim == 2:
            labels = labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
        wrong = (labels < 0) | (labels != np.floor(labels))
        if wrong.any():
            at = int(wrong.argmax())
            raise ArgumentError(
                f"{caller}: expected numbers of classes in y to weigh them, got {labels[at]:g} at row "
                f"{rows.start + at}; give sample_weight instead"
            )
        yield rows, labels
