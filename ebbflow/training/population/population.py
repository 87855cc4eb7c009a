"""Population: many networks, each with its own hyperparameters, seed and rows, trained side by side."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import config
from ...core.errors import ArgumentError
from ...functions.arguments import expect, expect_integer, expect_number
from ...functions.random import seeded
from ...runtime.threads import cores
from ..callbacks import EarlyStopping
from ..callbacks.monitor import direction_of
from ..data import number_of_rows, prepare_rows, prepare_validation, split_last, whole_number
from ..plan import DEFAULT_BATCH_SIZE
from ..progress import verbosity
from ..weights import with_class_weight
from .crew import Crew, Task
from .desk import MemberProgram, Outcome, Start, Work
from .display import Display
from .ensemble import Ensemble
from .folds import Fold, cross_validation, drawn, holdout
from .results import Results, summarized
from .settings import Setting, settings_of
from .structure import portrait

__all__ = ["Population"]


@dataclass(frozen=True)
class Member:
    """One network: the numbers of its setting, seed and fold."""

    setting: int
    seed: int
    fold: int


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
        self._members: list[Member] = []
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
        self._folds = {seed: drawn(given, seed) if bootstrap else given for seed in self.seeds}
        self._work, self._outcomes, self._names = work, {}, {}
        validated = work.held is not None or self._folds[self.seeds[0]][0].validation is not None
        self._monitor, self._mode = monitor or ("val_loss" if validated else "loss"), "min"
        numbers = itertools.product(range(len(self.settings)), self.seeds, range(len(given)))
        self._members = [Member(*one) for one in numbers]
        self._train(work, Display(len(self._members), verbosity("fit", verbose), self._monitor))
        return self

    def _train(self, work: Work, display: Display) -> None:
        workers = min(config.threads() or cores(), len(self._members))

        def note(number: int, outcome: Outcome) -> None:
            self._outcomes[number] = outcome
            display.note(self._row(number))

        try:
            with Crew(workers, work) as crew:
                try:
                    crew.train(self._tasks(work), note)
                except KeyboardInterrupt:
                    crew.take_rest(note)
        finally:
            display.end()

    def _tasks(self, work: Work) -> Iterator[Task]:
        """The members in order, each with its program; models are built one after another as they are needed."""
        programs: dict[Any, MemberProgram] = {}
        built: tuple[int, int] | None = None
        for number, member in enumerate(self._members):
            fold = self._folds[member.seed][member.fold]
            if built != (member.setting, member.seed):
                model = self._built(member, work)
                start, likeness = Start(model), portrait(model)
                built = member.setting, member.seed
            key = likeness, len(fold.train), None if fold.validation is None else len(fold.validation)
            if key not in programs:
                programs[key] = MemberProgram(model, work, fold)
                self._mode = direction_of(self._monitor, model.metrics)
            self._names[number] = programs[key].log_names
            yield Task(number, programs[key], start, fold)

    def _built(self, member: Member, work: Work) -> Any:
        """The model of a member as it begins."""
        setting = self.settings[member.setting]
        with seeded(member.seed):
            model = self.build(setting)
            if not hasattr(model, "compiled") or not model.compiled:
                raise ArgumentError(
                    f"Population: expected build to return a compiled model, got {model!r} for {setting}"
                )
            model.build_for(work.data["x"].shape, work.data["y"])
        return model

    # what came of it

    @property
    def results(self) -> Results:
        """One row a member that is done: setting, hyperparameters, seed, fold, epochs, status, and the logged numbers.

        These are of the epoch that its weights are of, "epoch" (from 0); NaN of members that diverged.
        """
        return Results([self._row(number) for number in sorted(self._outcomes)])

    def _row(self, number: int) -> dict[str, Any]:
        member, outcome, names = self._members[number], self._outcomes[number], self._names[number]
        logs = outcome.history[outcome.epoch] if outcome.epoch >= 0 else np.full(len(names), np.nan)
        row = {"member": number, "setting": member.setting, **self.settings[member.setting]}
        row |= {"seed": member.seed, "fold": member.fold, "status": outcome.status}
        return (
            row | {"epochs": outcome.epochs, "epoch": outcome.epoch} | dict(zip(names, map(float, logs), strict=True))
        )

    def history(self, number: int) -> dict[str, list[float]]:
        """What a member logged, epoch by epoch, by name."""
        outcome = self._outcome(number)
        return {name: outcome.history[:, k].tolist() for k, name in enumerate(self._names[number])}

    def summary(self) -> Results:
        """One row a setting: mean and deviation over its seeds and folds, ranked by the monitored number."""
        names = list(dict.fromkeys(name for names in self._names.values() for name in names))
        if self._monitor not in names:
            raise ArgumentError(f"summary: expected monitor to be one of {', '.join(names)}, got {self._monitor!r}")
        return summarized(list(self.results), [dict(one) for one in self.settings], names, self._monitor, self._mode)

    def model(self, number: int) -> Any:
        """The trained model of a member; raises ArgumentError for one that is not done, or that diverged."""
        outcome = self._outcome(number)
        if outcome.weights is None:
            raise ArgumentError(
                f"Population: member {number} diverged and has no weights; its loss became NaN or infinite"
            )
        model = self._built(self._members[number], self._work)
        model.set_weights(outcome.weights)
        return model

    def _outcome(self, number: int) -> Outcome:
        if number not in self._outcomes:
            raise ArgumentError(
                f"Population: expected the number of a member that is done, got {number!r}; call fit first"
            )
        return self._outcomes[number]

    def ranked(self) -> list[int]:
        """The numbers of the members, best first by the monitored number; without those that diverged."""
        sign = 1.0 if self._mode == "min" else -1.0
        good = [row for row in self.results if row["status"] != "diverged"]
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
        number = next(number for number in ranked if self._members[number].setting == setting)
        if not refit:
            return self.model(number)
        work = self._work
        own = [row["epoch"] + 1 for row in self.results if row["setting"] == setting and row["epoch"] >= 0]
        with seeded(self._members[number].seed):
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
        ensemble.build_for(self._work.data["x"].shape)
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
