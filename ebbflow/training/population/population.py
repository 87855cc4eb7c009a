"""Population: many networks, each with its own hyperparameters, seed and rows, trained side by side."""

import contextlib
import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import config
from ...core.errors import ArgumentError
from ...functions.arguments import expect, expect_integer, expect_number
from ...functions.random import seeded
from ...placement import expect_processor
from ...runtime.threads import cores
from ..callbacks import EarlyStopping, unknown_monitor
from ..callbacks.monitor import direction_of
from ..data import number_of_rows, prepare_rows, prepare_validation, split_last, whole_number
from ..ensemble import Ensemble
from ..plan import DEFAULT_BATCH_SIZE
from ..progress import verbosity
from ..weights import with_class_weight
from .archive import Archive, Record
from .away import Away
from .checkpoint import Checkpoint
from .contest import Contest, row_of
from .crew import Crew
from .display import Display
from .folds import Fold, cross_validation, holdout
from .limit import TimeIsUp, deadline_of, limited
from .optuna import Optuna
from .program import Work
from .results import Results, summarized
from .roster import Member, Roster
from .search import SuccessiveHalving
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
        memory: bytes of weights, histories and states of paused members that may lie in memory, by default 2**30; what
            is more lies in the folder of a checkpoint, or in a temporary file, which is gone with the population or the
            process (in /var/tmp, or where TMPDIR says), and is read when it is asked for.

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
        memory: int = 2**30,
    ):
        expect(callable(build), "Population", "build", "a function of a setting that returns a compiled model", build)
        self.seed = expect_integer("Population", "seed", seed, 0, 2**32 - 1)
        self.build = build
        self.settings = settings_of(grid, random, members, self.seed)
        self._is_open = grid is None and random is None and members is None
        self.seeds = _seeds_of(seeds, self.seed)
        self.memory = expect_integer("Population", "memory", memory, 0)
        self._outcomes = Archive(self.memory)

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
        search: SuccessiveHalving | Optuna | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        executor: Any = None,
        seconds: float | None = None,
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
                go on do so as if they had not. Or Optuna, to have settings proposed in the light of those before.
            checkpoint: a folder in which members that are done or pause are kept; a fit that was killed, called again
                with the same arguments, trains only what is left.
            executor: a `concurrent.futures.Executor`, or with its interface (Dask's, MPI's), whose workers train the
                members instead; build must be a function of a module, which they can import, or any if cloudpickle is
                installed here and there.
            seconds: after which no member begins and none is waited for: it ends as by Ctrl-C, and says so.

        Raises ArgumentError or ShapeError for what does not fit, before any member is trained, and OSError where a disk
        is full; members that were done by then are kept.
        """
        expect_processor("Population.fit")
        deadline = deadline_of(seconds)
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
        if isinstance(search, Optuna):
            if not self._is_open:
                raise ArgumentError(
                    "fit: expected a Population without grid, random and members, as Optuna proposes its settings, got "
                    f"one of {len(self.settings)} settings; leave them out, or give another search"
                )
            self.settings = [search.example(self.seed)]
        numbers = itertools.product(range(len(self.settings)), self.seeds, range(len(given)))
        roster = Roster(self.build, self.settings, [Member(*one) for one in numbers], given, bool(bootstrap), work)
        monitor = self._look_at(roster, monitor, begins=executor is None and not isinstance(search, Optuna))
        folder = None if checkpoint is None else Checkpoint(checkpoint, roster, search, monitor)
        self._roster, self._outcomes = roster, Archive(self.memory, folder)
        if isinstance(search, Optuna):
            search.begin(self.seed, self._mode, checkpoint)
            self.settings = roster.settings
        size = len(roster.members) * (search.trials if isinstance(search, Optuna) else 1)
        display = Display(size, verbosity("fit", verbose), monitor)
        workers = min(config.threads() or cores(), size)
        crew = Crew(workers, roster) if executor is None else Away(executor, roster, deadline)
        try:
            in_time = self._train(search, crew, Contest(roster, self._outcomes, monitor, self._mode, display), deadline)
        finally:
            display.end()
        if not in_time and verbosity("fit", verbose):
            done = sum(record.status != "paused" for record in self._outcomes.values())
            print(f"fit: its {seconds:g} seconds are over; {done} of {size} networks are done and kept", flush=True)
        return self

    def _look_at(self, roster: Roster, monitor: str | None, begins: bool) -> str:
        """Find what to monitor, which the first model tells, and let the training begin with this if so it does."""
        first = roster.model(0)
        validated = roster.work.held is not None or roster.fold(0).validation is not None
        logged = [*first.metrics_names, *(f"val_{name}" for name in first.metrics_names if validated)]
        monitor = monitor or ("val_loss" if validated else "loss")
        if monitor.partition("[")[0] not in logged:  # which numbers a metric of several has, the first member will tell
            raise unknown_monitor(monitor, logged, "fit")
        self._monitor, self._mode = monitor, direction_of(monitor, first.metrics)
        if begins:
            roster.begin_with(first)
        return monitor

    def _train(self, search: Any, crew: Any, contest: Contest, deadline: float | None) -> bool:
        """Train the members; returns whether there was time for all."""
        with crew, limited(deadline, crew.interrupt):
            try:
                contest.run(search, crew)
            except (KeyboardInterrupt, TimeIsUp) as reason:
                with contextlib.suppress(TimeIsUp):
                    crew.take_rest(contest.note)
                return not isinstance(reason, TimeIsUp)
        return True

    # what came of it

    @property
    def results(self) -> Results:
        """One row a member that is done: setting, hyperparameters, seed, fold, epochs, status, and the logged numbers.

        These are of the epoch that its weights are of, "epoch" (from 0); NaN of members that diverged.
        """
        return Results([row_of(self._roster, self._outcomes, number) for number in sorted(self._outcomes)])

    def history(self, number: int) -> dict[str, list[float]]:
        """What a member logged, epoch by epoch, by name."""
        names, history = self._record(number).names, self._outcomes.history(number)
        return {name: history[:, k].tolist() for k, name in enumerate(names)}

    def summary(self) -> Results:
        """One row a setting: mean and deviation over its seeds and folds, ranked by the monitored number."""
        names = list(dict.fromkeys(name for record in self._outcomes.values() for name in record.names))
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
        self._record(number)
        weights = self._outcomes.weights(number)
        if weights is None:
            raise ArgumentError(
                f"Population: member {number} diverged and has no weights; its loss became NaN or infinite"
            )
        return weights

    def _record(self, number: int) -> Record:
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
