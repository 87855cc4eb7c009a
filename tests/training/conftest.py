"""Small problems, and models for them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(params=[True, False], ids=["eager", "compiled"])
def run_eagerly(request: pytest.FixtureRequest) -> bool:
    """What holds for a model must hold in Python and compiled."""
    return request.param


@pytest.fixture(autouse=True)
def seed() -> None:
    ebb.set_random_seed(7)


@pytest.fixture
def xor() -> Data:
    return np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])


@pytest.fixture
def regression() -> Data:
    """50 rows of three features and a target that depends on them."""
    x = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    return x, np.tanh(x @ [[1.0], [-2.0], [0.5]])


@pytest.fixture
def classes() -> Data:
    """60 rows of two features in three classes."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 60)
    return (rng.normal(size=(60, 2)) + 2 * np.eye(3)[y][:, :2]).astype(np.float32), y


@pytest.fixture
def regressor(run_eagerly: bool) -> Callable[..., Any]:
    """Makes a compiled model of three features; `dropout` puts random numbers into its training."""

    def make(dropout: float = 0.0, optimizer: Any = "adam", metrics: Any = None) -> ebb.Sequential:
        hidden = [ebb.layers.Dense(8, activation="tanh"), ebb.layers.Dropout(dropout)]
        model = ebb.Sequential([ebb.Input((3,)), *hidden, ebb.layers.Dense(1)])
        model.compile(optimizer=optimizer, loss="mse", metrics=metrics, run_eagerly=run_eagerly)
        return model

    return make


@pytest.fixture
def classifier(run_eagerly: bool) -> Callable[..., Any]:
    """Makes a compiled model of two features and three classes that gives logits."""

    def make(metrics: Any = ("accuracy",)) -> ebb.Sequential:
        model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(8, activation="relu"), ebb.layers.Dense(3)])
        loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=list(metrics), run_eagerly=run_eagerly)
        return model

    return make


def weights_of(model: Any) -> list[np.ndarray]:
    return model.get_weights()


def same_bits(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))
