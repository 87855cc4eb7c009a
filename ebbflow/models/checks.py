"""What the models of this folder were given, looked at before anything is made of it."""

from typing import Any

import numpy as np

from .. import optimizers
from ..core.errors import ArgumentError
from ..functions.arguments import expect, expect_integer

LARGEST_SEED = 2**32 - 1


def numbers(owner: str, name: str, given: Any) -> np.ndarray:
    """Finite numbers as a float64 array of its own; raises ArgumentError for anything else, and for none."""
    try:
        values = np.asarray(given)
    except (TypeError, ValueError):  # rows of different lengths
        values = np.array(given, object)
    if values.dtype.kind not in "biuf" or not values.size:
        raise ArgumentError(f"{owner}: expected numbers for {name}, got {_told(given)}")
    if not np.isfinite(values).all():
        raise ArgumentError(f"{owner}: expected finite numbers for {name}, got NaN or infinity")
    return np.array(values, np.float64)


def _told(given: Any) -> str:
    return f"{given.dtype} of shape {given.shape}" if isinstance(given, np.ndarray) else repr(given)


def seed_of(owner: str, seed: Any) -> int | None:
    """A seed, or None for any."""
    return None if seed is None else expect_integer(owner, "seed", seed, 0, LARGEST_SEED)


def sizes_of(owner: str, sizes: Any, least: int, allowed: str) -> tuple[int, ...]:
    """At least so many whole numbers of at least 1."""
    expect(isinstance(sizes, (list, tuple)) and len(sizes) >= least, owner, "sizes", allowed, sizes)
    return tuple(expect_integer(owner, "every one of sizes", size, 1) for size in sizes)


def optimizer_of(owner: str, optimizer: Any) -> Any:
    """The Optimizer that was meant."""
    try:
        return optimizers.get(optimizer)
    except ArgumentError as error:
        raise ArgumentError(f"{owner}: for optimizer, {error}") from None
