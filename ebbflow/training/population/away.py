"""Away: members trained by the workers of an executor, in other processes or on other machines."""

import pickle
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any

from ...core.errors import ArgumentError
from .desk import Desk, MemberProgram, Outcome
from .roster import Note, Order, Roster

SECONDS_PER_BATCH = 2.0  # of work that is sent at once: sending costs milliseconds, and the data
MOST_WORKERS = 64  # batches under way where an executor does not say how many workers it has


def train_batch(packed: bytes, orders: Sequence[Order]) -> tuple[float, list[tuple[int, Outcome]]]:
    """What another process does: train these members, one after another; returns (seconds, outcomes)."""
    began = time.perf_counter()
    roster = _unpacked(packed)
    desk: Desk | None = None
    program: MemberProgram | None = None
    outcomes = []
    for task in roster.tasks(orders):
        if desk is None or program is not task.program:
            program, desk = task.program, Desk(task.program, roster.work)
        outcome = desk.train(task.start, task.fold, task.order.until, task.order.paused)
        assert outcome is not None
        outcomes.append((task.order.number, outcome))
    return time.perf_counter() - began, outcomes


class _Known:
    """The roster that this process unpacked last: batches of one population share its data and programs."""

    packed = b""
    roster: Roster | None = None


def _unpacked(packed: bytes) -> Roster:
    if _Known.roster is None or _Known.packed != packed:
        _Known.packed, _Known.roster = packed, pickle.loads(packed)
    return _Known.roster


class Away:
    """The workers of an executor; used as Crew is.

    Parameters: executor, any of `concurrent.futures` or with its interface; roster, which must be picklable: the
    function that builds models a named one of a module, not a lambda.
    """

    def __init__(self, executor: Executor, roster: Roster):
        try:
            self._packed = pickle.dumps(roster)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ArgumentError(
                "fit: expected build, settings and early_stopping that can be sent to an executor, got one that cannot "
                f"({error}); define build at the top of a module"
            ) from error
        self._executor = executor
        self._workers = getattr(executor, "_max_workers", None) or MOST_WORKERS
        self._seconds = 0.0  # that a member takes
        self._under_way: set[Future[Any]] = set()

    def __enter__(self) -> "Away":
        return self

    def __exit__(self, *error: Any) -> None:
        for future in self._under_way:
            future.cancel()

    def train(self, orders: Sequence[Order], note: Note) -> None:
        """Carry out the orders, calling `note` with what comes back, until all is done; raises what a worker raised."""
        left = list(reversed(orders))
        while left or self._under_way:
            while left and len(self._under_way) < 2 * self._workers:
                batch = [left.pop() for _ in range(min(self._batch_size(len(left)), len(left)))]
                self._under_way.add(self._executor.submit(train_batch, self._packed, batch))
            done, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(future, note)

    def take_rest(self, note: Note) -> None:
        """Call `note` with what came back meanwhile."""
        for future in [one for one in self._under_way if one.done() and not one.cancelled()]:
            self._under_way.discard(future)
            self._take(future, note)

    def _take(self, future: "Future[Any]", note: Note) -> None:
        seconds, outcomes = future.result()
        self._seconds = seconds / len(outcomes)
        for number, outcome in outcomes:
            note(number, outcome)

    def _batch_size(self, left: int) -> int:
        """As many members as take SECONDS_PER_BATCH, if all workers have work then; one until that is known."""
        if not self._seconds:
            return 1
        return max(min(int(SECONDS_PER_BATCH / self._seconds), -(-left // self._workers)), 1)
