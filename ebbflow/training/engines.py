"""Who carries out the work: compiled programs, a GPU, or plain Python for models compiled with run_eagerly=True."""

import importlib
from typing import Any

import numpy as np

from ..placement import chosen
from .data import Rows
from .eager import EagerRunner, eager_evaluate, eager_predict
from .plan import DEFAULT_BATCH_SIZE, Plan
from .runner import Runner


def runner_for(model: Any, plan: Plan) -> Runner:
    """The runner that carries out `plan`."""
    if model.run_eagerly:
        return EagerRunner(model, plan)
    if (driver := chosen()) is not None:
        return _compiling("device_runner").DeviceRunner(model, plan, driver)
    return _compiling("compiled").CompiledRunner(model, plan)


def measure(model: Any, data: Rows, batch_size: int) -> dict[str, float]:
    """The loss and metrics over all rows, by name."""
    if model.run_eagerly:
        return eager_evaluate(model, data, batch_size)
    if (driver := chosen()) is not None:
        return _compiling("device_inference").device_evaluate(model, data, batch_size, driver)
    return _compiling("inference").compiled_evaluate(model, data, batch_size)


def outputs(model: Any, x: np.ndarray, batch_size: int | None) -> np.ndarray:
    """The model's outputs for all rows; batch_size None leaves it to whoever computes them."""
    if model.run_eagerly:
        return eager_predict(model, x, batch_size or DEFAULT_BATCH_SIZE)
    if (driver := chosen()) is not None:
        return _compiling("device_inference").device_predict(model, x, batch_size, driver)
    return _compiling("inference").compiled_predict(model, x, batch_size)


def _compiling(module: str) -> Any:
    """A module that compiles, imported when first needed since it brings LLVM."""
    return importlib.import_module(f"ebbflow.training.{module}")
