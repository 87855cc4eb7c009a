"""Restarts: train from several random starts, and keep the best model."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, NonFiniteLossError
from ..functions.arguments import expect, expect_integer
from ..functions.random import set_random_seed
from .callbacks import EarlyStopping, History, several_numbers

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Restarts:
    """What `restarts` found.

    Attributes:
        model: the best one, trained.
        history: its History.
        table: a dict for each start, in order: "seed", "epochs" (how many ended), "best" (True for one of them), and
            the numbers logged at the epoch that counts, NaN for what a start whose loss became NaN or infinite lacks.
    """

    model: Any
    history: History
    table: list[dict[str, Any]]


def restarts(
    build: Callable[[], Any],
    k: int,
    x: Any,
    y: Any = None,
    monitor: str | None = None,
    mode: str = "auto",
    seed: int = 0,
    **fit_arguments: Any,
) -> Restarts:
    """Train k models from different random starts, one after the other, and keep the best.

    Start i is what one gets after `set_random_seed(seed + i)`, so that any of them can be trained again alone. What
    counts is the last epoch, or the best one where an EarlyStopping among the callbacks restores its weights; a start
    whose loss becomes NaN or infinite loses to all others.

    Parameters:
        build: a function without arguments that makes a model and compiles it.
        k: how many starts.
        x, y, fit_arguments: as of `Model.fit`.
        monitor: a logged name; by default "val_loss" where there is a validation, else "loss".
        mode: "min", "max", or "auto", which decides by the name, as EarlyStopping does.
        seed: of the first start, 0 to 2^32 - k.

    Raises ArgumentError for a bad argument, NonFiniteLossError if no start stays finite, and all that `fit` raises.
    """
    k = expect_integer("restarts", "k", k, 1, LARGEST_SEED)
    seed = expect_integer("restarts", "seed", seed, 0, LARGEST_SEED + 1 - k)
    expect(callable(build), "restarts", "build", "a function that makes a compiled model", build)
    validates = fit_arguments.get("validation_data") is not None or bool(fit_arguments.get("validation_split"))
    monitor = monitor or ("val_loss" if validates else "loss")
    judge = EarlyStopping(monitor, mode=mode)
    best: _Start | None = None
    table: list[dict[str, Any]] = []
    for number in range(seed, seed + k):
        start = _train(build, number, monitor, (x, y), fit_arguments)
        judge.set_model(start.model)
        judge.decide_direction()
        if best is None or judge.is_improvement(start.value, best.value) or (best.error and not start.error):
            best = start
        table.append(
            {"seed": number, "epochs": len(start.history.epoch), "best": False, monitor: math.nan} | start.logs
        )
    assert best is not None
    if best.error is not None:
        raise best.error
    table[best.seed - seed]["best"] = True
    return Restarts(best.model, best.history, table)


@dataclass
class _Start:
    """A trained model, or one whose loss became NaN or infinite."""

    seed: int
    model: Any
    history: History
    value: float
    logs: dict[str, float]
    error: NonFiniteLossError | None = None


def _train(
    build: Callable[[], Any], seed: int, monitor: str, data: tuple[Any, Any], arguments: dict[str, Any]
) -> _Start:
    set_random_seed(seed)
    model = build()
    try:
        history = model.fit(*data, **arguments)
    except NonFiniteLossError as error:
        return _Start(seed, model, model.history, math.nan, {}, error)
    logs = _logs_that_count(history, arguments.get("callbacks"))
    if monitor not in logs:
        raise ArgumentError(f"restarts: expected monitor to be one of {', '.join(logs)}, got {monitor!r}")
    if np.ndim(logs[monitor]):
        raise several_numbers(monitor, "restarts")
    return _Start(seed, model, history, logs[monitor], logs)


def _logs_that_count(history: History, callbacks: Any) -> dict[str, float]:
    """What was logged at the last epoch, or at the one whose weights an EarlyStopping restored."""
    several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    restoring = [c for c in several if isinstance(c, EarlyStopping) and c.restore_best_weights]
    place = history.epoch.index(restoring[-1].best_epoch) if restoring and history.epoch else -1
    rare = [name for name, values in history.history.items() if len(values) < len(history.epoch)]  # validation_freq
    return {name: values[-1 if name in rare else place] for name, values in history.history.items()}
