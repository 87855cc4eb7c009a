"""Limit: the time after which a fit of many members ends with those that are done."""

import contextlib
import time
from collections.abc import Callable, Iterator
from threading import Timer
from typing import Any

from ...functions.arguments import expect_number

__all__ = ["TimeIsUp", "deadline_of", "limited"]


class TimeIsUp(Exception):
    """The time that a fit may take is over."""


def deadline_of(seconds: Any) -> float | None:
    """The moment, on time.monotonic, when these seconds are over; None of None."""
    return None if seconds is None else time.monotonic() + expect_number("fit", "seconds", seconds, low=0.0)


@contextlib.contextmanager
def limited(deadline: float | None, interrupt: Callable[[BaseException], None]) -> Iterator[None]:
    """Inside this context `interrupt` is called with a TimeIsUp at the deadline, from another thread."""
    if deadline is None:
        yield
        return
    timer = Timer(max(deadline - time.monotonic(), 0.0), interrupt, [TimeIsUp()])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
