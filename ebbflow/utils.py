"""Small helpers around training: seeds and labels."""

from typing import Any

import numpy as np

from .core.aval import floatx
from .core.errors import ArgumentError
from .functions.random import set_random_seed

__all__ = ["set_random_seed", "to_categorical"]


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as rows with a one at the class: out[..., k] = 1 if x[...] = k else 0.

    Parameters:
        x: whole numbers from 0, of any shape; a last axis of length 1 is dropped.
        num_classes: length of the new last axis; by default one more than the largest class.

    Raises ArgumentError when x is not whole numbers, or lies outside 0 .. num_classes - 1.
    """
    given = np.asarray(x)
    classes = given.astype(np.int64) if given.dtype.kind in "biuf" and np.isfinite(given).all() else None
    if classes is None or (classes != given).any():
        raise ArgumentError(f"to_categorical: expected whole numbers, got an array of {given.dtype}")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = int(classes.max(initial=-1)) + 1 if num_classes is None else num_classes
    outside = classes[(classes < 0) | (classes >= count)]
    if outside.size:
        raise ArgumentError(f"to_categorical: expected classes from 0 to {count - 1}, got {outside[0]}")
    return (classes[..., None] == np.arange(count)).astype(floatx())
