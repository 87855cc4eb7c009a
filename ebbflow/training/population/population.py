"""Population: many networks, each with its own hyperparameters, seed and rows, trained side by side."""

import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ... import config
from ...core.errors import ArgumentError
from ...functions.arguments import expect, expect_integer, expect_number
from ...functions.random import seeded
from ...runtime.threads import cores
from ..callbacks import EarlyStopping, unknown_monitor
from ..callbacks.monitor import direction_of
from ..data import number_of_rows, prepare_rows, prepare_validation, split_last, whole_number
from ..ensemble import Ensemble
from ..plan import DEFAULT_BATCH_SIZE
from ..progress import verbosity
from ..weights import with_class_weight
from .away import Away
from .checkpoint import Checkpoint
from .crew import Crew
from .desk import Outcome, Work
from .display import Display
from .folds import Fold, cross_validation, drawn, holdout
from .results import Results, summarized
from .roster import Member, Note, Order, Roster
from .search import Bracket, SuccessiveHalving
from .settings import Setting, settings_of

__all__ = ["Population"]


class Population:
    """Many networks, trained one on each core at a time, each wholly in native code.

        def build(hp):
            model = ebbflow.Sequential([ebbflow.layers.Dense(hp.width, activation="relu"), ebbflow.layers.Dense(10)])
            model.compile(ebbflow.optimizers.Adam(hp.learning_rate), "sparse_categorical_crossentropy")
            return model

        population = ebbflow.Population(build, grid={"width": [64, 128], "learning_rate": [1e-3, 3e-3]}, seeds=4)
        population.fit(x, y, folds=5, epochs=50, early_stopping=5)
        print(population.summary())
        model = population.best()

    A member is, bit for bit, what one gets alone by `set_random_seed(seed)`, `model = build(setting)` and
    `model.fit(x[rows], y[rows], ...)`, whatever the others are and however many cores there are. Settings that only
    change numbers (rates, penalties) share one program.

    Parameters:
        build: a function of a Setting that returns a compiled model.
        grid: {name: list of values}; every combination is a setting.
        random: ({name: distribution or list}, how many settings to draw); distributions are those of
            ebbflow.population, or SciPy's.
        members: a list of dicts, each a setting.
        seeds: how many random starts of each setting, from `seed` on, or a list of them.
        seed: of the first start, of the drawn settings, and of the folds.

    Raises ArgumentError for a bad argument.

    Attributes:
        settings: the list of Settings. seeds: the list of seeds.
        results: after `fit`, one row a member.
    """

    def __init__(
        self,
        build: Callable[[Setting], Any],
        grid: Any = None,
        random: Any = None,
        members: Any = None,
        seeds: int | Sequence[int] = 1,
        seed: int = 0,
    ):
        expect(callable(build), "Population", "build", "a function of a setting that returns a compiled model", build)
        self.seed = expect_integer("Population", "seed", seed, 0, 2**32 - 1)
        self.build = build
        self.settings = settings_of(grid, random, members, self.seed)
        self.seeds = _seeds_of(seeds, self.seed)
        self._outcomes: dict[int, Outcome] = {}

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        folds: int | None = None,
        groups: Any = None,
        bootstrap: bool = False,
        validation_split: float = 0.0,
        validation_data: Any = None,
        early_stopping: int | EarlyStopping | None = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        validation_batch_size: int | None = None,
        monitor: str | None = None,
        search: SuccessiveHalving | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        executor: Any = None,
    ) -> "Population":
        """Train all members; returns the population. Ctrl-C ends it with the members that are done.

        Parameters:
            x, y, batch_size, epochs, verbose, validation_split, validation_data, shuffle, class_weight, sample_weight,
                validation_batch_size: as of `Model.fit`.
            folds: k, to train on each choice of k - 1 of k parts of the rows and to validate on the one left out; parts
                have equal shares of each class where y are classes.
            groups: a label for each row; rows of one group stay in one part.
            bootstrap: let each start train on as many rows drawn with replacement; without other rows to validate on,
                it is validated on those not drawn.
            early_stopping: patience in epochs, after which a member ends with its best weights, or an EarlyStopping.
            monitor: the logged name by which members are compared, by default "val_loss", or "loss" without validation.
            search: SuccessiveHalving or Hyperband, to drop settings that look bad early; members pause, and those that
                go on do so as if they had not.
            checkpoint: a folder in which members that are done are kept; a fit that was killed, called again with the
                same arguments, trains only the others.
            executor: a `concurrent.futures.Executor`, or with its interface, whose workers train the members instead;
                build must be a function of a module, which they can import.

        Raises ArgumentError or ShapeError for what does not fit, before any member is trained.
        """
        batch_size = whole_number("fit", "batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size, 1)
        rows = with_class_weight("fit", prepare_rows("fit", x, y, sample_weight, whole=True), class_weight)
        work = Work(
            data={name: np.ascontiguousarray(array) for name, array in rows.items()},
            held=None if validation_data is None else prepare_validation(validation_data),
            batch_size=batch_size,
            validation_batch_size=whole_number("fit", "validation_batch_size", validation_batch_size or batch_size, 1),
            epochs=whole_number("fit", "epochs", epochs, 1),
            shuffle=bool(shuffle),
            stopping=_stopping_of(early_stopping),
        )
        given = _folds_of(work, folds, groups, validation_split, self.seed)
        chosen = {seed: drawn(given, seed) if bootstrap else given for seed in self.seeds}
        numbers = itertools.product(range(len(self.settings)), self.seeds, range(len(given)))
        roster = Roster(self.build, self.settings, [Member(*one) for one in numbers], chosen, work)
        first = roster.model(0)
        validated = work.held is not None or roster.fold(0).validation is not None
        logged = [*first.metrics_names, *(f"val_{name}" for name in first.metrics_names if validated)]
        monitor = monitor or ("val_loss" if validated else "loss")
        if monitor not in logged:
            raise unknown_monitor(monitor, logged, "fit")
        self._monitor, self._mode = monitor, direction_of(monitor, first.metrics)
        self._roster, self._outcomes = roster, {}
        display = Display(len(roster.members), verbosity("fit", verbose), monitor)
        self._train(search, executor, checkpoint, display)
        return self

    def _train(self, search: SuccessiveHalving | None, executor: Any, checkpoint: Any, display: Display) -> None:
        roster, kept = self._roster, None
        if checkpoint is not None:
            kept = Checkpoint(checkpoint, roster)
            self._outcomes = dict(kept.done())
        for number in self._outcomes:
            display.note(self._row(number))

        def note(number: int, outcome: Outcome) -> None:
            self._outcomes[number] = outcome
            if outcome.status != "paused":
                self._end(number, kept, display)

        workers = min(config.threads() or cores(), len(roster.members))
        crew: Any = Crew(workers, roster) if executor is None else Away(executor, roster)
        brackets = [Bracket(range(len(self.settings)), [roster.work.epochs])]
        if search is not None:
            brackets = search.brackets(len(self.settings), roster.work.epochs)
        try:
            with crew:
                try:
                    for bracket in brackets:
                        for number in self._compete(crew, bracket, search, note):
                            self._end(number, kept, display)
                except KeyboardInterrupt:
                    crew.take_rest(note)
        finally:
            display.end()

    def _end(self, number: int, kept: Checkpoint | None, display: Display) -> None:
        """A member is done."""
        if kept is not None:
            kept.keep(number, self._outcomes[number])
        display.note(self._row(number))

    def _compete(self, crew: Any, bracket: Bracket, search: SuccessiveHalving | None, note: Note) -> Iterator[int]:
        """Train the members of a bracket from rung to rung; yields those that are dropped."""
        alive = set(bracket.settings)
        for rung in bracket.rungs:
            crew.train(
                [order for order in map(lambda number: self._order(number, rung), self._of(alive)) if order], note
            )
            if search is None or rung == bracket.rungs[-1]:
                return
            going_on = set(sorted(alive, key=lambda setting: self._score(setting, rung))[: search.kept(len(alive))])
            for number in self._of(alive - going_on):
                outcome = self._outcomes[number]
                if outcome.status == "paused":
                    self._outcomes[number] = replace(outcome, status="dropped", paused=None)
                    yield number
            alive = going_on

    def _of(self, settings: Any) -> list[int]:
        """The members of these settings."""
        return [number for number, member in enumerate(self._roster.members) if member.setting in settings]

    def _order(self, number: int, until: int) -> Order | None:
        """What is left to do of a member up to before an epoch."""
        known = self._outcomes.get(number)
        if known is None:
            return Order(number, until)
        return Order(number, until, known.paused) if known.status == "paused" and known.epochs < until else None

    def _score(self, setting: int, rung: int) -> float:
        """The mean of the monitored number over a setting's members as they were at a rung; less is better."""
        sign = 1.0 if self._mode == "min" else -1.0
        values = []
        for outcome in (self._outcomes[number] for number in self._of([setting])):
            if outcome.status == "diverged" or not outcome.epochs:
                return math.inf
            place = min(rung, outcome.epochs) - 1
            values.append(sign * float(outcome.history[place, outcome.names.index(self._monitor)]))
        return float(np.mean(values))

    # what came of it

    @property
    def results(self) -> Results:
        """One row a member that is done: setting, hyperparameters, seed, fold, epochs, status, and the logged numbers.

        These are of the epoch that its weights are of, "epoch" (from 0); NaN of members that diverged.
        """
        return Results([self._row(number) for number in sorted(self._outcomes)])

    def _row(self, number: int) -> dict[str, Any]:
        member, outcome = self._roster.members[number], self._outcomes[number]
        names = outcome.names
        logs = outcome.history[outcome.epoch] if outcome.epoch >= 0 else np.full(len(names), np.nan)
        row = {"member": number, "setting": member.setting, **self.settings[member.setting]}
        row |= {"seed": member.seed, "fold": member.fold, "status": outcome.status}
        return (
            row | {"epochs": outcome.epochs, "epoch": outcome.epoch} | dict(zip(names, map(float, logs), strict=True))
        )

    def history(self, number: int) -> dict[str, list[float]]:
        """What a member logged, epoch by epoch, by name."""
        outcome = self._outcome(number)
        return {name: outcome.history[:, k].tolist() for k, name in enumerate(outcome.names)}

    def summary(self) -> Results:
        """One row a setting: mean and deviation over its seeds and folds, ranked by the monitored number."""
        names = list(dict.fromkeys(name for outcome in self._outcomes.values() for name in outcome.names))
        return summarized(list(self.results), [dict(one) for one in self.settings], names, self._monitor, self._mode)

    def model(self, number: int) -> Any:
        """The trained model of a member; raises as `weights` does."""
        weights = self.weights(number)
        model = self._roster.model(number)
        model.set_weights(weights)
        return model

    def weights(self, number: int) -> list[np.ndarray]:
        """The weights of a member, in the order of `Model.weights`.

        Raises ArgumentError for a member that is not done, or that diverged.
        """
        outcome = self._outcome(number)
        if outcome.weights is None:
            raise ArgumentError(
                f"Population: member {number} diverged and has no weights; its loss became NaN or infinite"
            )
        return outcome.weights

    def _outcome(self, number: int) -> Outcome:
        if number not in self._outcomes:
            raise ArgumentError(
                f"Population: expected the number of a member that is done, got {number!r}; call fit first"
            )
        return self._outcomes[number]

    def ranked(self) -> list[int]:
        """The numbers of the members, best first by the monitored number; without those that diverged."""
        sign = 1.0 if self._mode == "min" else -1.0
        good = [row for row in self.results if row["status"] not in ("diverged", "dropped")]
        return [row["member"] for row in sorted(good, key=lambda row: sign * row[self._monitor])]

    def best(self, refit: bool = False) -> Any:
        """The best member of the best setting; with refit, that setting trained on all rows from the member's seed.

        A refit takes as many epochs as the setting's members took to their best ones on average.
        Raises ArgumentError before a fit, and if all members diverged.
        """
        ranked = self.ranked()
        if not ranked:
            raise ArgumentError("best: expected a member that is done and did not diverge, got none; call fit first")
        setting = self.summary()[0]["setting"]
        number = next(number for number in ranked if self._roster.members[number].setting == setting)
        if not refit:
            return self.model(number)
        work = self._roster.work
        own = [row["epoch"] + 1 for row in self.results if row["setting"] == setting and row["epoch"] >= 0]
        with seeded(self._roster.members[number].seed):
            model = self.build(self.settings[setting])
            rows = work.data
            model.fit(
                rows["x"],
                rows["y"],
                batch_size=work.batch_size,
                epochs=max(round(float(np.mean(own))), 1),
                shuffle=work.shuffle,
                sample_weight=rows.get("sample_weight"),
                verbose=0,
            )
        return model

    def ensemble(self, count: int = 8) -> Ensemble:
        """A model that averages the outputs of the best members, saved and loaded as one file.

        Raises ArgumentError for more members than are done and did not diverge.
        """
        ranked = self.ranked()
        count = expect_integer("ensemble", "count", count, 1)
        if count > len(ranked):
            raise ArgumentError(f"ensemble: expected at most {len(ranked)} members, as many as are good, got {count}")
        models = [self.model(number) for number in ranked[:count]]
        ensemble = Ensemble(models)
        ensemble.compile_from_config(models[0].get_compile_config())
        ensemble.build_for(self._roster.work.data["x"].shape)
        return ensemble


def _seeds_of(seeds: Any, seed: int) -> list[int]:
    if isinstance(seeds, (list, tuple, range)):
        found = [expect_integer("Population", "every one of seeds", one, 0, 2**32 - 1) for one in seeds]
        expect(len(found) > 0 and len(set(found)) == len(found), "Population", "seeds", "different seeds", seeds)
        return found
    count = expect_integer("Population", "seeds", seeds, 1)
    return list(range(seed, seed + count))


def _stopping_of(early_stopping: Any) -> EarlyStopping | None:
    if early_stopping is None or type(early_stopping) is EarlyStopping:
        return early_stopping
    patience = expect_integer("fit", "early_stopping", early_stopping, 0)
    return EarlyStopping(patience=patience, restore_best_weights=True)


def _folds_of(work: Work, folds: Any, groups: Any, split: Any, seed: int) -> list[Fold]:
    """The choices of rows that each start is trained on."""
    given = {"folds": folds, "validation_split": split or None, "validation_data": work.held}
    asked = [name for name, value in given.items() if value is not None]
    if len(asked) > 1:
        raise ArgumentError(f"fit: expected one of {', '.join(given)}, got {' and '.join(asked)}")
    if groups is not None and folds is None:
        raise ArgumentError("fit: expected folds along with groups, got none")
    if folds is not None:
        return cross_validation(work.data["y"], expect_integer("fit", "folds", folds, 2), groups, seed)
    share = expect_number("fit", "validation_split", split, low=0.0)
    expect(share < 1.0, "fit", "validation_split", "a number from 0 up to, but not including, 1", split)
    return holdout(number_of_rows(work.data), number_of_rows(split_last(work.data, share)[1]) if share else 0)
