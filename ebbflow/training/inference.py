"""Measuring and predicting with native code."""

import threading
from collections import deque
from functools import partial
from math import isqrt
from typing import Any

import numpy as np

from .. import config
from ..compile import Program, Step, compile_program, new_table
from ..layers.belongings import structure_changes, structure_parts
from ..lowering.table import Slot
from ..placement import chosen
from ..runtime.threads import cores, run_on
from .compiled import metric_steps, program_of, split, test_steps, traced, type_of
from .data import Rows
from .finite import Lookout, all_finite
from .state import State
from .steps import row_outputs

BATCH_SIZE = 256  # large enough for the products, small enough for the cache
WAKING = 4_000_000  # multiplications and additions that take longer than to wake a thread
PIECE = 2_000_000_000  # of them, about 0.05 s: what a thread does before Ctrl-C is looked for
SPARE_BYTES = 1 << 24  # what threads may take for memory of their own, however small the data
SMALL = 1 << 14  # bytes that are copied in less time than their address is asked for

NOTHING_LEFT = Lookout("predict", {})  # all rows were looked at before
WHOLE = object()  # all rows as one batch, whatever their number


def threads_for(flops: int) -> int:
    """How many threads share so many multiplications and additions: they have to be woken, one after the other.

    n threads take flops / n + n WAKING, which is least for n = sqrt(flops / WAKING).
    """
    if flops < 4 * WAKING:
        return 1
    return min(config.threads() or cores(), isqrt(flops // WAKING))


class Batches:
    """A program with memory of its own, that does a step for every batch of some rows."""

    def __init__(self, program: Program, step: str, batch: int, whole: int, tail: int):
        self.program, self.state, self.table = program, State(program), new_table(3)
        self._address = self.state.arena.ctypes.data, self.table.ctypes.data
        self._made = program, step, batch, whole, tail
        self._batch, self.count, self.flops = batch, whole + (tail > 0), program.blueprint.flops[step]
        self.leaves_state = bool(
            program._steps[step].traced.updated
        )  # random numbers, that the next batch goes on with
        self._step = program.function(step)
        self._last = program.function(f"{step}_tail") if tail else self._step

    def take(self, *arrays: np.ndarray) -> None:
        """Work on these arrays from here on."""
        for k, array in enumerate(arrays):
            self.table[Slot.DATA + k] = array.ctypes.data

    def do(self, k: int, lookout: Lookout, threads: int) -> None:
        """The step on the k-th batch, looked at before."""
        lookout.reach((k + 1) * self._batch)
        self.table[Slot.FIRST] = k * self._batch
        step = self._step if k < self.count - 1 else self._last
        if threads == 1:
            step(*self._address, 0, 1)
        else:
            run_on(threads, step, *self._address)

    def run(self, lookout: Lookout) -> None:
        """The step on every batch in turn, whose panels the threads share."""
        threads = threads_for(self.flops)
        for k in range(self.count):
            self.do(k, lookout, threads)

    def twin(self) -> "Batches":
        """The same with other memory."""
        return Batches(*self._made)

    def call(self, name: str) -> None:
        self.program.function(name)(*self._address, 0, 1)


class _Crew:
    """Who does batches that do not depend on each other.

    Where there are many, every thread does whole ones, with memory of its own; else all threads share each one.
    """

    def __init__(self, batches: Batches):
        self._members = [batches]

    def run(self, lookout: Lookout, *arrays: np.ndarray) -> None:
        """The step on every batch of these arrays."""
        members = self._members_for(sum(array.nbytes for array in arrays))
        for member in members:
            member.state.load()
            member.take(*arrays)
        if len(members) == 1:
            members[0].run(lookout)
        else:
            _run_apart(members, lookout)

    def run_alone(self, lookout: Lookout) -> None:
        """The step on every batch of the arrays that were taken before."""
        first = self._members[0]
        first.state.load()
        first.run(lookout)

    def _members_for(self, nbytes: int) -> list[Batches]:
        """One for each thread if the batches divide evenly enough, and if their memory is not more than the data's."""
        first = self._members[0]
        if first.leaves_state:
            return self._members[:1]
        threads = threads_for(first.flops * first.count)
        apart = min(threads, max(SPARE_BYTES, nbytes) // first.state.arena.nbytes)
        if apart < 2 or 2 * apart < threads or 4 * apart * -(-first.count // apart) > 5 * first.count:
            return self._members[:1]
        while len(self._members) < apart:
            self._members.append(first.twin())
        return self._members[:apart]


class _OneAtATime(Lookout):
    """A lookout that several threads may ask."""

    def __init__(self, lookout: Lookout):
        self._lookout, self._lock = lookout, threading.Lock()

    def reach(self, end: int) -> None:
        with self._lock:
            self._lookout.reach(end)


def _run_apart(members: list[Batches], lookout: Lookout) -> None:
    """Every thread takes the next batch until none is left."""
    count, lookout = members[0].count, _OneAtATime(lookout)

    def work(_arena: int, _table: int, thread: int, _threads: int) -> None:
        while left:
            try:
                k = left.popleft()
            except IndexError:  # another thread took the last one
                return
            members[thread].do(k, lookout, 1)

    each = max(1, PIECE // members[0].flops) * len(members)
    for start in range(0, count, each):
        left = deque(range(start, min(start + each, count)))
        run_on(len(members), work, 0, 0)


def compiled_evaluate(model: Any, rows: Rows, batch_size: int) -> dict[str, float]:
    """The loss and metrics over all rows, by name."""
    data = {name: np.ascontiguousarray(array) for name, array in rows.items()}
    batch, whole, tail = split(len(data["x"]), batch_size)
    key = "evaluate", tuple(map(type_of, data.values())), batch, tail
    program = program_of(
        model, key, lambda: compile_program(test_steps(model, data, batch, tail) | metric_steps(model), model.weights)
    )
    batches = Batches(program, "test", batch, whole, tail)
    batches.state.load()
    batches.call("reset")
    batches.take(*data.values())
    batches.run(Lookout("evaluate", data))
    batches.call("results")
    values = [float(value) for value in program.results("results", batches.state.arena)]
    logs: dict[str, Any] = program.meaning("results").logs(values)
    return logs


def compiled_predict(model: Any, x: np.ndarray, batch_size: int | None) -> np.ndarray:
    """The model's outputs for all rows, in batches of BATCH_SIZE unless told otherwise."""
    x = np.ascontiguousarray(x)
    batch, whole, tail = split(len(x), batch_size or BATCH_SIZE)

    def make() -> Program:
        sizes = {"predict": batch} | ({"predict_tail": tail} if tail else {})
        steps = {
            name: Step(traced(partial(row_outputs, model), {"x": x}, rows, name), [x.dtype], to_rows=True)
            for name, rows in sizes.items()
        }
        return compile_program(steps, model.weights)

    program = program_of(model, ("predict", type_of(x), batch, tail), make)
    ready = Ready(model, x, batch_size, Batches(program, "predict", batch, whole, tail))
    model.programs.ready = ready
    return ready(x, Lookout("predict", {"x": x}))


class Ready:
    """The last prediction, kept so that another one of the same shape starts at once.

    It serves as long as no layer's attribute was set and no list of layers changed; new weights are taken over.
    """

    def __init__(self, model: Any, x: np.ndarray, asked: int | None, batches: Batches):
        self._shape, self._dtype, self._asked = x.shape, x.dtype, _equal_sizes(asked, len(x))
        self._crew, self._lock = _Crew(batches), threading.Lock()
        self._changes, self._parts = structure_changes(), structure_parts(model)
        aval = batches.program.blueprint.outputs["predict"][0].aval
        self._result = (len(x), *aval.shape[1:]), aval.dtype
        outputs = np.empty(*self._result)
        self._is_small = batches.count == 1 and max(x.nbytes, outputs.nbytes) <= SMALL
        if self._is_small:
            self._rows, self._outputs = np.empty_like(x), outputs
            batches.take(self._rows, self._outputs)

    def serves(self, x: Any, asked: Any = WHOLE) -> bool:
        """Whether this is the same prediction on other rows, by default taken as one batch."""
        return (
            type(x) is np.ndarray
            and x.shape == self._shape
            and x.dtype == self._dtype
            and asked in self._asked
            and x.flags.c_contiguous
            and x.flags.aligned
            and chosen() is None
            and structure_changes() == self._changes
            and self._is_whole()
            and all_finite(x)
            and not self._lock.locked()
        )

    def _is_whole(self) -> bool:
        """Whether the model's lists and dicts hold what they held."""
        try:
            return all(now == then for now, then in self._parts)
        except ValueError:  # an array took another's place: whether they are equal has no one answer
            return False

    def __call__(self, x: np.ndarray, lookout: Lookout = NOTHING_LEFT) -> np.ndarray:
        with self._lock:
            if self._is_small:
                self._rows[...] = x
                self._crew.run_alone(lookout)
                return self._outputs.copy()
            result = np.empty(*self._result)
            self._crew.run(lookout, x, result)
            return result


def _equal_sizes(asked: int | None, rows: int) -> tuple[Any, ...]:
    """The batch sizes that may be asked for, by which so many rows are divided as by this one."""
    if (asked or BATCH_SIZE) < rows:
        return (asked,)
    return (asked, rows, WHOLE, None) if rows <= BATCH_SIZE else (asked, rows, WHOLE)
