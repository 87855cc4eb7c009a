"""DeviceRunner: a plan carried out by a GPU, to which Python hands one step after another without waiting."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends.opencl.driver import Driver
from ..backends.opencl.program import DeviceProgram, Memory, Watch
from ..runtime.threads import run_aside
from .compiled import fit_steps, program_of, split, type_of
from .data import Rows, number_of_rows
from .plan import Plan
from .runner import CHUNK_SECONDS, Limit, Progress


def device_program(driver: Driver, model: Any, key: Any, make: Callable[[], Any]) -> DeviceProgram:
    """The model's program of these steps for a device, made once."""
    return program_of(model, (driver.name, key), lambda: DeviceProgram(driver, make()))  # type: ignore[return-value]


def uploaded(driver: Driver, rows: Rows) -> list[Any]:
    """Copies of these arrays on a device."""
    copies = []
    for name, array in rows.items():
        array = np.ascontiguousarray(array, driver.type_of(array.dtype))
        memory = driver.memory(array.nbytes, name)
        driver.upload(array, memory)
        copies.append(memory)
    return copies


class Pass:
    """A step, and the smaller one on the last rows, over all rows of some arrays on a device."""

    def __init__(self, memory: Memory, name: str, rows: int, batch_size: int):
        self._memory, self._name = memory, name
        self.batch, self._whole, tail = split(rows, batch_size)
        self.steps = self._whole + (tail > 0)

    def bind(self, arrays: list[Any], order: Any = None) -> None:
        """Read the rows of these arrays, in this order."""
        for name in {self.name_of(0), self.name_of(self.steps - 1)}:
            self._memory.bind(name, arrays, order)

    def name_of(self, k: int) -> str:
        return self._name if k < self._whole else f"{self._name}_tail"

    def run(self, k: int) -> None:
        """Tell the device to do the k-th step."""
        self._memory.run(self.name_of(k), k * self.batch)


class DeviceRunner:
    """Runs a plan on a device; the meaning is EagerRunner's.

    The rows are copied to the device when it is made: what a callback writes into the arrays later is not seen.
    """

    def __init__(self, model: Any, plan: Plan, driver: Driver):
        self._model, self._plan, self._driver = model, plan, driver
        model.reset_metrics()
        self._program = device_program(driver, model, self._key(), self._steps)
        self._memory = memory = self._program.take_memory()
        self._watch = Watch(memory)
        self._order = driver.memory(8 * plan.rows, "the order of the rows")
        self._training = Pass(memory, "step", plan.rows, plan.batch_size)
        self._training.bind(uploaded(driver, plan.data), self._order)
        self._validation: Pass | None = None
        if plan.validation is not None:
            rows = number_of_rows(plan.validation)
            self._validation = Pass(memory, "test", rows, plan.validation_batch_size)
            self._validation.bind(uploaded(driver, plan.validation))
        for name in ("results", "reset"):
            memory.bind(name)
        self._epoch, self._step, self._passed = plan.initial_epoch, 0, -1
        self._logs: dict[str, Any] = {}
        self._finished: list[tuple[int, dict[str, Any]]] = []
        self._measuring = False  # whether the epoch waits for its validation
        self._non_finite: tuple[int, int] | None = None
        self._done = plan.initial_epoch >= plan.epochs
        self._seconds_per_step = 0.0

    def _key(self) -> Any:
        plan = self._plan
        types = tuple((name, *type_of(array)) for name, array in [*plan.data.items(), *(plan.validation or {}).items()])
        sizes = split(plan.rows, plan.batch_size)
        test = split(number_of_rows(plan.validation), plan.validation_batch_size) if plan.validation else (0, 0, 0)
        return "fit", types, plan.checked, sizes[0], sizes[2], test[0], test[2]

    def _steps(self) -> dict[str, Any]:
        plan = self._plan
        return fit_steps(self._model, plan, plan.data, plan.validation or {})[0]

    def run(self, limit: Limit) -> Progress:
        """Go on for about CHUNK_SECONDS, but not past the end of an epoch ("epoch") or of a step ("step")."""
        self._finished = []
        run_aside(lambda: self._run(limit))
        return self.progress()

    def end_epoch(self) -> Progress:
        """End the present epoch where it is: its metrics, its validation, and the early stopping's say."""
        self._finished = []
        self._memory.load()
        run_aside(self._end_epoch)
        self._done, self._measuring = True, False
        return self.progress()

    def progress(self) -> Progress:
        """Where the fit is, with the epochs that ended in the last run."""
        steps, finished = self._plan.steps_per_epoch, list(self._finished)
        done, bad, measuring = self._done, self._non_finite, self._measuring
        return Progress(self._epoch, self._step, steps, self._logs, finished, done, bad, measuring)

    def sync(self) -> None:
        """Make the model's variables hold the present state."""
        self._memory.store()

    def close(self) -> None:
        """The memory waits for the next fit."""
        self._program.give_back(self._memory)

    def _run(self, limit: Limit) -> None:
        until = time.perf_counter() + CHUNK_SECONDS
        self._memory.load()
        while not self._done:
            if self._measuring:
                self._measuring = False
            else:
                self._go_on(1 if limit == "step" else self._affordable(until))
            if self._measuring:
                self._logs = self._metrics()
                break
            if self._step == self._plan.steps_per_epoch:
                self._end_epoch()
            if limit == "step" or (limit == "epoch" and self._finished) or time.perf_counter() > until:
                break
        if 0 < self._step < self._plan.steps_per_epoch:
            self._logs = self._metrics()

    def _go_on(self, most: int) -> None:
        plan = self._plan
        if self._step == plan.steps_per_epoch:
            self._epoch, self._step = self._epoch + 1, 0
        self._train(most)
        is_last = self._step == plan.steps_per_epoch
        self._measuring = plan.announces and is_last and plan.validates(self._epoch)

    def _affordable(self, until: float) -> int:
        """How many steps seem to fit into the time that is left; at first one."""
        left = max(until - time.perf_counter(), 0.0)
        return int(left / self._seconds_per_step) + 1 if self._seconds_per_step else 1

    def _train(self, most: int) -> None:
        """Some steps, up to the end of the epoch or of the pass over the rows; undone from a bad loss on."""
        plan, start = self._plan, time.perf_counter()
        passed, first = plan.place_of(self._epoch, self._step)
        if passed != self._passed:
            self._driver.upload(np.ascontiguousarray(plan.order_of(passed), np.int64), self._order)
            self._passed = passed
        count = min(most, plan.steps_per_epoch - self._step, plan.steps_per_pass - first)
        self._memory.keep()
        self._watch.begin()
        for k in range(count):
            self._training.run(first + k)
            self._watch.look(self._training.name_of(first + k), k)
        bad = self._watch.found()
        if bad is None:
            self._step += count
            self._seconds_per_step = (time.perf_counter() - start) / count
            return
        self._memory.go_back()
        for k in range(bad):
            self._training.run(first + k)
        self._step += bad
        self._non_finite, self._done = (self._epoch, self._step), True

    def _metrics(self, prefix: str = "") -> dict[str, Any]:
        """The present values of the metrics by name, each name with a prefix."""
        self._memory.run("results")
        numbers = [float(value) for value in self._memory.results("results")]
        logs: dict[str, Any] = self._program.meaning("results").logs(numbers, prefix)
        return logs

    def _end_epoch(self) -> None:
        """Log and reset the metrics, measure on the validation rows, and ask the early stopping."""
        plan, memory, stopping = self._plan, self._memory, self._plan.early_stopping
        self._logs = self._metrics()
        memory.run("reset")
        logs = dict(self._logs)
        if self._validation is not None and plan.validates(self._epoch):
            for k in range(self._validation.steps):
                self._validation.run(k)
            logs |= self._metrics("val_")
            memory.run("reset")
        if stopping is not None and stopping.monitor in logs:
            if stopping.restore_best_weights:
                memory.store()
            stopping.on_epoch_end(self._epoch, logs)
        self._finished.append((self._epoch, logs))
        self._done = self._epoch + 1 == plan.epochs or self._model.stop_training
