"""A process that shares no threads, no memory and no settings with this one, to measure in."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def fresh_process() -> ProcessPoolExecutor:
    """Started anew, not forked, at the first thing submitted; all that is submitted runs in this one process."""
    return ProcessPoolExecutor(1, get_context("spawn"))


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns there."""
    with fresh_process() as process:
        return process.submit(function, *arguments).result()
