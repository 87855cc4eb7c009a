"""How many threads train a network: settled by trying."""

import time
from weakref import WeakKeyDictionary

from .. import config
from ..compile import Program
from ..runtime.threads import cores
from .runner import SELDOM

FEWEST_FLOPS = 1_000_000  # below this, two threads cannot win back what it costs to hand values from core to core
TRIAL_SECONDS = 0.004
RETRY_SECONDS = 1.0
WARM_SECONDS = 0.03  # so long after a pause, cores are slow and their caches cold: what a trial says may be wrong

_choices: WeakKeyDictionary[Program, "ThreadChoice"] = WeakKeyDictionary()


def thread_choice(program: Program) -> "ThreadChoice":
    """The program's choice, for a fit that begins; settled anew when another number of threads is asked for."""
    known = _choices.get(program)
    if known is None or known.asked != config.threads():
        known = _choices[program] = ThreadChoice(program.blueprint.flops["step"])
    known.begin()
    return known


class ThreadChoice:
    """How many threads run a step: as asked for, else whichever was faster when last tried; results are the same.

    Tried at once when a program is new, then after WARM_SECONDS, each time after a longer while up to RETRY_SECONDS, or
    more seldom if it costs much, since other work on the machine comes and goes.
    """

    def __init__(self, flops: int):
        self.asked = config.threads()
        self._most = self.asked or cores()
        self._open = self.asked is None and self._most > 1 and flops >= FEWEST_FLOPS
        self.present = self.asked or 1
        self._trials: list[int] = []
        self._times: dict[int, list[tuple[float, int]]] = {}  # (seconds a step, steps)
        self._until, self._pause = 0.0, WARM_SECONDS

    def begin(self) -> None:
        """A fit begins: what was settled before holds until the cores are warm."""
        if self._until:
            self._trials, self._until = [], max(self._until, time.perf_counter() + WARM_SECONDS)

    def choose(self, seconds_per_step: float) -> tuple[int, int]:
        """(threads, the most steps that the next call should do)."""
        if self._open and not self._trials and time.perf_counter() >= self._until:
            self._trials, self._times = [1, self._most] * 2, {}
        if not self._trials:
            return self.present, 1 << 60
        return self._trials[0], int(TRIAL_SECONDS / seconds_per_step) + 1 if seconds_per_step else 1

    def note(self, threads: int, seconds: float, steps: int) -> None:
        """What so many steps took on so many threads."""
        if not self._trials:
            return
        self._trials.pop(0)
        self._times.setdefault(threads, []).append((seconds / steps, steps))
        if not self._trials:
            best = {count: min(times)[0] for count, times in self._times.items()}
            self.present = min(best, key=best.__getitem__)
            lost = sum((one - best[self.present]) * n for times in self._times.values() for one, n in times)
            self._until = time.perf_counter() + max(self._pause, SELDOM * lost)
            self._pause = min(4 * self._pause, RETRY_SECONDS)
