"""Worker threads for native code: a function runs on all of them at once, and they meet at its barriers."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="ebbflow")


if hasattr(os, "register_at_fork"):  # a forked child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


def run_on(threads: int, function: Callable[[int, int, int, int], None], arena: int, table: int) -> None:
    """function(arena, table, thread, threads) on every thread; returns, or raises, when all are back."""
    if threads == 1:
        function(arena, table, 0, 1)
        return
    others = [_pool(threads - 1).submit(function, arena, table, k, threads) for k in range(1, threads)]
    try:
        function(arena, table, 0, threads)
    finally:
        for other in others:
            other.result()
