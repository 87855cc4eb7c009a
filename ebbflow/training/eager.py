"""EagerRunner: a plan carried out in plain Python, which defines what a compiled runner must do."""

import time
from typing import Any

import numpy as np

from ..core.tensor import Tensor, as_tensor
from .columns import logged_value
from .data import Rows, batch_of, batches, number_of_rows
from .finite import Lookout, all_finite
from .plan import Plan
from .runner import CHUNK_SECONDS, Limit, Progress
from .steps import metric_values, row_outputs, test_loss, train_loss


class EagerRunner:
    """Runs `model.train_step` and `model.test_step` as they are written."""

    def __init__(self, model: Any, plan: Plan):
        self._model, self._plan = model, plan
        self._epoch, self._step = plan.initial_epoch, 0
        self._order, self._passed = np.empty(0, np.int64), -1  # of the present pass, and its number
        self._logs: dict[str, float] = {}
        self._finished: list[tuple[int, dict[str, float]]] = []
        self._ended = plan.initial_epoch  # epochs before it have ended
        self._measuring = False  # whether the present one waits for its validation
        self._non_finite: tuple[int, int] | None = None
        self._done = plan.initial_epoch >= plan.epochs
        self._state = model.training_state()
        model.reset_metrics()

    def run(self, limit: Limit) -> Progress:
        until = time.monotonic() + CHUNK_SECONDS
        self._finished = []
        while not self._done:
            if self._measuring:
                self._measuring = False
            else:
                self._go_on()
            if self._measuring:
                self._logs = _logged(self._model)
                break
            self._end_epoch()
            if limit == "step" or (limit == "epoch" and self._finished) or time.monotonic() > until:
                break
        if 0 < self._step < self._plan.steps_per_epoch:
            self._logs = _logged(self._model)
        return self.progress()

    def progress(self) -> Progress:
        """Where the fit is, with the epochs that ended in the last run, even if Ctrl-C came before their summing up."""
        self._end_epoch()
        steps, finished = self._plan.steps_per_epoch, list(self._finished)
        done, bad, measuring = self._done, self._non_finite, self._measuring
        return Progress(self._epoch, self._step, steps, self._logs, finished, done, bad, measuring)

    def sync(self) -> None:
        """Nothing to do: the variables always hold the present state."""

    def close(self) -> None:
        """Nothing to free."""

    def _go_on(self) -> None:
        plan = self._plan
        if self._step == plan.steps_per_epoch:
            self._epoch, self._step = self._epoch + 1, 0
        self._run_step()
        is_last = self._step == plan.steps_per_epoch
        self._measuring = plan.announces and is_last and plan.validates(self._epoch)

    def _run_step(self) -> None:
        passed, step = self._plan.place_of(self._epoch, self._step)
        if passed != self._passed:
            self._order, self._passed = self._plan.order_of(passed), passed
        before = [variable.value for variable in self._state]
        try:
            batch = self._plan.batch_of(self._order, step)
            readable = self._plan.checked or all(map(all_finite, batch))
            loss = float(train_loss(self._model, *map(as_tensor, batch))) if readable else np.nan
        except BaseException:  # Ctrl-C too must not leave half of a step
            self._restore(before)
            raise
        if np.isfinite(loss):
            self._step += 1
        else:
            self._restore(before)
            self._non_finite, self._done = (self._epoch, self._step), True

    def end_epoch(self) -> Progress:
        """End the present epoch where it is: its metrics, its validation, and the early stopping's say."""
        self._finished = [(self._epoch, self._finish_epoch())]
        self._ended, self._done, self._measuring = self._epoch + 1, True, False
        return self.progress()

    def _restore(self, values: list[Tensor]) -> None:
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    def _end_epoch(self) -> None:
        """Sum the epoch up if its last step is done, once."""
        if self._step == self._plan.steps_per_epoch and self._ended == self._epoch and not self._measuring:
            self._finished.append((self._epoch, self._finish_epoch()))
            self._ended = self._epoch + 1

    def _finish_epoch(self) -> dict[str, float]:
        """Log and reset the metrics, measure on the validation rows, and ask the early stopping."""
        plan, model = self._plan, self._model
        self._logs = _logged(model)
        model.reset_metrics()
        logs = dict(self._logs)
        if plan.validation is not None and plan.validates(self._epoch):
            measured = eager_evaluate(model, plan.validation, plan.validation_batch_size)
            logs.update((f"val_{name}", value) for name, value in measured.items())
        if plan.early_stopping is not None and plan.early_stopping.monitor in logs:
            plan.early_stopping.on_epoch_end(self._epoch, logs)
        self._done = self._epoch + 1 == plan.epochs or model.stop_training
        return logs


def eager_evaluate(model: Any, data: Rows, batch_size: int) -> dict[str, float]:
    """The loss and metrics over all rows, by name."""
    model.reset_metrics()
    lookout = Lookout("evaluate", data)
    for rows in batches(number_of_rows(data), batch_size):
        lookout.reach(rows.stop)
        test_loss(model, *(as_tensor(batch_of(name, array, rows)) for name, array in data.items()))
    results = _logged(model)
    model.reset_metrics()
    return results


def eager_predict(model: Any, x: np.ndarray, batch_size: int) -> np.ndarray:
    """The model's outputs for all rows."""
    lookout = Lookout("predict", {"x": x})
    outputs = []
    for rows in batches(len(x), batch_size):
        lookout.reach(rows.stop)
        outputs.append(row_outputs(model, as_tensor(batch_of("x", x, rows))).numpy())
    return np.concatenate(outputs)


def _logged(model: Any) -> dict[str, Any]:
    """The present values of the metrics as they stand in logs."""
    return {name: logged_value(value) for name, value in metric_values(model).items()}
