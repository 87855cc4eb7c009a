"""Measuring and predicting with native code."""

import threading
from functools import partial
from typing import Any

import numpy as np

from ..compile import Program, Step, compile_program, new_table
from ..layers.base import structure_changes, structure_parts
from ..lowering.table import Slot
from .compiled import State, metric_steps, program_of, split, test_steps, traced, type_of
from .finite import Lookout, all_finite
from .steps import row_outputs

BATCH_SIZE = 512  # large enough for the products, small enough for the cache

NOTHING_LEFT = Lookout("predict", {})  # all rows were looked at before


class _Batches:
    """A program with memory of its own, that does a step for every batch of some rows."""

    def __init__(self, program: Program, step: str, batch: int, whole: int, tail: int):
        self.program, self.state, self.table = program, State(program), new_table(2)
        self._address = self.state.arena.ctypes.data, self.table.ctypes.data
        self._batch, self._whole = batch, whole
        self._step = program.function(step)
        self._tail = program.function(f"{step}_tail") if tail else None

    def run(self, lookout: Lookout, *arrays: np.ndarray) -> None:
        """Do the step on every batch, looked at before; the table gets the arrays' addresses."""
        table, address = self.table, self._address
        for k, array in enumerate(arrays):
            table[Slot.DATA + k] = array.ctypes.data
        for k in range(self._whole):
            table[Slot.FIRST] = k * self._batch
            lookout.reach((k + 1) * self._batch)
            self._step(*address, 0, 1)
        if self._tail is not None:
            table[Slot.FIRST] = self._whole * self._batch
            lookout.reach(len(arrays[0]))
            self._tail(*address, 0, 1)

    def call(self, name: str) -> None:
        self.program.function(name)(*self._address, 0, 1)


def compiled_evaluate(model: Any, x: np.ndarray, y: np.ndarray, batch_size: int) -> dict[str, float]:
    """The loss and metrics over all rows, by name."""
    data = {"x": np.ascontiguousarray(x), "y": np.ascontiguousarray(y)}
    batch, whole, tail = split(len(x), batch_size)
    key = "evaluate", tuple(map(type_of, data.values())), batch, tail
    program = program_of(
        model, key, lambda: compile_program(test_steps(model, data, batch, tail) | metric_steps(model), model.weights)
    )
    batches = _Batches(program, "test", batch, whole, tail)
    batches.state.load()
    batches.call("reset")
    batches.run(Lookout("evaluate", data), *data.values())
    batches.call("results")
    values = [float(value) for value in program.results("results", batches.state.arena)]
    return dict(zip(model.metrics_names, values, strict=True))


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
    ready = Ready(model, x, batch_size, _Batches(program, "predict", batch, whole, tail))
    model.programs.ready = ready
    return ready(x, Lookout("predict", {"x": x}))


class Ready:
    """The last prediction, kept so that another one of the same shape starts at once.

    It serves as long as no layer's attribute was set and no list of layers changed; new weights are taken over.
    """

    def __init__(self, model: Any, x: np.ndarray, asked: int | None, batches: _Batches):
        self._shape, self._dtype, self._asked = x.shape, x.dtype, asked
        self._batches, self._lock = batches, threading.Lock()
        self._changes, self._parts = structure_changes(), structure_parts(model)
        aval = batches.program.blueprint.outputs["predict"][0].aval
        self._result = (len(x), *aval.shape[1:]), aval.dtype

    def serves(self, x: Any, asked: int | None) -> bool:
        """Whether this is the same prediction on other rows."""
        return (
            type(x) is np.ndarray
            and x.shape == self._shape
            and x.dtype == self._dtype
            and asked == self._asked
            and x.flags.c_contiguous
            and x.flags.aligned
            and structure_changes() == self._changes
            and all(now == then for now, then in self._parts)
            and all_finite(x)
            and not self._lock.locked()
        )

    def __call__(self, x: np.ndarray, lookout: Lookout = NOTHING_LEFT) -> np.ndarray:
        result = np.empty(*self._result)
        with self._lock:
            self._batches.state.load()
            self._batches.run(lookout, x, result)
        return result
