"""Away: members trained by the workers of an executor, in other processes or on other machines."""

import math
import pickle
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from copy import copy
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from ...core.errors import ArgumentError, EbbflowError
from .desk import Desk, Outcome
from .program import MemberProgram
from .roster import Note, Order, Roster

__all__ = ["Away", "WorkerError", "train_batch"]

SECONDS_PER_BATCH = 2.0  # of work that is sent at once, as sending takes milliseconds
MOST_WORKERS = 64  # batches under way where an executor does not say how many workers it has


class WorkerError(EbbflowError, RuntimeError):
    """A worker of an executor ended, or cannot be reached."""


# what happens there


@dataclass
class Answer:
    """What a worker sends back: the members that it trained, how long that took, and the error that ended it."""

    outcomes: list[tuple[int, Outcome]] = field(default_factory=list)
    seconds: float = 0.0
    error: BaseException | None = None


class _Known:
    """The roster that this process was sent last: batches of one population share its data and programs."""

    key = ""
    roster: Roster | None = None
    lock = Lock()  # an executor's workers may be threads of one process, of which one at a time builds models


def train_batch(key: str, packed: bytes | None, batch: bytes, left: float) -> Answer | None:
    """Train members one after another; None if `packed`, the roster with this key, was left out and is not known here.

    `batch` has (orders, {number: member}, {number: setting}). After `left` seconds nobody waits for the rest any more.
    """
    answer, began = Answer(), time.perf_counter()
    try:
        with _Known.lock:
            if _Known.roster is None or _Known.key != key:
                if packed is None:
                    return None
                _Known.roster, _Known.key = _unpacked(packed), key
            roster = _Known.roster
            orders, members, settings = _unpacked(batch)
            roster.members |= members
            roster.settings |= settings
        _train(roster, orders, answer, lambda: time.perf_counter() - began > left)
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)).rstrip() + "\n(so far in a worker of the executor)")
        answer.error = _sendable(error)
    answer.seconds = time.perf_counter() - began
    return answer


def _train(roster: Roster, orders: Sequence[Order], answer: Answer, is_over: Callable[[], bool]) -> None:
    desk: Desk | None = None
    program: MemberProgram | None = None
    tasks = roster.tasks(orders)
    while True:
        with _Known.lock:
            task = next(tasks, None)
        if task is None:
            return
        if desk is None or program is not task.program:
            program, desk = task.program, Desk(task.program, roster.work)
        outcome = desk.train(task.start, task.fold, task.order.until, task.order.paused, is_over)
        if outcome is None:
            return
        answer.outcomes.append((task.order.number, outcome))


def _unpacked(packed: bytes) -> Any:
    try:
        return pickle.loads(packed)
    except (ImportError, AttributeError) as error:
        raise ArgumentError(
            f"fit: expected build and settings that the executor's workers can import, got some that they cannot "
            f"({error}); define build in a module that they have, or install cloudpickle here and there"
        ) from error


def _sendable(error: Exception) -> Exception:
    """The error, or, where it cannot be sent, one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError("\n".join([f"{type(error).__name__}: {error}", *error.__notes__]))


# what happens here


class Away:
    """The workers of an executor; used as Crew is.

    Parameters:
        executor: any of `concurrent.futures` or with its interface.
        roster: which must be picklable: the function that builds models a named one of a module, unless cloudpickle is
            installed here and there.
        deadline: on time.monotonic, after which nobody waits for the workers.
    """

    def __init__(self, executor: Executor, roster: Roster, deadline: float | None = None):
        self._deadline = math.inf if deadline is None else deadline
        self._executor, self._roster = executor, roster
        bare = copy(roster)
        bare.members, bare.settings = {}, {}  # type: ignore[assignment]  # each batch brings those that it is of
        self._key, self._packed = uuid.uuid4().hex, _packed(bare)
        _packed(roster.settings)  # so that one that cannot be sent is found before any member is trained
        self._sent = (
            0  # batches with the roster, which may be large: one for each worker, and for each that asks for it
        )
        self._seconds = 0.0  # that a member takes
        self._under_way: dict[Future[Any], list[Order]] = {}
        self._interrupted: Future[Any] = Future()

    def __enter__(self) -> "Away":
        return self

    def __exit__(self, *error: Any) -> None:
        for future in self._under_way:
            future.cancel()

    def train(self, orders: Sequence[Order], note: Note) -> None:
        """Carry out the orders, calling `note` with what comes back, until all is done; raises what a worker raised."""
        left = list(reversed(orders))
        while left or self._under_way:
            workers = _workers_of(self._executor)
            while left and len(self._under_way) < 2 * workers:
                count = min(self._batch_size(len(left), workers), len(left))
                self._send([left.pop() for _ in range(count)], self._sent < workers)
            wait([*self._under_way, self._interrupted], return_when=FIRST_COMPLETED)
            self.take_rest(note)
            if self._interrupted.done():
                self._interrupted.result()

    def take_rest(self, note: Note) -> None:
        """Call `note` with what came back meanwhile; raises what a worker raised, after all else."""
        errors = []
        for future in [one for one in self._under_way if one.done()]:
            try:
                self._take(future, note)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def interrupt(self, error: BaseException) -> None:
        """Let `train` raise this; for another thread to call."""
        self._interrupted.set_exception(error)

    def _send(self, orders: list[Order], with_roster: bool) -> None:
        roster = self._roster
        members = {order.number: roster.members[order.number] for order in orders}
        settings = {member.setting: roster.settings[member.setting] for member in members.values()}
        packed, batch = self._packed if with_roster else None, _packed((orders, members, settings))
        self._sent += with_roster
        try:
            future = self._submit(self._key, packed, batch, self._deadline - time.monotonic())
        except RuntimeError as error:
            raise _lost(error) from error
        self._under_way[future] = orders

    def _submit(self, *arguments: Any) -> "Future[Any]":
        if _client_of(self._executor) is None:
            return self._executor.submit(train_batch, *arguments)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # which each worker gets only once
            # pure: else Dask digests all arguments, at 40 MB/s
            return self._executor.submit(train_batch, *arguments, pure=False)

    def _take(self, future: "Future[Any]", note: Note) -> None:
        orders = self._under_way.pop(future)
        try:
            answer = future.result()
        except Exception as error:  # of the executor; what a worker raises is in its answer
            raise _lost(error) from error
        if answer is None:
            self._send(orders, True)
            return
        if answer.outcomes:
            self._seconds = answer.seconds / len(answer.outcomes)
        for number, outcome in answer.outcomes:
            note(number, outcome)
        if answer.error is not None:
            raise answer.error

    def _batch_size(self, left: int, workers: int) -> int:
        """As many members as take SECONDS_PER_BATCH, if all workers have work then; one until that is known."""
        if not self._seconds:
            return 1
        return max(min(int(SECONDS_PER_BATCH / self._seconds), -(-left // workers)), 1)


def _client_of(executor: Any) -> Any:
    """The client of an executor of Dask's; None of any other."""
    return executor._client if type(executor).__module__.startswith("distributed.") else None


def _workers_of(executor: Any) -> int:
    """How many workers an executor has at present, as far as it says."""
    client = _client_of(executor)
    count = sum(client.nthreads().values()) if client is not None else getattr(executor, "_max_workers", None)
    return count or MOST_WORKERS


def _packed(value: Any) -> bytes:
    """Pickled; by cloudpickle if it is installed, which takes functions and classes of a notebook or script along."""
    try:
        from cloudpickle import dumps
    except ImportError:
        from pickle import dumps
    try:
        return dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ArgumentError(
            "fit: expected build, settings and early_stopping that can be sent to an executor, got one that cannot "
            f"({error}); define build at the top of a module, or install cloudpickle"
        ) from error


def _lost(error: BaseException) -> WorkerError:
    return WorkerError(
        f"fit: a worker of the executor ended or cannot be reached ({type(error).__name__}: {error}); the members that "
        "are done are kept in results; with a new executor and a checkpoint, fit trains only what is left"
    )
