"""Who carries out the work: compiled programs, or plain Python for models compiled with run_eagerly=True."""

import importlib
from typing import Any

import numpy as np

from .eager import EagerRunner, eager_evaluate, eager_predict
from .plan import Plan
from .runner import Runner


def runner_for(model: Any, plan: Plan) -> Runner:
    """The runner that carries out `plan`."""
    compiled = _compiled_for(model)
    return compiled.CompiledRunner(model, plan) if compiled else EagerRunner(model, plan)


def measure(model: Any, x: np.ndarray, y: np.ndarray, batch_size: int) -> dict[str, float]:
    """The loss and metrics over all rows, by name."""
    compiled = _compiled_for(model)
    return compiled.compiled_evaluate(model, x, y, batch_size) if compiled else eager_evaluate(model, x, y, batch_size)


def outputs(model: Any, x: np.ndarray, batch_size: int) -> np.ndarray:
    """The model's outputs for all rows."""
    compiled = _compiled_for(model)
    return compiled.compiled_predict(model, x, batch_size) if compiled else eager_predict(model, x, batch_size)


def _compiled_for(model: Any) -> Any:
    """The module that compiles, imported when first needed since it brings LLVM; None for eager models."""
    return None if model.run_eagerly else importlib.import_module("ebbflow.training.compiled")
