"""Optuna: a study proposes settings and learns from what becomes of them."""

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import ArgumentError
from ...core.files import atomic_write
from ...functions.arguments import expect, expect_integer
from .roster import Member, Roster
from .settings import Choice, Integers, LogUniform, Setting, Uniform

__all__ = ["Optuna"]

BATCH = 8  # settings; not the number of workers, on which what is proposed must not depend
EXHAUSTIVE = ("GridSampler", "BruteForceSampler")
DIRECTIONS = {"min": "minimize", "max": "maximize"}


class Optuna:
    """A search in which a study of Optuna proposes the settings, and learns from what becomes of them.

        space = {"width": Integers(8, 128), "learning_rate": LogUniform(1e-4, 1e-1), "activation": ["relu", "tanh"]}
        population = ebbflow.Population(build, seeds=2)
        population.fit(x, y, folds=5, epochs=50, search=ebbflow.population.Optuna(space, trials=100))

    The study is asked for a batch of settings; these are trained, from all seeds and on all folds; then it is told the
    mean of the monitored number over the members of each, and is asked again. A setting of which a member diverged
    counts as infinitely bad; one that was interrupted, as failed. What is proposed follows from the sampler and the
    batch, and not from how many workers there are or who is done first.

    Parameters:
        space: {name: distribution or list}, the distributions being those of ebbflow.population or of
            optuna.distributions; or a function of an Optuna trial that returns a dict of hyperparameters.
        trials: how many settings.
        batch: how many of them are trained before it is asked again, by default 8; times the seeds and folds it should
            be several times as many as there are workers.
        sampler: one of optuna.samplers, by default a TPESampler with the population's seed.
        study: one to go on with, of one objective, by default a new one in memory.

    Raises ArgumentError for a bad argument, ImportError without Optuna (pip install 'ebbflow[optuna]').
    Source: Akiba, Sano, Yanase, Ohta, Koyama (2019), "Optuna: A Next-generation Hyperparameter Optimization Framework";
    of the sampler, Bergstra, Bardenet, Bengio, Kegl (2011), "Algorithms for Hyper-Parameter Optimization".
    """

    def __init__(self, space: Any, trials: int, batch: int | None = None, sampler: Any = None, study: Any = None):
        good = callable(space) or (isinstance(space, Mapping) and len(space) > 0)
        expect(good, "Optuna", "space", "a dict of distributions, or a function of a trial", space)
        self._count = expect_integer("Optuna", "trials", trials, 1)
        self.batch = expect_integer("Optuna", "batch", BATCH if batch is None else batch, 1)
        if sampler is not None and study is not None:
            raise ArgumentError("Optuna: expected a sampler or a study, which has a sampler, got both")
        self._space = _Space(space)
        self._sampler, self._given, self._study = sampler, study, study
        self._trials: list[Any] = []  # that the study waits to be told of
        self._asked = 0
        self._record: Path | None = None

    @property
    def trials(self) -> int:
        """How many settings."""
        return self._count

    @property
    def study(self) -> Any:
        """The study that is asked; None before `fit`, unless one was given."""
        return self._study

    def example(self, seed: int) -> Setting:
        """A setting that might be proposed."""
        with _quiet() as optuna:
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
        return self._space.ask(study)[1]

    def begin(self, seed: int, mode: str, folder: str | os.PathLike[str] | None = None) -> None:
        """Make the study, unless one was given.

        Parameters:
            seed: of the sampler. mode: "min" or "max".
            folder: a checkpoint, where it is written down what was proposed.

        Raises ArgumentError for a study with another direction, or a sampler of finitely many settings.
        """
        self._asked, self._trials = 0, []
        self._record = None if folder is None else Path(folder) / "proposed.json"
        if self._given is None:
            with _quiet() as optuna:
                sampler = optuna.samplers.TPESampler(seed=seed) if self._sampler is None else self._sampler
                self._study = optuna.create_study(direction=DIRECTIONS[mode], sampler=sampler)
        name = type(self._study.sampler).__name__
        if name in EXHAUSTIVE:  # these end Study.optimize when nothing is left, which is not running here
            raise ArgumentError(
                f"Optuna: expected a sampler that can be asked on and on, got {name}; use Population(grid=)"
            )
        found = [direction.name.lower() for direction in self.study.directions]
        if found != [DIRECTIONS[mode]]:
            raise ArgumentError(
                f"Optuna: expected a study that is to {DIRECTIONS[mode]} what fit monitors, got one to "
                f"{' and '.join(found)}; create it with direction={DIRECTIONS[mode]!r}, or give fit another monitor"
            )

    def ask(self) -> list[Setting]:
        """The next settings, none when there were enough."""
        count = min(self.batch, self._count - self._asked)
        proposed = [self._space.ask(self.study) for _ in range(count)]
        self._trials, settings = [trial for trial, _ in proposed], [setting for _, setting in proposed]
        if settings and self._record is not None:
            _write_down(self._record, self._asked, settings)
        self._asked += count
        return settings

    def tell(self, values: Sequence[float | None]) -> None:
        """What became of the settings last asked for; None of one whose members are not all done."""
        failed = _optuna().trial.TrialState.FAIL
        for trial, value in zip(self._trials, values, strict=True):
            self.study.tell(trial, value, state=failed if value is None else None)
        self._trials = []

    def run(self, roster: Roster, train: Callable[[Sequence[int]], None], value: Callable[[int], float | None]) -> None:
        """Ask, train and tell until there were enough settings.

        Parameters:
            roster: with the members of one setting, which are like those of every other; they are replaced.
            train: trains members, by their numbers.
            value: what to tell of a setting, by its number.
        """
        kinds = [(member.seed, member.fold) for member in roster.members]
        roster.settings.clear()
        roster.members.clear()
        while settings := self.ask():
            new = range(len(roster.settings), len(roster.settings) + len(settings))
            numbers = range(len(roster.members), len(roster.members) + len(settings) * len(kinds))
            roster.settings += settings
            roster.members += [Member(number, *kind) for number in new for kind in kinds]
            try:
                train(numbers)
            finally:
                self.tell([value(number) for number in new])


class _Space:
    """What may be proposed: {name: distribution}, or a function of a trial."""

    def __init__(self, space: Any):
        self._suggest = space if callable(space) else None
        translated = {} if callable(space) else {name: _translated(name, one) for name, one in space.items()}
        self._distributions = {name: distribution for name, (distribution, _) in translated.items()}
        self._values = {name: values for name, (_, values) in translated.items() if values is not None}

    def ask(self, study: Any) -> tuple[Any, Setting]:
        """A new trial of a study, and its setting."""
        trial = study.ask(self._distributions)
        values = dict(trial.params) if self._suggest is None else self._suggest(trial)
        expect(isinstance(values, Mapping), "Optuna", "what space returns", "a dict of hyperparameters", values)
        known = self._values
        return trial, Setting({name: known[name][one] if name in known else one for name, one in values.items()})


def _translated(name: str, wanted: Any) -> tuple[Any, dict[Any, Any] | None]:
    """Optuna's distribution that means the same; and of a choice, the values by what the study knows them as."""
    distributions = _optuna().distributions
    if isinstance(wanted, distributions.BaseDistribution):
        return wanted, None
    if isinstance(wanted, Uniform):
        log = isinstance(wanted, LogUniform)
        return distributions.FloatDistribution(wanted.low, wanted.high, log=log), None
    if isinstance(wanted, Integers):
        return distributions.IntDistribution(wanted.low, wanted.high), None
    if isinstance(wanted, (Choice, list, tuple)):
        choice = wanted if isinstance(wanted, Choice) else Choice(wanted)
        values = {_label(value): value for value in choice.values}
        expect(len(values) == len(choice.values), "Optuna", f"space[{name!r}]", "different values", choice.values)
        return distributions.CategoricalDistribution(list(values)), values
    raise ArgumentError(
        f"Optuna: expected space[{name!r}] to be a list, a distribution such as LogUniform(1e-4, 1e-2), or one of "
        f"optuna.distributions, got {wanted!r}"
    )


def _label(value: Any) -> Any:
    """A value as a study can hold it: numbers and texts as they are, others by name."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    return getattr(value, "__qualname__", None) or repr(value)


def _write_down(record: Path, begin: int, settings: Sequence[Setting]) -> None:
    """Add settings to the record of what was proposed, or hold them against it where a fit is taken up again."""
    known = json.loads(record.read_text()) if record.exists() else []
    told = [{name: str(_label(value)) for name, value in setting.items()} for setting in settings]
    before = known[begin : begin + len(told)]
    if before != told[: len(before)]:
        raise ArgumentError(
            f"Optuna: expected the settings that were proposed when {str(record.parent)!r} was begun, as its members "
            "are of those, got others; give the same space, batch and study, and a sampler with a seed, or another "
            "checkpoint"
        )
    if len(before) < len(told):
        atomic_write(record, json.dumps(known[:begin] + told).encode())


def infinitely_bad(mode: str) -> float:
    """What no number is worse than."""
    return math.inf if mode == "min" else -math.inf


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError("Optuna: needs optuna, which is not installed: pip install 'ebbflow[optuna]'") from error
    return optuna


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """Optuna, which says less inside of this context."""
    optuna = _optuna()
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(level)
