"""The contest: who is trained when - all, those that a search lets go on, or those that a study proposes."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..callbacks import unknown_monitor
from .archive import Archive
from .desk import Outcome
from .display import Display
from .optuna import Optuna, infinitely_bad
from .roster import Order, Roster
from .search import Bracket, SuccessiveHalving

__all__ = ["Contest", "row_of"]


def row_of(roster: Roster, outcomes: Archive, number: int) -> dict[str, Any]:
    """What the results say of a member."""
    member, record = roster.members[number], outcomes[number]
    row = {"member": number, "setting": member.setting, **roster.settings[member.setting]}
    row |= {"seed": member.seed, "fold": member.fold, "status": record.status}
    return row | {"epochs": record.epochs, "epoch": record.epoch} | dict(zip(record.names, record.logs, strict=True))


class Contest:
    """The training of a population.

    Parameters:
        roster, outcomes: who there is, and what became of them, of which some may be in the folder of a checkpoint.
        monitor, mode: the logged name by which settings are compared; "min" or "max".
        display: is told of each that is done.
    """

    def __init__(self, roster: Roster, outcomes: Archive, monitor: str, mode: str, display: Display):
        self._roster, self._outcomes, self._display = roster, outcomes, display
        self._monitor, self._mode = monitor, mode

    def run(self, search: SuccessiveHalving | Optuna | None, crew: Any) -> None:
        """Let the crew train the members that the search, if there is one, asks for."""
        epochs, everyone = self._roster.work.epochs, range(len(self._roster.members))

        def train(numbers: Sequence[int]) -> None:
            self._take_up(numbers)
            crew.train(self._orders(numbers, epochs), self.note)

        if search is None:
            train(everyone)
        elif isinstance(search, Optuna):
            search.run(self._roster, train, self._value)
        else:
            self._take_up(everyone)
            for bracket in search.brackets(len(self._roster.settings), epochs):
                self._compete(crew, bracket, search)

    def note(self, number: int, outcome: Outcome) -> None:
        """Put away what became of a member; raises ArgumentError where it has not logged what is monitored."""
        if self._monitor not in outcome.names:
            raise unknown_monitor(self._monitor, outcome.names, "fit")
        self._outcomes.put(number, outcome)
        if outcome.status != "paused":
            self._display.note(row_of(self._roster, self._outcomes, number))

    def _take_up(self, numbers: Iterable[int]) -> None:
        """Count those in who are in the folder."""
        self._outcomes.take_up(numbers)
        for number in numbers:
            if number in self._outcomes and self._outcomes[number].status != "paused":
                self._display.note(row_of(self._roster, self._outcomes, number))

    def _compete(self, crew: Any, bracket: Bracket, search: SuccessiveHalving) -> None:
        """Train the members of a bracket from rung to rung, noting also those that are dropped."""
        alive = set(bracket.settings)
        for rung in bracket.rungs:
            crew.train(self._orders(self._of(alive), rung), self.note)
            if rung == bracket.rungs[-1]:
                return
            going_on = set(sorted(alive, key=lambda setting: self._score(setting, rung))[: search.kept(len(alive))])
            for number in self._of(alive - going_on):
                if self._outcomes[number].status == "paused":
                    self.note(number, replace(self._outcomes.outcome(number), status="dropped", paused=None))
            alive = going_on

    def _of(self, settings: Any) -> list[int]:
        """The members of these settings, of which each has as many, one setting's after another's."""
        each = len(self._roster.members) // len(self._roster.settings)
        return [setting * each + k for setting in sorted(settings) for k in range(each)]

    def _orders(self, numbers: Iterable[int], until: int) -> list[Order]:
        """What is left to do of these members up to before an epoch."""
        return [order for order in (self._order(number, until) for number in numbers) if order is not None]

    def _order(self, number: int, until: int) -> Order | None:
        known = self._outcomes.get(number)
        if known is None:
            return Order(number, until)
        goes_on = known.status == "paused" and known.epochs < until
        return Order(number, until, partial(self._outcomes.paused, number)) if goes_on else None

    def _score(self, setting: int, rung: int) -> float:
        """The mean of the monitored number over a setting's members as they were at a rung; less is better."""
        sign = 1.0 if self._mode == "min" else -1.0
        values = []
        for number in self._of([setting]):
            record = self._outcomes[number]
            if record.status == "diverged" or not record.epochs:
                return math.inf
            place = min(rung, record.epochs) - 1
            values.append(sign * float(self._outcomes.history(number)[place, record.names.index(self._monitor)]))
        return float(np.mean(values))

    def _value(self, setting: int) -> float | None:
        """The mean of the monitored number over a setting's members, at their best; None if they are not all done."""
        numbers = self._of([setting])
        if not all(number in self._outcomes for number in numbers):
            return None
        records = [self._outcomes[number] for number in numbers]
        mean = float(np.mean([record.logs[record.names.index(self._monitor)] for record in records]))
        good = math.isfinite(mean) and all(record.status != "diverged" for record in records)
        return mean if good else infinitely_bad(self._mode)
