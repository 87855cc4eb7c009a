"""Worker threads for native code: a function runs on all of them at once, and they meet at its barriers."""

import contextlib
import os
from collections import deque
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread

Native = Callable[[int, int, int, int], None]
Places = list[set[int]]  # for each worker, the numbers of the cores that it may run on

_workers_taken = Lock()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _places(threads: int) -> Places | None:
    """A core of its own for each worker if they are as many as the cores; None where the system has no say in it.

    Else the system may wake several on one core, that of who woke them, and part them after milliseconds only.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = os.sched_getaffinity(0)
    return [{core} for core in sorted(allowed)] if threads == len(allowed) else [allowed] * threads


@cache
def _worker(number: int) -> SimpleQueue["_Job"]:
    """What a worker, started with it, is to do."""
    jobs: SimpleQueue[_Job] = SimpleQueue()
    Thread(target=_serve, args=(jobs, number), name=f"ebbflow {number}", daemon=True).start()
    return jobs


def _serve(jobs: SimpleQueue["_Job"], number: int) -> None:
    place: set[int] | None = None
    while True:
        job = jobs.get()
        if job.places is not None and job.places[number] != place:
            place = job.places[number]
            with contextlib.suppress(OSError):  # a core that was taken away meanwhile: the worker runs where it may
                os.sched_setaffinity(0, place)
        job.work()
        del job  # and with it the memory that it works on


def _forget_workers() -> None:
    """A forked child has none of its parent's threads, nor anyone who would give its lock back."""
    global _workers_taken
    _worker.cache_clear()
    _workers_taken = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)


def run_on(threads: int, function: Native, arena: int, table: int) -> None:
    """function(arena, table, thread, threads) on every thread; returns, or raises, when all are back.

    While another call has the workers it runs on the caller's thread alone, which gives the same results.
    """
    if threads == 1:
        function(arena, table, 0, 1)
    else:
        _by_workers(threads, function, arena, table)


def run_aside(work: Callable[[], None]) -> None:
    """work() by one worker, on any core; Ctrl-C, which comes to the caller, is raised when all of it is done.

    While another call has the workers it runs on the caller's thread.
    """
    _by_workers(1, lambda *_: work(), 0, 0)


def _by_workers(threads: int, function: Native, arena: int, table: int) -> None:
    if not _workers_taken.acquire(blocking=False):
        function(arena, table, 0, 1)
        return
    try:
        _run_together(threads, function, arena, table)
    finally:
        _workers_taken.release()


class _Job:
    """A function's parts, each done by the worker who comes for it first."""

    def __init__(self, threads: int, function: Native, arena: int, table: int):
        self._call, self._threads, self.places = (function, arena, table), threads, _places(threads)
        self._left = deque(range(threads))
        self._errors: list[BaseException | None] = []  # one for each part that is back, None if all went well
        self._news: SimpleQueue[None] = SimpleQueue()

    def work(self) -> None:
        """Do a part, if one is left."""
        try:
            thread = self._left.popleft()
        except IndexError:
            return
        function, arena, table = self._call
        error: BaseException | None = None
        try:
            function(arena, table, thread, self._threads)
        except BaseException as caught:
            error = caught
        self._errors.append(error)
        if self.is_back:
            self._news.put(None)

    @property
    def is_back(self) -> bool:
        """Whether all parts were done."""
        return len(self._errors) == self._threads

    def wait(self) -> None:
        """Wait for a part to be the last one."""
        self._news.get()

    def raise_error(self) -> None:
        """Raise what a part raised."""
        for error in self._errors:
            if error is not None:
                raise error


def _run_together(threads: int, function: Native, arena: int, table: int) -> None:
    """All threads are workers, so that Ctrl-C, which comes to the caller, leaves no part undone that others wait for.

    It waits until native code, which uses the caller's memory, is back. A job that was interrupted while it was handed
    out is handed out again; who comes too often finds no part left.
    """
    workers = [_worker(number) for number in range(threads)]  # all are there before any part starts
    job = _Job(threads, function, arena, table)
    interrupt: KeyboardInterrupt | None = None
    given = False
    while not (given and job.is_back):
        try:
            if not given:
                for worker in workers:
                    worker.put(job)
                given = True
            else:
                job.wait()
        except KeyboardInterrupt as caught:
            interrupt = caught
    if interrupt is not None:
        raise interrupt
    job.raise_error()
