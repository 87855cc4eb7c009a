"""A random search in two stages: many settings looked at briefly, the best of them trained thoroughly.

In the first stage, the screening, each setting is trained from one seed and validated on one fold (on every fold where
the table is small, for one would say little). In the second, the final, the best settings are trained longer, from
every seed and on every fold; among these the ranking is made. Both go in rounds, and the speed of one round says how
many settings fit into the next.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ebbflow.cli.space import Setting
from ebbflow.population import Population
from ebbflow.training.population.folds import cross_validation

FEW_ROWS = 2_000  # below, one fold is too few of them to compare settings by
MANY_ROWS = 20_000  # from here on, an epoch takes long enough to ask first how many of them there is time for
FIRST_ROUND, LEAST_SCREENED, LEAST_FINALISTS, LEAST_EPOCHS = 4, 16, 3, 3
LONGER = 3  # times the epochs of the screening
GROWTH = 2  # of a round over the one before
NEIGHBORS = 5  # epochs that are averaged over
LONGEST_ROUND = 15.0  # seconds, so that something is seen to happen
SCREENING, SEARCH = 0.5, 0.92  # shares of the time after which the stages end; the rest is for making the model


@dataclass(frozen=True)
class Stage:
    """How the settings of a stage are trained: `folds` None is only the first of the folds."""

    name: str
    epochs: int
    patience: int
    seeds: int
    folds: int | None

    @property
    def networks(self) -> int:
        """How many for each setting."""
        return self.seeds * (self.folds or 1)


class Trial:
    """A setting in a stage: its networks, and what they score.

    All networks of a setting are scored after the same number of epochs, the one at which their mean score, averaged
    over neighboring epochs, is lowest. Each at its own best epoch would favor settings whose loss leaps about, as among
    many accidents there is always a lucky one.

    Parameters: the setting's number; the setting; the stage; rows of its networks, as of Population.results; curves,
    what each scored after each epoch; the population, for the networks.
    """

    def __init__(
        self,
        number: int,
        setting: Setting,
        stage: Stage,
        rows: Sequence[dict[str, Any]],
        curves: Sequence[np.ndarray],
        population: Population | None = None,
    ):
        self.number, self.setting, self.stage, self.population = number, setting, stage, population
        self.is_complete = len(rows) == stage.networks
        together = _padded(curves)
        self.epoch = int(np.argmin(_smooth(together.mean(axis=0))))  # from 0
        self.scores = together[:, self.epoch]
        self.rows = [row | {"score": float(score)} for row, score in zip(rows, self.scores, strict=True)]
        # A setting must work from any seed.
        good = all(row["status"] != "diverged" for row in rows) and bool(np.isfinite(self.scores).all())
        self.mean = float(self.scores.mean()) if good else math.inf
        self.deviation = float(self.scores.std(ddof=1)) if good and len(rows) > 1 else math.nan


def _padded(curves: Sequence[np.ndarray]) -> np.ndarray:
    """Curves (networks, epochs), each continued with its last value."""
    longest = max(map(len, curves))
    padded = [np.pad(curve, (0, longest - len(curve)), mode="edge") for curve in curves]
    return np.nan_to_num(np.array(padded), nan=math.inf, posinf=math.inf)


def _smooth(curve: np.ndarray) -> np.ndarray:
    """Means of NEIGHBORS epochs, fewer at the ends."""
    half = NEIGHBORS // 2
    return np.array([curve[max(0, place - half) : place + half + 1].mean() for place in range(len(curve))])


@dataclass
class Search:
    """A search over settings that are drawn one after another.

    Parameters:
        build: from a setting to a compiled model. settings: without end.
        x, y: the rows to train on and to validate on.
        score: from a validation loss to the `figure` by which settings are compared, the smaller the better.
        seed, seeds, folds, epochs, patience: of the final.
        keep: of how many of the best settings to keep the networks.
        say: prints a line. clock: seconds.
    """

    build: Callable[[Any], Any]
    settings: Iterator[Setting]
    x: np.ndarray
    y: np.ndarray
    score: Callable[[float], float]
    figure: str
    seed: int
    seeds: int
    folds: int
    epochs: int
    patience: int
    keep: int
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    screened: list[Trial] = field(default_factory=list)
    finals: list[Trial] = field(default_factory=list)
    rounds: int = 0
    interrupted: bool = False

    def run(self, budget: float | None, count: int | None) -> None:
        """Search for `budget` seconds, or among `count` settings. Ctrl-C ends it with what is done."""
        began = self.clock()
        thorough = Stage("final", self.epochs, self.patience, self.seeds, self.folds)
        brief = Stage(
            "screening",
            max(1, self.epochs // LONGER),
            max(1, self.patience // 2),
            1,
            self.folds if len(self.x) < FEW_ROWS else None,
        )
        try:
            if budget is None:
                assert count is not None
                self._round(brief, self.screened, self._new(count))
                self._round(thorough, self.finals, self._candidates()[: max(LEAST_FINALISTS, round(count / 8))])
            else:
                brief = self._as_short_as_needed(brief, budget)
                seconds = self._screen(brief, began + SCREENING * budget)
                self._decide(thorough, brief, seconds, began + SEARCH * budget)
        except KeyboardInterrupt:
            self.interrupted = True

    def ranking(self) -> list[Trial]:
        """The settings, best first: those that completed the final, or else those of the screening."""
        for trials in (self.finals, self.screened):
            if complete := [trial for trial in trials if trial.is_complete and math.isfinite(trial.mean)]:
                return ranked(complete)
        return ranked([trial for trial in self.screened if math.isfinite(trial.mean)])

    def _screen(self, stage: Stage, deadline: float) -> float:
        """Rounds of new settings until the deadline; returns how many seconds a setting took at best.

        The first rounds take longer: what they compile, later ones use again.
        """
        count, best = FIRST_ROUND, math.inf
        while count >= 1 and not self.interrupted:
            began = self.clock()
            self._round(stage, self.screened, self._new(count))
            each = (self.clock() - began) / count
            best = min(best, each)
            count = settings_that_fit(deadline - self.clock(), each, count)
        return best

    def _decide(self, stage: Stage, brief: Stage, seconds: float, deadline: float) -> None:
        """Rounds of the final, the best of the screening first, until the deadline.

        `seconds` is what a setting took in the screening.
        """
        if self.interrupted or not (candidates := self._candidates()):
            return
        fitted = self._as_thorough_as_there_is_time(stage, brief, seconds, deadline - self.clock())
        count = 2
        while fitted and candidates and count >= 1 and not self.interrupted:
            taken, candidates = candidates[:count], candidates[count:]
            began = self.clock()
            self._round(fitted, self.finals, taken)
            count = settings_that_fit(deadline - self.clock(), (self.clock() - began) / len(taken), len(taken))

    def _as_thorough_as_there_is_time(self, stage: Stage, brief: Stage, seconds: float, left: float) -> Stage | None:
        """The final with fewer seeds, or on one fold only, where otherwise not two settings could be compared."""
        shortened = brief.epochs < self.epochs // LONGER  # so that few networks stopped early
        stage = replace(stage, epochs=min(stage.epochs, LONGER * brief.epochs) if shortened else stage.epochs)
        each = (LONGER if shortened else 2) * seconds / brief.networks  # for one network
        networks = int(left / (2 * each))  # for each of two settings
        if networks >= self.folds:
            stage = replace(stage, seeds=min(stage.seeds, networks // self.folds))
            if stage.seeds < self.seeds:
                self.say(f"  time for {stage.seeds} of {self.seeds} seeds in the final")
            return stage
        if networks >= 1 and brief.folds is None:
            self.say("  time for one fold and seed in the final")
            return replace(stage, seeds=1, folds=None)
        self.say("  no time for a final; the screening decides")
        return None

    def _new(self, count: int) -> list[tuple[int, Setting]]:
        return [(len(self.screened) + place, next(self.settings)) for place in range(count)]

    def _candidates(self) -> list[tuple[int, Setting]]:
        """The settings of the screening, best first."""
        return [(trial.number, trial.setting) for trial in ranked(self.screened) if math.isfinite(trial.mean)]

    def _round(self, stage: Stage, trials: list[Trial], settings: Sequence[tuple[int, Setting]]) -> None:
        """Train these settings, those of one batch size side by side, and add what came of it to `trials`."""
        if self.interrupted or not settings:
            return
        self.rounds += 1
        began, before = self.clock(), len(trials)
        trials += self._train(stage, settings)
        self._forget(trials)
        seconds = self.clock() - began
        best = ranked(trials)[0].mean if trials else math.inf
        self.say(
            f"  {stage.name:<9}  {len(trials) - before:>4} settings x {stage.networks:<3} {seconds:>6.1f} s   "
            f"best {self.figure} so far {best:.5g}"
        )

    def _forget(self, trials: list[Trial]) -> None:
        """Free the memory of networks that no model will be made of."""
        kept = ranked([trial for trial in trials if trial.is_complete])[: self.keep]
        for trial in trials:
            if trial not in kept:
                trial.population = None

    def _train(self, stage: Stage, settings: Sequence[tuple[int, Setting]]) -> list[Trial]:
        trials: list[Trial] = []
        for batch_size in sorted({setting["batch_size"] for _, setting in settings}):
            if not self.interrupted:
                group = [one for one in settings if one[1]["batch_size"] == batch_size]
                trials += self._train_group(stage, group, batch_size)
        return trials

    def _train_group(self, stage: Stage, group: Sequence[tuple[int, Setting]], batch_size: int) -> list[Trial]:
        """Train settings of one batch size side by side."""
        members = [setting for _, setting in group]
        population = Population(self.build, members=members, seeds=stage.seeds, seed=self.seed)
        population.fit(
            **self._rows(stage),
            batch_size=batch_size,
            epochs=stage.epochs,
            folds=stage.folds,
            early_stopping=stage.patience,
            verbose=0,
        )
        rows = list(population.results)
        trials = [
            self._trial(population, [row for row in rows if row["setting"] == place], *one, stage)
            for place, one in enumerate(group)
        ]
        self.interrupted |= not all(trial and trial.is_complete for trial in trials)  # Ctrl-C ends `fit` quietly
        return [trial for trial in trials if trial is not None]

    def _trial(
        self, population: Population, rows: list[dict[str, Any]], number: int, setting: Setting, stage: Stage
    ) -> Trial | None:
        """What came of a setting, if anything."""
        if not rows:
            return None
        losses = [population.history(row["member"])["val_loss"] for row in rows]
        curves = [np.array([self.score(loss) for loss in one or [math.inf]]) for one in losses]
        return Trial(number, setting, stage, rows, curves, population)

    def _rows(self, stage: Stage) -> dict[str, Any]:
        """What to train on, and what to validate on if that is not done by folds."""
        if stage.folds is not None:
            return {"x": self.x, "y": self.y}
        fold = cross_validation(self.y, self.folds, seed=self.seed)[0]
        held = (self.x[fold.validation], self.y[fold.validation])
        return {"x": self.x[fold.train], "y": self.y[fold.train], "validation_data": held}

    def _as_short_as_needed(self, stage: Stage, budget: float) -> Stage:
        """Fewer epochs where a table is so large that otherwise only a few settings would be seen."""
        if len(self.x) < MANY_ROWS:
            return stage
        first = list(itertools.islice(self.settings, FIRST_ROUND))
        self.settings = itertools.chain(first, self.settings)
        seconds = []
        for epochs in (1, 1, 3):  # the first time compiles
            began = self.clock()
            self._train(replace(stage, epochs=epochs), list(enumerate(first)))
            seconds.append(self.clock() - began)
        epoch = max(seconds[2] - seconds[1], 1e-6) / 2 / len(first)
        epochs = max(LEAST_EPOCHS, int(SCREENING * budget / (LEAST_SCREENED * epoch)))
        if epochs < stage.epochs:
            self.say(f"  {epochs} epochs each in the screening, as one takes {epoch:.2g} s")
        return replace(stage, epochs=min(epochs, stage.epochs))


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """Best first, those with a network that diverged last."""
    return sorted(trials, key=lambda trial: (trial.mean, trial.number))


def settings_that_fit(left: float, each: float, before: int) -> int:
    """How many settings to take into the next round when there are `left` seconds, and each of `before` took so many.

    Not all that seem to fit, nor many times more than before, as the next ones may take longer than those.
    """
    each = max(each, 1e-6)
    fitting = int(min(0.7 * left, max(LONGEST_ROUND, left / 10)) / each)
    return max(int(left >= each), min(fitting, GROWTH * before))
