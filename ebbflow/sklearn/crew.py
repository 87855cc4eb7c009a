"""The crew: threads that carry out whole fits, one at a time each, one thread for each core.

Native code lets other threads into the interpreter, so that as many fits are under way as there are workers, each on
one thread; a fit gives the same bits on one thread and on many.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar

from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from threadpoolctl import ThreadpoolController

from .. import config
from ..runtime.threads import cores
from ..training.population.crew import SWITCH_SECONDS

T = TypeVar("T")


class Abandoned(BaseException):
    """Ends a fit that nobody waits for any more."""


class _Place(threading.local):
    """Where this thread works: the crew that it belongs to, or None."""

    crew: "Crew | None" = None


_place = _Place()


def is_worker() -> bool:
    """Whether the other cores have other work."""
    return _place.crew is not None


def expect_to_be_needed() -> None:
    """Raise Abandoned in a worker whose crew was sent home."""
    if _place.crew is not None and _place.crew.is_over:
        raise Abandoned


def workers(n_jobs: int | None = None) -> int:
    """How many fits to have under way: as asked for, -1 meaning all cores, but no more than this place may use.

    That is one in a worker or in one of joblib's threads, in one of its processes as many as it was given, else as many
    as config.set_threads says, or one for each core. Raises ValueError for 0.
    """
    respect_the_pool()
    is_thread_of_joblib = multiprocessing.parent_process() is None and get_active_backend()[0].nesting_level > 0
    allowed = 1 if is_worker() or is_thread_of_joblib else config.threads() or cores()
    if n_jobs == 0:
        raise ValueError(
            "n_jobs: expected a positive or a negative whole number, or None, got 0; give -1 for all cores"
        )
    asked = allowed if n_jobs is None else n_jobs if n_jobs > 0 else cores() + 1 + n_jobs
    return max(1, min(asked, allowed))


@cache
def respect_the_pool() -> None:
    """In a worker process, use as many threads as its pool gives it, once for all."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if multiprocessing.parent_process() is not None and config.threads() is None and asked.isdigit():
        config.set_threads(max(1, min(int(asked), cores())))


@cache
def _libraries() -> ThreadpoolController:
    """The libraries of this process that have threads of their own."""
    return ThreadpoolController()


class Crew:
    """Workers who carry out tasks, with the settings of whoever called them together.

    Used as a context, whose end sends them home: what is not begun is left, what is under way is abandoned. Until then
    NumPy's products are computed by the thread that asks for them.
    """

    def __init__(self, count: int):
        self._over = threading.Event()
        self._context, self._config = copy_context(), get_config()
        self._pool = ThreadPoolExecutor(count, "ebbflow fit", self._enter)

    def _enter(self) -> None:
        _place.crew = self

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for what is under way."""
        return self._over.is_set()

    def __enter__(self) -> "Crew":
        self._limits = _libraries().limit(limits=1, user_api="blas")
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        return self

    def __exit__(self, *error: Any) -> None:
        self._over.set()
        try:
            self._pool.shutdown(cancel_futures=True)
        finally:
            sys.setswitchinterval(self._interval)
            self._limits.restore_original_limits()

    def submit(self, task: Callable[[], T]) -> "Future[T]":
        """Have a task carried out."""
        return self._pool.submit(self._context.copy().run, self._carry_out, task)

    def _carry_out(self, task: Callable[[], T]) -> T:
        expect_to_be_needed()
        with config_context(**self._config):
            return task()


def together(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """What the tasks return, in their order; raises what the first of those raises that fails."""
    count = min(workers(), len(tasks))
    if count <= 1:
        return [task() for task in tasks]
    with Crew(count) as crew:
        return [future.result() for future in [crew.submit(task) for task in tasks]]
