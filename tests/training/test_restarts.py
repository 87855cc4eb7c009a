"""Restarts: of several random starts the best one is kept, and each can be trained again alone."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, NonFiniteLossError
from tests.training.conftest import same_bits

rng = np.random.default_rng(2)
X = rng.normal(size=(40, 2)).astype(np.float32)
Y = (np.sin(3 * X[:, :1]) * X[:, 1:]).astype(np.float32)
FIT: dict[str, Any] = {"batch_size": 20, "epochs": 4, "verbose": 0}


def build(rate: float = 0.02) -> ebb.Sequential:
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(4, activation="tanh"), ebb.layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(rate), "mse", metrics=["r2_score"])
    return model


def alone(seed: int, **fit: Any) -> tuple[Any, dict[str, list[float]]]:
    ebb.set_random_seed(seed)
    model = build()
    return model, model.fit(X, Y, **FIT | fit).history


def test_the_best_start_is_kept() -> None:
    found = ebb.restarts(build, 4, X, Y, seed=10, **FIT)
    histories = [alone(seed)[1] for seed in range(10, 14)]
    losses = [history["loss"][-1] for history in histories]
    assert [row["loss"] for row in found.table] == losses
    assert [row["seed"] for row in found.table if row["best"]] == [10 + int(np.argmin(losses))]
    best, history = alone(10 + int(np.argmin(losses)))
    assert same_bits(found.model.get_weights(), best.get_weights())
    assert found.history.history == history
    assert len(set(losses)) == 4 and found.table[0]["epochs"] == 4


def test_what_is_best_may_be_another_number() -> None:
    by_loss = ebb.restarts(build, 4, X, Y, validation_split=0.5, **FIT)
    assert [row["best"] for row in by_loss.table].index(True) == np.argmin([row["val_loss"] for row in by_loss.table])
    by_score = ebb.restarts(build, 4, X, Y, monitor="val_r2_score", validation_split=0.5, **FIT)
    scores = [row["val_r2_score"] for row in by_score.table]
    assert [row["best"] for row in by_score.table].index(True) == np.argmax(scores)
    worst = ebb.restarts(build, 4, X, Y, monitor="val_r2_score", mode="min", validation_split=0.5, **FIT)
    assert [row["best"] for row in worst.table].index(True) == np.argmin(scores)


def test_what_counts_is_the_epoch_whose_weights_are_restored() -> None:
    stopping = ebb.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    fit = {**FIT, "epochs": 40, "validation_split": 0.5, "callbacks": [stopping]}
    found = ebb.restarts(build, 3, X, Y, **fit)
    best = next(row for row in found.table if row["best"])
    assert found.model.evaluate(X[20:], Y[20:], verbose=0)[0] == pytest.approx(best["val_loss"], rel=1e-6)
    assert best["val_loss"] == min(row["val_loss"] for row in found.table)


def test_a_start_that_does_not_stay_finite_loses() -> None:
    rates = iter([1e38, 0.02, 1e38])
    found = ebb.restarts(lambda: build(next(rates)), 3, X, Y, **FIT)
    assert [row["best"] for row in found.table] == [False, True, False]
    assert [bool(np.isnan(row["loss"])) for row in found.table] == [True, False, True]
    with pytest.raises(NonFiniteLossError):
        ebb.restarts(lambda: build(1e38), 2, X, Y, **FIT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "restarts: expected a whole number between 1 and"),
        ({"k": 2, "seed": 2**32 - 1}, "restarts: expected a whole number between 0 and 4294967294 for seed"),
        ({"k": 2, "monitor": "lss"}, "restarts: expected monitor to be one of loss, r2_score, got 'lss'"),
        ({"k": 2, "build": 3}, "restarts: expected a function that makes a compiled model for build, got 3"),
    ],
)
def test_a_mistake_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ebb.restarts(**{"build": build, "x": X, "y": Y, **FIT} | arguments)
