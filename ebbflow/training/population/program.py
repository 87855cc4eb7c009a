"""Programs of members: the native code that trains those of one structure, and what of it is one population's."""

import hashlib
from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...compile import Program, compile_program
from ...core.errors import ArgumentError
from ...core.variable import Variable
from ...lowering.table import Slot
from ...version import __version__
from ..callbacks import EarlyStopping, unknown_monitor
from ..compiled import metric_steps, split, test_steps, training_steps, type_of
from ..data import Rows
from .draws import Draws
from .folds import Fold
from .kept import is_own, kept
from .structure import variables_of

__all__ = ["KEPT_SLOTS", "MemberCode", "MemberProgram", "Work"]

Batch = tuple[int, int]  # rows of a step, and of the smaller last one, 0 if there is none

# of a table, what a paused member goes on with; the rest is written again
KEPT_SLOTS = [
    *(Slot.EPOCH, Slot.TOTAL, Slot.HAVE_BEST, Slot.BEST, Slot.BEST_EPOCH, Slot.WAIT, Slot.STOPPED_EPOCH),
]


@dataclass(frozen=True)
class Work:
    """What all members do.

    Attributes:
        data: all rows, from which the folds choose; held: rows that all members are validated on instead.
        batch_size, validation_batch_size: rows per step.
        epochs: how many at most.
        shuffle: whether rows are visited in a random order.
        stopping: an EarlyStopping for each member, or None.
    """

    data: Rows
    held: Rows | None
    batch_size: int
    validation_batch_size: int
    epochs: int
    shuffle: bool
    stopping: EarlyStopping | None

    def validation_rows(self, fold: Fold) -> int:
        """How many rows a member is validated on."""
        if self.held is not None:
            return len(self.held["x"])
        return 0 if fold.validation is None else len(fold.validation)


class MemberProgram:
    """The program for members of one structure and the same numbers of rows.

    Parameters: the model of one of them, its portrait, what all do, and the rows of one.

    Attributes:
        code: what runs.
        stopping: what decides when a member ends early, None if nothing does.
    """

    def __init__(self, model: Any, likeness: Hashable, work: Work, fold: Fold):
        variables = variables_of(model)
        draws = Draws(variables)
        self.rows, self.validation_rows = len(fold.train), work.validation_rows(fold)
        batch = _batch_of(self.rows, work.batch_size)
        test_batch = _batch_of(self.validation_rows, work.validation_batch_size) if self.validation_rows else None

        def make() -> MemberCode:
            return MemberCode(model, variables, draws, work, batch, test_batch)

        key = likeness, tuple(draws.rules.items()), _types(work.data), _types(work.held or {}), batch, test_batch
        can_be_kept = is_own(likeness) and not _lacks_values(variables)
        self.code = kept(key, make) if can_be_kept else make()
        self.stopping = self._stopping(model, work)

    def _stopping(self, model: Any, work: Work) -> EarlyStopping | None:
        if work.stopping is None:
            return None
        stopping, names = copy(work.stopping), self.code.log_names
        if stopping.monitor not in names:
            raise unknown_monitor(stopping.monitor, names)
        stopping.set_model(model)
        stopping.decide_direction()
        stopping.set_model(None)
        return stopping


def _batch_of(rows: int, batch_size: int) -> Batch:
    batch, _, tail = split(rows, batch_size)
    return batch, tail


def _types(rows: Rows) -> Hashable:
    return tuple((name, type_of(array)) for name, array in rows.items())


def _lacks_values(variables: Sequence[Variable]) -> bool:
    """Whether a variable begins as NaN: its layer was not given what it needs, which it says when it is traced."""
    there = (one for one in variables if one.deferred is None and one.aval.is_float)
    return any(np.isnan(one.held.numpy()).any() for one in there)


class MemberCode:
    """Native code for members of one structure, on rows of the same types and numbers.

    It knows no model, data or variable, only their places, so that it can serve several populations.

    Parameters:
        model, variables, draws: one of the members, and all its variables, as `variables_of` lists them.
        work: what they do; of its rows, only the types count.
        batch, test_batch: of the training, and of the validation if there is one.

    Attributes:
        program: with the loop `run`, and with `draw`, which makes first values.
        places: for each variable that the steps use, its place among those of a model, and where it lives.
        weights: the places of the weights.
        drawn: for each place whose first value `draw` makes, the rule of the value, and where its state lives.
        log_names: of the columns of the history.
        mark: of where everything lies in memory, uint8.
        seconds_per_step: as last measured, 0 before.
    """

    def __init__(
        self,
        model: Any,
        variables: list[Variable],
        draws: Draws,
        work: Work,
        batch: Batch,
        test_batch: Batch | None,
    ):
        steps = training_steps(model, work.data, *batch, True)
        if test_batch is not None:
            steps |= test_steps(model, work.held or work.data, *test_batch, chosen=True)
        steps |= metric_steps(model) | {"draw": draws.step()}
        program = compile_program(steps, model.weights, (batch[0], test_batch[0] if test_batch else 1))
        self.places = _places(program, variables, draws)
        self.weights = [variables.index(weight) for weight in model.weights]
        self.drawn = {place: (draws.rules[place], program.variables[state]) for place, state in draws.states.items()}
        names = program.meaning("results").names
        self.log_names = names + tuple(f"val_{name}" for name in names) if test_batch else names
        self.program = program.without_steps()
        self.mark = self._mark()
        self.seconds_per_step = 0.0

    def _mark(self) -> np.ndarray:
        """A digest; without the names of variables, which count on from model to model."""
        blueprint = self.program.blueprint
        constants = [(buffer.offset, buffer.layout, value.tobytes()) for buffer, value in blueprint.constants]
        variables = [(place, buffer.offset, buffer.layout, buffer.dtype) for place, buffer in self.places]
        told = __version__, KEPT_SLOTS, blueprint.kept, blueprint.weights, constants, variables
        return np.frombuffer(hashlib.sha256(repr(told).encode()).digest(), np.uint8)


def _places(program: Program, variables: list[Variable], draws: Draws) -> list[tuple[int, Any]]:
    """For each variable of a program but the states of draws, its place among those of a model, and where it lives."""
    places = {variable: place for place, variable in enumerate(variables)}
    own = set(draws.states.values())
    used = {variable: buffer for variable, buffer in program.variables.items() if variable not in own}
    for variable in used:
        if variable not in places:
            raise ArgumentError(
                "Population: expected the variables of a step to belong to layers, optimizer, loss or metrics, "
                f"got {variable.name}, which all members would share; make it an attribute of a layer"
            )
    return [(places[variable], buffer) for variable, buffer in used.items()]
