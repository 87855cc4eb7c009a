"""Worker threads for native code: a function runs on all of them at once, and they meet at its barriers."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

Native = Callable[[int, int, int, int], None]

_workers_taken = threading.Lock()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="ebbflow")


def _forget_workers() -> None:
    """A forked child has none of its parent's threads, nor anyone who would give its lock back."""
    global _workers_taken
    _pool.cache_clear()
    _workers_taken = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)


def run_on(threads: int, function: Native, arena: int, table: int) -> None:
    """function(arena, table, thread, threads) on every thread; returns, or raises, when all are back.

    While another call has the workers it runs on the caller's thread alone, which gives the same results.
    """
    if threads == 1 or not _workers_taken.acquire(blocking=False):
        function(arena, table, 0, 1)
        return
    try:
        _run_together(threads, function, arena, table)
    finally:
        _workers_taken.release()


def _run_together(threads: int, function: Native, arena: int, table: int) -> None:
    """All threads are workers; none starts before all are there, so that no barrier waits for one that never comes."""
    gate, all_there = threading.Event(), False

    def work(thread: int) -> None:
        gate.wait()
        if all_there:
            function(arena, table, thread, threads)

    futures: list[Future[None]] = []
    try:
        for thread in range(threads):
            futures.append(_pool(threads).submit(work, thread))
        all_there = True
    finally:
        gate.set()
        _wait_for(futures)


def _wait_for(futures: list[Future[None]]) -> None:
    """Ctrl-C waits until native code, which uses the caller's memory, is back."""
    interrupt: KeyboardInterrupt | None = None
    for future in futures:
        while not future.done():
            try:
                future.exception()
            except KeyboardInterrupt as caught:
                interrupt = caught
    if interrupt is not None:
        raise interrupt
    for future in futures:
        future.result()
