"""Settings of the whole process: the element type of new weights, and how many threads compute."""

from .core.aval import floatx, set_floatx
from .core.errors import ArgumentError

__all__ = ["epsilon", "floatx", "set_floatx", "set_threads", "threads"]

_threads: int | None = None


def set_threads(count: int | None) -> None:
    """Compute on `count` threads from here on; None means one per core. The results have the same bits either way.

    Raises ArgumentError unless count is None or a positive whole number.
    """
    global _threads
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ArgumentError(f"set_threads: expected a whole number of at least 1, or None for all cores, got {count!r}")
    _threads = count


def epsilon() -> float:
    """1e-7, the small number that losses and optimizers keep away from 0 with, where they are given no other."""
    return 1e-7


def threads() -> int | None:
    """The number of threads that `set_threads` asked for, or None for one per core."""
    return _threads
