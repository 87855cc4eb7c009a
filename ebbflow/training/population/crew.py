"""The crew: one worker for each core, who train members as they are handed out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from .desk import Desk, MemberProgram, Outcome, Start, Work
from .folds import Fold

WAITING = 2  # members that wait for each worker: enough to keep it busy, few enough to hold little memory


@dataclass(frozen=True)
class Task:
    """A member to be trained: its number, and what it begins with."""

    number: int
    program: MemberProgram
    start: Start
    fold: Fold


class Crew:
    """Workers, each with a desk of its own; used as a context, whose end sends them home.

    Parameters:
        workers: how many.
        work: what all members do.
    """

    def __init__(self, workers: int, work: Work):
        self._work, self._over = work, Event()
        self._tasks: Queue[Task | None] = Queue(WAITING * workers)
        self._done: Queue[tuple[int, Outcome | BaseException | None]] = Queue()
        self._threads = [Thread(target=self._serve, name=f"population {k}", daemon=True) for k in range(workers)]
        self._given = self._back = 0

    def __enter__(self) -> "Crew":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._over.set()
        for thread in self._threads:  # native code comes back soon, and uses memory until then
            thread.join()

    def train(self, tasks: Iterator[Task], note: Callable[[int, Outcome], None]) -> None:
        """Hand out the tasks, calling `note` with what comes back, until all is done; raises what a worker raised."""
        for task in tasks:
            while self._tasks.full():
                self._take_one(note)
            self._tasks.put(task)
            self._given += 1
            while not self._done.empty():
                self._take_one(note)
        while self._back < self._given:
            self._take_one(note)

    def take_rest(self, note: Callable[[int, Outcome], None]) -> None:
        """Call `note` with what came back meanwhile."""
        while not self._done.empty():
            self._take_one(note)

    def _take_one(self, note: Callable[[int, Outcome], None]) -> None:
        number, outcome = self._done.get()
        self._back += 1
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is not None:
            note(number, outcome)

    def _serve(self) -> None:
        desk: Desk | None = None
        program: MemberProgram | None = None
        while not self._over.is_set():
            try:
                task = self._tasks.get(timeout=0.1)
            except Empty:
                continue
            assert task is not None
            try:
                if desk is None or program is not task.program:  # one desk at a time: memory for one member a worker
                    program, desk = task.program, Desk(task.program, self._work)
                outcome: Outcome | BaseException | None = desk.train(task.start, task.fold, self._over.is_set)
            except BaseException as error:
                outcome = error
            self._done.put((task.number, outcome))
