"""Evaluate, predict, and single batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .callbacks import Callback
from .data import first_steps, prepare_rows, prepare_x, whole_number
from .diagnose import non_finite_loss
from .engines import measure, outputs, runner_for
from .fit import callback_list
from .plan import DEFAULT_BATCH_SIZE, Plan
from .progress import figures, verbosity
from .weights import with_class_weight


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None,
    verbose: str | int,
    sample_weight: Any,
    steps: int | None,
    callbacks: Sequence[Callback] | Callback | None,
) -> dict[str, float]:
    """See Model.evaluate."""
    model.compilation("evaluate")
    rows = prepare_rows("evaluate", x, y, sample_weight)
    batch_size = whole_number("evaluate", "batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size, 1)
    rows = first_steps("evaluate", "steps", rows, steps, batch_size)
    shown = verbosity("evaluate", verbose)
    called = callback_list("evaluate", callbacks)
    model.build_for(rows["x"].shape, rows["y"], "evaluate")
    called.set_model(model)
    called.on_test_begin()
    results = measure(model, rows, batch_size)
    called.on_test_end(results)
    if shown:
        print(figures(results))
    return results


def predict(
    model: Any,
    x: Any,
    batch_size: int | None,
    verbose: str | int,
    steps: int | None,
    callbacks: Sequence[Callback] | Callback | None,
) -> np.ndarray:
    """See Model.predict."""
    x = prepare_x("predict", x)
    if batch_size is not None:
        batch_size = whole_number("predict", "batch_size", batch_size, 1)
    x = first_steps("predict", "steps", {"x": x}, steps, batch_size or DEFAULT_BATCH_SIZE)["x"]
    verbosity("predict", verbose)
    called = callback_list("predict", callbacks)
    model.build_for(x.shape)
    called.set_model(model)
    called.on_predict_begin()
    result = outputs(model, x, batch_size)
    called.on_predict_end()
    return result


def test_on_batch(model: Any, x: Any, y: Any, sample_weight: Any) -> dict[str, float]:
    """See Model.test_on_batch."""
    model.compilation("test_on_batch")
    rows = prepare_rows("test_on_batch", x, y, sample_weight, whole=True)
    model.build_for(rows["x"].shape, rows["y"], "test_on_batch")
    return measure(model, rows, len(rows["x"]))


def predict_on_batch(model: Any, x: Any) -> np.ndarray:
    """See Model.predict_on_batch."""
    ready = model.programs.ready
    if ready is not None and ready.serves(x):
        return ready(x)
    x = prepare_x("predict_on_batch", x, whole=True)
    model.build_for(x.shape)
    return outputs(model, x, len(x))


def train_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> dict[str, float]:
    """See Model.train_on_batch: the fit of one step."""
    model.compilation("train_on_batch")
    rows = prepare_rows("train_on_batch", x, y, sample_weight, whole=True)
    rows = with_class_weight("train_on_batch", rows, class_weight)
    model.build_for(rows["x"].shape, rows["y"], "train_on_batch")
    plan = Plan(
        data=rows,
        validation=None,
        batch_size=len(rows["x"]),
        validation_batch_size=len(rows["x"]),
        epochs=1,
        initial_epoch=0,
        shuffle=False,
        shuffle_state=np.zeros(4, np.uint32),
        early_stopping=None,
        log_names=tuple(model.metrics_names),
    )
    runner = runner_for(model, plan)
    try:
        progress = runner.run("step")
        runner.sync()
    finally:
        runner.close()
    if progress.non_finite:
        raise non_finite_loss(model, plan, *progress.non_finite, "train_on_batch")
    return progress.finished[0][1]


def as_asked(results: dict[str, float], return_dict: bool) -> Any:
    """The results by name, or as a list, or as a number if there is only one."""
    if return_dict:
        return results
    values = list(results.values())
    return values if len(values) > 1 else values[0]
