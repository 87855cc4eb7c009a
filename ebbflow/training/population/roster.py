"""The roster: who the members are, and how each begins."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...core.errors import ArgumentError
from ...functions.random import seeded
from .desk import Outcome, Paused, Start
from .folds import Fold, drawn
from .program import MemberProgram, Work
from .settings import Setting
from .structure import portrait, variables_of

__all__ = ["Member", "Note", "Order", "Roster", "Task"]

Note = Callable[[int, Outcome], None]


@dataclass(frozen=True)
class Member:
    """One network: the number of its setting, its seed, and the number of its fold."""

    setting: int
    seed: int
    fold: int


@dataclass(frozen=True)
class Order:
    """Train a member up to before an epoch, from its start or from where it paused, which is read in its turn."""

    number: int
    until: int
    paused: Callable[[], Paused] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Another process is told where the member paused."""
        return self.__dict__ | {"paused": None if self.paused is None else partial(_same, self.paused())}


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Task:
    """An order with all that is needed to carry it out."""

    order: Order
    program: MemberProgram
    start: Start
    fold: Fold


class Roster:
    """The members of a population.

    Parameters:
        build: makes the compiled model of a setting.
        settings: of which there may be more than members use.
        members: by their numbers.
        folds: the rows of each; bootstrap: whether each seed draws from them.
        work: what all do.
    """

    def __init__(
        self,
        build: Callable[[Setting], Any],
        settings: Sequence[Setting],
        members: Sequence[Member],
        folds: Sequence[Fold],
        bootstrap: bool,
        work: Work,
    ):
        self._build, self.settings, self.work = build, list(settings), work
        self._folds, self._bootstrap = list(folds), bootstrap
        self.members = list(members)
        self._programs: dict[Any, MemberProgram] = {}
        self._first: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Another process makes its own programs."""
        return self.__dict__ | {"_programs": {}, "_first": None}

    def fold(self, number: int) -> Fold:
        """The rows of a member."""
        member = self.members[number]
        fold = self._folds[member.fold]
        return drawn([fold], member.seed)[0] if self._bootstrap else fold

    def model(self, number: int) -> Any:
        """The model of a member as it begins, with all its variables."""
        member = self.members[number]
        setting = self.settings[member.setting]
        with seeded(member.seed):
            model = self._build(setting)
            if not getattr(model, "compiled", False):
                raise ArgumentError(
                    f"Population: expected build to return a compiled model, got {model!r} for {setting}"
                )
            model.build_for(self.work.data["x"].shape, self.work.data["y"])
        return model

    def begin_with(self, model: Any) -> None:
        """Let `tasks`, if it begins with member 0, take this model of it, as `model` made it, instead of another."""
        self._first = model

    def _next_model(self, number: int) -> Any:
        first, self._first = self._first, None
        return self.model(number) if first is None or number != 0 else first

    def tasks(self, orders: Iterable[Order]) -> Iterator[Task]:
        """The orders, in turn, with programs and starts; models are made when their turn comes."""
        built: Member | None = None
        for order in orders:
            member, fold = self.members[order.number], self.fold(order.number)
            if built is None or (built.setting, built.seed) != (member.setting, member.seed):
                model = self._next_model(order.number)
                variables = variables_of(model)
                start, likeness, built = Start(model, variables), portrait(model, variables), member
            key = likeness, len(fold.train), None if fold.validation is None else len(fold.validation)
            if key not in self._programs:
                self._programs[key] = MemberProgram(model, likeness, self.work, fold)
            yield Task(order, self._programs[key], start, fold)
