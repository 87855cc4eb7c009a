"""CompiledRunner: a plan carried out by one native program, which Python enters a few times a second."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..compile import Program, Step, compile_program, new_table
from ..core.aval import Aval, floatx
from ..core.tensor import Tensor, Traced, trace
from ..lowering.layout import round_up
from ..lowering.program import WORDS
from ..lowering.table import Slot, Status
from ..runtime.memory import allocate
from ..runtime.threads import run_on
from .callbacks import several_numbers
from .columns import Columns, columns_of
from .data import Rows, batch_type, number_of_rows
from .guide import Guide
from .instructions import history_of, instruct, watch
from .plan import Plan
from .runner import CHUNK_SECONDS, Limit, Progress
from .state import Snapshot, State
from .steps import metric_values, structure_of, test_loss, train_loss
from .thread_choice import thread_choice


def program_of(model: Any, key: Any, make: Callable[[], Program]) -> Program:
    """The model's program for this key, made once; a new `compile`, layer, activation or flag makes a new one."""
    variables = tuple((v, v.aval) for v in model.variables), tuple(model.trainable_variables)
    key = (key, model._compilation, variables, structure_of(model))
    programs = model.programs.known
    if key not in programs:
        programs[key] = make()
    return programs[key]


def traced(function: Callable[..., Any], arrays: dict[str, np.ndarray], rows: int, name: str) -> Traced:
    """The function of batches of so many rows of these arrays, as a graph."""
    avals = [(label, Aval((rows, *array.shape[1:]), batch_type(label, array))) for label, array in arrays.items()]
    return trace(function, avals, name)


def type_of(array: np.ndarray) -> tuple[Any, ...]:
    """What of an array is written into the code that reads it."""
    return array.shape[1:], array.dtype, floatx()


def split(rows: int, batch_size: int) -> tuple[int, int, int]:
    """(rows in a whole batch, how many whole batches, rows in the smaller last one)."""
    batch = min(batch_size, rows)
    return batch, rows // batch, rows % batch


def steps_of(rows: int, batch_size: int) -> tuple[int, int]:
    """(how many whole batches, how many steps)."""
    _, whole, tail = split(rows, batch_size)
    return whole, whole + (tail > 0)


class CompiledRunner:
    """Runs a plan as a native program; the meaning is EagerRunner's."""

    def __init__(self, model: Any, plan: Plan):
        self._model = model
        model.reset_metrics()
        self._look_at(plan)
        self._made_for = self._key()
        self._program = program_of(model, self._made_for, self._compile)
        self._run = self._program.function("run")
        self._columns: Columns = self._program.meaning("results")
        self._seconds_per_step = [0.0, 0.0]  # of training, of validation
        self._begin()

    def again(self, plan: Plan) -> bool:
        """Turn to another plan, after `close`, for the same model, whose metrics are as after `reset_metrics`.

        Returns whether the plan is one for the same program; where not, another runner is needed. The model must not
        have become another one meanwhile, but for the values of variables.
        """
        self._look_at(plan)
        if self._key() != self._made_for:
            return False
        self._begin()
        return True

    def _look_at(self, plan: Plan) -> None:
        self._plan = plan
        self._data, self._held = _contiguous(plan.data), _contiguous(plan.validation or {})
        self._arrays = [*self._data.values(), *self._held.values()]
        self._batch, self._whole, _ = split(plan.rows, plan.batch_size)

    def _begin(self) -> None:
        """Memory for the plan, and the table that says what it is."""
        plan, self._model.programs.fitted = self._plan, self._program
        self._state = self._take_state()
        self._history = history_of(plan, len(self._columns))
        self._order = np.arange(plan.rows, dtype=np.int64)
        self._words = allocate(4 * round_up(plan.rows, WORDS)).view(np.uint32)
        self._table = new_table(len(self._arrays))
        self._guide: Guide | None = None
        self._fill_table(self._whole)
        self._threads = thread_choice(self._program)
        self._reported = plan.initial_epoch  # epochs before it ended in earlier runs
        self._snapshot: Snapshot | None = None
        self._non_finite: tuple[int, int] | None = None

    def _take_state(self) -> State:
        """The memory of the last fit if it suits, else new memory; `close` gives it back."""
        programs, stopping = self._model.programs, self._plan.early_stopping
        keeps_best = stopping is not None and stopping.restore_best_weights
        state, programs.state = programs.state, None
        if state is not None and state.program is self._program and state.keeps_best >= keeps_best:
            return state
        return State(self._program, keeps_best)

    # compiling
    def _key(self) -> Any:
        plan = self._plan
        types = tuple(map(type_of, self._arrays))
        test = split(number_of_rows(plan.validation), plan.validation_batch_size) if plan.validation else (0, 0, 0)
        return "fit", types, tuple(self._data), plan.checked, self._batch, plan.rows % self._batch, test[0], test[2]

    def _compile(self) -> Program:
        steps, batch_sizes = fit_steps(self._model, self._plan, self._data, self._held)
        return compile_program(steps, self._model.weights, batch_sizes)

    # the table
    def _fill_table(self, whole: int) -> None:
        plan, table = self._plan, self._table
        validation = (
            steps_of(number_of_rows(plan.validation), plan.validation_batch_size) if plan.validation else (0, 0)
        )
        instruct(
            table,
            epochs=(plan.initial_epoch, plan.epochs),
            rows=plan.rows,
            steps=(whole, plan.steps_per_epoch),
            validation=validation,
            order=self._order,
            words=self._words,
            history=self._history,
            shuffle=plan.shuffle,
            shuffle_state=plan.shuffle_state,
            arrays=self._arrays,
        )
        if plan.early_stopping is not None:
            names = self._column_names()
            if plan.early_stopping.monitor not in names:
                raise several_numbers(plan.early_stopping.monitor)
            watch(table, plan.early_stopping, names)
        if plan.is_plain:
            if plan.shuffle:
                self._program.shuffle(table)
        else:
            table[Slot.SHUFFLE] = 0
            self._guide = Guide(plan, self._program, table, self._order, whole, validation)

    def _column_names(self) -> tuple[str, ...]:
        names = self._columns.names
        return names if self._plan.validation is None else names + tuple(f"val_{name}" for name in names)

    # running
    def run(self, limit: Limit) -> Progress:
        """Go on for about CHUNK_SECONDS, but not past the end of an epoch ("epoch") or of a step ("step")."""
        table = self._table
        self._reported = int(table[Slot.EPOCH])
        if self._state.load() or limit != "chunk":  # a callback may also have changed the data
            self._snapshot = None
        if table[Slot.STATUS] == Status.PAUSED:
            table[Slot.STATUS] = Status.RUNNING
        table[Slot.PAUSE] = int(limit != "chunk" or self._guide is not None)
        until = time.perf_counter() + CHUNK_SECONDS
        while table[Slot.STATUS] == Status.RUNNING:
            self._enter(until, limit)
            if limit == "step" and table[Slot.PART] == 0:
                break
            if self._is_about_to_validate():
                break
            if limit != "step" and time.perf_counter() >= until:
                break
        if table[Slot.STATUS] == Status.NOT_FINITE:
            self._undo()
        return self.progress()

    def _enter(self, until: float, limit: Limit) -> None:
        """One call of native code: as many steps as seem to fit, the first calls few."""
        table, guide = self._table, self._guide
        if guide is not None and guide.lead():
            self._snapshot = None
        self._take_snapshot()
        part = int(table[Slot.PART])
        known = self._seconds_per_step[part]
        left = max(until - time.perf_counter(), 0.0)
        budget = int(left / known) + 1 if known else 1
        is_new = not all(self._seconds_per_step) and self._plan.validation is not None
        if is_new or self._plan.announces:
            budget = min(budget, self._steps_left(part))  # steps of the other part may take longer
        threads, most = self._threads.choose(known) if part == 0 else (self._threads.present, 1 << 60)
        if guide is not None and part == 0:
            most = min(most, guide.steps_left())
        table[Slot.BUDGET] = 1 if limit == "step" and part == 0 else min(budget, most)
        before, start = int(table[Slot.TOTAL]), time.perf_counter()
        self._state.is_stored = False
        run_on(threads, self._run, self._state.arena.ctypes.data, table.ctypes.data)
        seconds, done = time.perf_counter() - start, int(table[Slot.TOTAL]) - before
        if done and not (part == 1 and guide is not None and guide.skips):
            self._seconds_per_step[part] = seconds / done
            if part == 0:
                self._threads.note(threads, seconds, done)

    def _is_about_to_validate(self) -> bool:
        """Whether the callbacks are to hear of the validation that comes next."""
        table, plan = self._table, self._plan
        begins = plan.announces and table[Slot.PART] == 1 and table[Slot.STEP] == 0
        return bool(begins) and plan.validates(int(table[Slot.EPOCH]))

    def _steps_left(self, part: int) -> int:
        table = self._table
        return int(table[Slot.VALIDATION_STEPS if part else Slot.STEPS] - table[Slot.STEP])

    def _take_snapshot(self) -> None:
        """A state of not long ago; from it steps are repeated to undo one whose loss is bad."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self._state, self._table)
        elif time.perf_counter() >= self._snapshot.until:
            self._snapshot.renew()

    def _undo(self) -> None:
        """Go back to the state before the step whose loss was not finite, by repeating the steps up to it.

        If the user's data changed in between, the repetition may end earlier, at the last finite step that it finds.
        """
        assert self._snapshot is not None
        table = self._table
        self._non_finite = int(table[Slot.EPOCH]), int(table[Slot.STEP]) - 1
        total = int(table[Slot.TOTAL]) - 1
        self._snapshot.restore()
        self._program.shuffle(table)
        table[Slot.PAUSE], table[Slot.BUDGET] = 0, total - int(table[Slot.TOTAL])
        run_on(1, self._run, self._state.arena.ctypes.data, table.ctypes.data)
        table[Slot.STATUS] = Status.NOT_FINITE

    def end_epoch(self) -> Progress:
        """End the present epoch where it is: its metrics, its validation, and the early stopping's say."""
        table, state = self._table, self._state
        self._reported = epoch = int(table[Slot.EPOCH])
        state.load()
        self._snapshot = None
        table[Slot.STATUS], table[Slot.EPOCHS] = Status.RUNNING, epoch + 1
        if table[Slot.PART] == 0:
            self._history[epoch, : len(self._columns)] = self._running_numbers()
            state.is_stored = False
            self._call("reset")
            table[Slot.STEP] = table[Slot.FIRST] = 0
            table[Slot.PART] = int(self._plan.validation is not None)
        if table[Slot.PART] == 0:
            self._program.end_epoch(state.arena, table)
        while table[Slot.STATUS] == Status.RUNNING:
            self._enter(time.perf_counter() + CHUNK_SECONDS, "chunk")
        return self.progress()

    def progress(self) -> Progress:
        """Where the fit is, with the epochs that ended in the last run."""
        plan, table = self._plan, self._table
        epoch, step = int(table[Slot.EPOCH]), int(table[Slot.STEP])
        finished = [(number, self._logs_of(number)) for number in range(self._reported, epoch)]
        status = Status(int(table[Slot.STATUS]))
        logs = dict(finished[-1][1]) if finished else {}
        if table[Slot.PART] == 1:  # its metrics are in the history, those of the validation are being gathered
            logs = self._columns.logs(self._history[epoch, : len(self._columns)])
            step = int(table[Slot.STEPS])
        elif step:
            logs = self._running_logs()
        elif finished:
            logs = {name: logs[name] for name in self._columns.metrics}
            epoch, step = epoch - 1, plan.steps_per_epoch
        done = status not in (Status.RUNNING, Status.PAUSED)
        self._note_early_stopping(status, done)
        measuring = self._is_about_to_validate()
        return Progress(epoch, step, plan.steps_per_epoch, logs, finished, done, self._non_finite, measuring)

    def _logs_of(self, epoch: int) -> dict[str, Any]:
        """What an epoch that ended has in the history."""
        row, count = self._history[epoch], len(self._columns)
        logs = self._columns.logs(row[:count])
        return logs | self._columns.logs(row[count:], "val_") if self._plan.validates(epoch) else logs

    def _running_logs(self) -> dict[str, Any]:
        """The metrics of the epoch so far."""
        return self._columns.logs(self._running_numbers())

    def _running_numbers(self) -> list[float]:
        """The same as a row of numbers, computed by the program's own function, which changes no state."""
        self._call("results")
        return [float(value) for value in self._program.results("results", self._state.arena)]

    def _call(self, name: str) -> None:
        self._program.function(name)(self._state.arena.ctypes.data, self._table.ctypes.data, 0, 1)

    def _note_early_stopping(self, status: Status, done: bool) -> None:
        """Leave the callback as if it had been asked after every epoch."""
        stopping = self._plan.early_stopping
        if stopping is None or not self._table[Slot.HAVE_BEST]:
            return
        table, floats = self._table, self._table.view(np.float64)
        best = floats[Slot.BEST]
        stopping.best = None if np.isposinf(best) else float(best * floats[Slot.SIGN])
        stopping.best_epoch, stopping.wait = int(table[Slot.BEST_EPOCH]), int(table[Slot.WAIT])
        if status == Status.STOPPED_EARLY:
            stopping.stopped_epoch = int(table[Slot.STOPPED_EPOCH])
            self._model.stop_training = True

    def sync(self) -> None:
        """Make the model's variables hold the present state."""
        self._state.store()
        self._note_best_weights()

    def _note_best_weights(self) -> None:
        stopping = self._plan.early_stopping
        if stopping is not None and stopping.restore_best_weights and self._table[Slot.HAVE_BEST]:
            stopping.best_weights = self._state.values(self._model.weights, self._program.blueprint.best)

    def close(self) -> None:
        """Free what belongs to the plan; the program's memory waits for the next fit."""
        self._model.programs.state = self._state
        del self._plan, self._data, self._held, self._arrays, self._history, self._order, self._words
        del self._table, self._guide, self._snapshot


def _contiguous(rows: Rows) -> Rows:
    return {name: np.ascontiguousarray(array) for name, array in rows.items()}


def _loss_of_finite(model: Any, *arrays: Tensor) -> Tensor:
    """The loss of a training step; NaN if what it reads is not finite, whatever the layers make of it."""
    loss = train_loss(model, *arrays)
    for batch in arrays:
        if batch.aval.is_float:
            loss = loss + (batch - batch).sum().astype(loss.dtype)
    return loss


def _tested(model: Any, *batch: Tensor) -> None:
    test_loss(model, *batch)


def fit_steps(model: Any, plan: Plan, data: Rows, held: Rows) -> tuple[dict[str, Step], tuple[int, int]]:
    """All steps of a fit on these rows, validated on those held out, if any; and how many rows each has in a batch."""
    batch, _, tail = split(plan.rows, plan.batch_size)
    steps, test_batch = training_steps(model, data, batch, tail, plan.checked), 1
    if held:
        test_batch, _, test_tail = split(number_of_rows(held), plan.validation_batch_size)
        steps |= test_steps(model, held, test_batch, test_tail)
    return steps | metric_steps(model), (batch, test_batch)


def training_steps(model: Any, data: Rows, batch: int, tail: int, checked: bool) -> dict[str, Step]:
    """The steps on a whole batch, and on the smaller last one if any."""
    types = [array.dtype for array in data.values()]
    train = partial(train_loss if checked else _loss_of_finite, model)
    steps = {"step": Step(traced(train, data, batch, "step"), types, shuffled=True)}
    if tail:
        steps["step_tail"] = Step(traced(train, data, tail, "step_tail"), types, shuffled=True)
    return steps


def test_steps(model: Any, data: Rows, batch: int, tail: int, chosen: bool = False) -> dict[str, Step]:
    """The same of a validation; chosen: whether its rows are read by number."""
    types = [array.dtype for array in data.values()]
    steps = {"test": Step(traced(partial(_tested, model), data, batch, "test"), types, shuffled=chosen)}
    if tail:
        steps["test_tail"] = Step(traced(partial(_tested, model), data, tail, "test_tail"), types, shuffled=chosen)
    return steps


def metric_steps(model: Any) -> dict[str, Step]:
    """The steps that compute the metrics, as numbers whose meaning is their `Columns`, and that reset them."""
    found: list[Columns] = []

    def results() -> list[Tensor]:
        columns, numbers = columns_of(metric_values(model))
        found.append(columns)
        return numbers

    traced = trace(results, [], "results")
    return {
        "results": Step(traced, meaning=found[0]),
        "reset": Step(trace(model.reset_metrics, [], "reset")),
    }
