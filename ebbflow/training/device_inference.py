"""Measuring and predicting on a GPU."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ..backends.opencl.driver import Driver
from ..compile import Step
from .compiled import metric_steps, split, test_steps, traced, type_of
from .data import Rows
from .device_runner import Pass, device_program, uploaded
from .finite import Lookout
from .inference import BATCH_SIZE
from .steps import row_outputs

PIECE = 1 << 28  # bytes of rows that are copied to the device at a time


def device_evaluate(model: Any, rows: Rows, batch_size: int, driver: Driver) -> dict[str, float]:
    """The loss and metrics over all rows, by name."""
    batch, _, tail = split(len(rows["x"]), batch_size)
    key = "evaluate", tuple((name, *type_of(array)) for name, array in rows.items()), batch, tail
    program = device_program(driver, model, key, lambda: test_steps(model, rows, batch, tail) | metric_steps(model))
    memory = program.take_memory()
    for name in ("results", "reset"):
        memory.bind(name)
    memory.run("reset")
    lookout = Lookout("evaluate", rows)
    for piece in _pieces(rows, batch):
        lookout.reach(piece.stop)
        part = Pass(memory, "test", len(piece), batch)
        part.bind(uploaded(driver, {name: array[piece.start : piece.stop] for name, array in rows.items()}))
        for k in range(part.steps):
            part.run(k)
    memory.run("results")
    values = [float(value) for value in memory.results("results")]
    program.give_back(memory)
    logs: dict[str, Any] = program.meaning("results").logs(values)
    return logs


def device_predict(model: Any, x: np.ndarray, batch_size: int | None, driver: Driver) -> np.ndarray:
    """The model's outputs for all rows, in batches of BATCH_SIZE unless told otherwise."""
    batch, _, tail = split(len(x), batch_size or BATCH_SIZE)

    def steps() -> dict[str, Step]:
        sizes = {"predict": batch} | ({"predict_tail": tail} if tail else {})
        return {
            name: Step(traced(partial(row_outputs, model), {"x": x}, rows, name), [x.dtype], to_rows=True)
            for name, rows in sizes.items()
        }

    program = device_program(driver, model, ("predict", type_of(x), batch, tail), steps)
    memory = program.take_memory()
    aval = program.steps["predict"].outputs[0].aval
    result = np.empty((len(x), *aval.shape[1:]), aval.dtype)
    lookout = Lookout("predict", {"x": x})
    for piece in _pieces({"x": x}, batch):
        lookout.reach(piece.stop)
        part = Pass(memory, "predict", len(piece), batch)
        part.bind(uploaded(driver, {"x": x[piece.start : piece.stop]}))
        rows = result[piece.start : piece.stop]
        outputs = driver.memory(rows.nbytes, "outputs")
        for k in range(part.steps):
            part.run(k)
            source = program.steps[part.name_of(k)].outputs[0]
            assert source.offset is not None
            driver.copy(memory.arena, outputs, source.nbytes, source.offset, k * batch * rows[:1].nbytes)
        driver.download(outputs, rows)
    program.give_back(memory)
    return result


def _pieces(rows: Rows, batch: int) -> Iterator[range]:
    """Whole batches of about PIECE bytes; the last piece has what is left."""
    count = len(rows["x"])
    nbytes = sum(array.nbytes for array in rows.values()) // count
    step = max(1, PIECE // max(nbytes, 1) // batch) * batch
    for start in range(0, count, step):
        yield range(start, min(start + step, count))
