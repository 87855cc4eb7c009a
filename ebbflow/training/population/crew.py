"""The crew: one worker for each core, who train members as they are handed out."""

import contextlib
import sys
from collections.abc import Iterable
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from .desk import Desk, Outcome
from .program import MemberProgram
from .roster import Note, Order, Roster, Task

# A worker that comes back from native code needs the interpreter for a moment, and would else wait for as long as the
# thread that builds models may go on, 5 ms.
SWITCH_SECONDS = 1e-4
WAITING = 2  # members that wait for each worker: enough to keep it busy, few enough to hold little memory


class Crew:
    """Workers, each with a desk of its own; used as a context, whose end sends them home.

    Parameters:
        workers: how many.
        roster: whose members they train.
    """

    def __init__(self, workers: int, roster: Roster):
        self._roster, self._over = roster, Event()
        self._tasks: Queue[Task | None] = Queue(WAITING * workers)
        self._done: Queue[tuple[int, Outcome | BaseException | None]] = Queue()
        self._threads = [Thread(target=self._serve, name=f"population {k}", daemon=True) for k in range(workers)]
        self._under_way = 0

    def __enter__(self) -> "Crew":
        for thread in self._threads:
            thread.start()
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        return self

    def __exit__(self, *error: Any) -> None:
        self._over.set()
        with contextlib.suppress(Empty):
            while True:
                self._tasks.get_nowait()  # what nobody will wait for
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:  # native code comes back soon, and uses memory until then
            thread.join()
        sys.setswitchinterval(self._interval)

    def train(self, orders: Iterable[Order], note: Note) -> None:
        """Carry out the orders, calling `note` with what comes back, until all is done; raises what a worker raised."""
        for task in self._roster.tasks(orders):
            while self._tasks.full():
                self._take_one(note)
            self._tasks.put(task)
            self._under_way += 1
            self.take_rest(note)
        while self._under_way:
            self._take_one(note)

    def take_rest(self, note: Note) -> None:
        """Call `note` with what came back meanwhile."""
        while not self._done.empty():
            self._take_one(note)

    def interrupt(self, error: BaseException) -> None:
        """Let `train` raise this; for another thread to call."""
        self._done.put((-1, error))

    def _take_one(self, note: Note) -> None:
        number, outcome = self._done.get()
        self._under_way -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is not None:
            note(number, outcome)

    def _serve(self) -> None:
        desk: Desk | None = None
        program: MemberProgram | None = None
        while (task := self._tasks.get()) is not None:
            try:
                if desk is None or program is not task.program:  # one desk at a time: memory for one member a worker
                    program, desk = task.program, Desk(task.program, self._roster.work)
                order = task.order
                outcome: Outcome | BaseException | None = desk.train(
                    task.start, task.fold, order.until, order.paused, self._over.is_set
                )
            except BaseException as error:
                outcome = error
            self._done.put((task.order.number, outcome))
