"""Desks: where a worker trains one member after another, each from its start to its end, in native code."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from ...compile import new_table, view
from ...core.variable import Variable
from ...lowering.layout import round_up
from ...lowering.program import WORDS
from ...lowering.table import Slot, Status
from ...optimizers import Optimizer
from ...runtime.memory import allocate
from ..compiled import steps_of
from ..instructions import instruct, watch
from ..runner import CHUNK_SECONDS
from .draws import computed, follows, is_zero
from .folds import Fold
from .program import KEPT_SLOTS, MemberProgram, Work

__all__ = ["Desk", "Outcome", "Paused", "Start"]


class Start:
    """A built model, as members begin with it: those of one setting and seed.

    Parameters: the model, and all its variables, as `variables_of` lists them.

    Attributes:
        values: of the variables, or what they will be computed from.
        shuffle_state: as of Plan.
    """

    def __init__(self, model: Any, variables: list[Variable]):
        self.model, self._variables, self._lock = model, variables, Lock()
        self.values: list[Any] = [variable.deferred or variable.held.numpy() for variable in variables]
        self.shuffle_state = np.array(model.shuffle_state.numpy())

    @property
    def finishes_itself(self) -> bool:
        """Whether its optimizer has the last word about the weights."""
        optimizer = self.model.optimizer
        own = type(optimizer).finalize_variable_values is not Optimizer.finalize_variable_values
        return own or optimizer.use_ema

    def finished(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """The weights after the optimizer's last word, when its variables have these values."""
        with self._lock:
            for variable, value in zip(self._variables, values, strict=True):
                variable.assign(computed(value))
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
            return self.model.get_weights()


class Paused(NamedTuple):
    """A member between two epochs, all in arrays, to be put away.

    Attributes:
        memory: what of the arena lives on; best: the copy of the best weights, empty if there is none.
        table: of the program.
        history: with room for all epochs.
        mark: of the program that paused; another one's memory has other places.
    """

    memory: np.ndarray
    best: np.ndarray
    table: np.ndarray
    history: np.ndarray
    mark: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """What became of a member.

    Attributes:
        status: "finished", "stopped early", "diverged" (its loss became NaN or infinite), "paused" or "dropped".
        epochs: how many ended.
        epoch: the one that its weights are of, from 0; -1 if there is none.
        names: of the logged numbers.
        history: float64 (epochs, logged numbers).
        weights: None of a member that diverged before any epoch counted.
        paused: what it goes on from, if it is paused.
    """

    status: str
    epochs: int
    epoch: int
    names: tuple[str, ...]
    history: np.ndarray
    weights: list[np.ndarray] | None
    paused: Paused | None = None


class Desk:
    """Memory for one member at a time."""

    def __init__(self, program: MemberProgram, work: Work):
        self._program, self._code, self._work = program, program.code, work
        native, stopping = program.code.program, program.stopping
        self._arena = native.new_arena(stopping is not None and stopping.restore_best_weights)
        self._order = np.empty(program.rows, np.int64)
        self._words = allocate(4 * round_up(program.rows, WORDS)).view(np.uint32)
        held = work.held or work.data
        self._arrays = [*work.data.values(), *(held.values() if program.validation_rows else ())]
        self._unused = new_table(0)  # what drawing is told: nothing
        self._own_order = np.arange(program.validation_rows, dtype=np.int64)  # of rows that all are validated on
        self._run, self._draw, self._shuffle = native.function("run"), native.function("draw"), native.shuffle
        blueprint = native.blueprint
        self._kept, self._best = self._arena[: blueprint.kept], self._arena[blueprint.best :][: blueprint.weights[1]]

    def train(
        self,
        start: Start,
        fold: Fold,
        until: int,
        pause: Callable[[], Paused] | None = None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> Outcome | None:
        """Train a member up to before this epoch, from where `pause` says; None if it was over before that was done."""
        paused = None if pause is None else pause()
        if paused is not None and not np.array_equal(paused.mark, self._code.mark):
            paused = None  # of another machine or version: it comes to the same from the start
        if paused is None:
            history = np.zeros((self._work.epochs, len(self._code.log_names)))
            self._begin(start.values)
        else:
            history = paused.history.copy()
            self._kept[:], self._best[:] = paused.memory, paused.best
        table = self._table(start, fold, history, until, paused)
        while table[Slot.STATUS] == Status.RUNNING:
            if is_over():
                return None
            self._go_on(table)
        return self._outcome(start, table, history)

    def _begin(self, values: list[Any]) -> None:
        """Give the variables these values."""
        drawn = {place for place, (rule, _) in self._code.drawn.items() if follows(values[place], rule)}
        for place in drawn:
            self._set(self._code.drawn[place][1], values[place].state.numpy())
        self._draw(self._arena.ctypes.data, self._unused.ctypes.data, 0, 1)
        for place, buffer in self._code.places:
            if is_zero(values[place]):  # as most slots are, in any layout
                self._arena[buffer.offset : buffer.offset + buffer.nbytes] = 0
            elif place not in drawn:
                self._set(buffer, computed(values[place]))

    def _set(self, buffer: Any, value: np.ndarray) -> None:
        buffer.layout.pack(value, view(self._arena, buffer))

    def _table(self, start: Start, fold: Fold, history: np.ndarray, until: int, paused: Paused | None) -> np.ndarray:
        program, work = self._program, self._work
        table = new_table(len(self._arrays))
        self._order[:] = fold.train
        validates = program.validation_rows > 0
        instruct(
            table,
            epochs=(0, until),
            rows=program.rows,
            steps=steps_of(program.rows, work.batch_size),
            validation=steps_of(program.validation_rows, work.validation_batch_size) if validates else (0, 0),
            order=self._order,
            words=self._words,
            history=history,
            shuffle=work.shuffle,
            shuffle_state=start.shuffle_state,
            arrays=self._arrays,
        )
        table[Slot.CHOSEN] = fold.train.ctypes.data
        validation = self._own_order if work.held is not None or fold.validation is None else fold.validation
        table[Slot.VALIDATION_ORDER] = validation.ctypes.data
        if program.stopping is not None:
            watch(table, program.stopping, self._code.log_names)
        if paused is not None:
            table[KEPT_SLOTS] = paused.table[KEPT_SLOTS]
        self._shuffle(table)
        return table

    def _go_on(self, table: np.ndarray) -> None:
        """One call of native code, of about a chunk's time."""
        known = self._code.seconds_per_step
        table[Slot.BUDGET] = max(int(CHUNK_SECONDS / known), 1) if known else 1
        before, began = int(table[Slot.TOTAL]), time.perf_counter()
        self._run(self._arena.ctypes.data, table.ctypes.data, 0, 1)
        done = int(table[Slot.TOTAL]) - before
        self._code.seconds_per_step = (time.perf_counter() - began) / max(done, 1)

    def _outcome(self, start: Start, table: np.ndarray, history: np.ndarray) -> Outcome:
        status, stopping = Status(int(table[Slot.STATUS])), self._program.stopping
        epochs, names = int(table[Slot.EPOCH]), self._code.log_names
        words = {Status.FINISHED: "finished", Status.STOPPED_EARLY: "stopped early", Status.NOT_FINITE: "diverged"}
        if stopping is not None and stopping.restore_best_weights and table[Slot.HAVE_BEST]:
            epoch, weights = int(table[Slot.BEST_EPOCH]), self._weights(start, self._code.program.blueprint.best)
        elif status == Status.NOT_FINITE:
            epoch, weights = -1, None
        elif start.finishes_itself:
            epoch, weights = epochs - 1, start.finished(self._values(start, self._code.places))
        else:
            epoch, weights = epochs - 1, self._weights(start)
        if status != Status.FINISHED or epochs == self._work.epochs:
            return Outcome(words[status], epochs, epoch, names, history[:epochs].copy(), weights)
        paused = Paused(self._kept.copy(), self._best.copy(), table.copy(), history, self._code.mark)
        return Outcome("paused", epochs, epoch, names, history[:epochs].copy(), weights, paused)

    def _weights(self, start: Start, shift: int = 0) -> list[np.ndarray]:
        """The present weights, or the copy of them that lies `shift` bytes further on."""
        wanted = set(self._code.weights)
        places = [(place, buffer) for place, buffer in self._code.places if place in wanted]
        values = self._values(start, places, shift)
        return [computed(values[place]) for place in self._code.weights]

    def _values(self, start: Start, places: list[tuple[int, Any]], shift: int = 0) -> list[np.ndarray]:
        """The values of all variables: at these places as they lie in memory, at others as they began."""
        values: list[Any] = list(start.values)
        for place, buffer in places:
            first = buffer.offset + shift
            memory = self._arena[first : first + buffer.nbytes].view(buffer.aval.dtype)
            values[place] = buffer.layout.unpack(memory)
        return values
