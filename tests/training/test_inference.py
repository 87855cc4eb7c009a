"""Predicting again is fast because what was made ready is kept; it must never be stale."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import ops
from ebbflow.core.errors import ArgumentError
from ebbflow.core.tensor import Tensor
from ebbflow.runtime.threads import run_on
from ebbflow.training import inference

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


@pytest.fixture
def model() -> ebb.Sequential:
    return ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(9, activation="tanh"), ebb.layers.Dense(3)])


def interpreted(model: ebb.Sequential, x: np.ndarray) -> np.ndarray:
    return model(x).numpy()


class Normalized(ebb.Model):
    """Means, deviations and log-sum-exps over the features, which few samples and many fold with other lanes."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.last = ebb.layers.Dense(33, activation="relu"), ebb.layers.Dense(19)

    def call(self, inputs: Tensor) -> Tensor:
        x = self.hidden(inputs)
        x = (x - ops.mean(x, axis=-1, keepdims=True)) / (ops.std(x, axis=-1, keepdims=True) + 0.1)
        y = self.last(x)
        return y - ops.logsumexp(y, axis=-1, keepdims=True)


class Grouped(ebb.Model):
    """Sums over some of several axes, and where the largest feature is."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = ebb.layers.Dense(36)

    def call(self, inputs: Tensor) -> Tensor:
        x = self.hidden(inputs)
        groups = ops.reshape(x, (x.shape[0], 3, 12))
        largest = ops.cast(ops.argmax(x, axis=-1), x.dtype)
        return ops.sum(groups, axis=1) * ops.sum(groups * groups, axis=(1, 2))[:, None] + largest[:, None]


def dense(*units: int, activation: str, last: str = "linear") -> ebb.Sequential:
    hidden = [ebb.layers.Dense(n, activation=activation) for n in units[:-1]]
    return ebb.Sequential([ebb.Input((4,)), *hidden, ebb.layers.Dense(units[-1], activation=last)])


NETS = {
    "tanh": lambda: dense(9, 3, activation="tanh"),
    "relu, softmax": lambda: dense(40, 17, 5, activation="relu", last="softmax"),
    "softmax of many": lambda: dense(300, 1, activation="softmax", last="sigmoid"),
    "sigmoid, wide": lambda: dense(200, 64, activation="sigmoid"),
    "normalized": Normalized,
    "grouped": Grouped,
}


@pytest.mark.parametrize("net", NETS)
def test_a_row_has_the_same_bits_in_whatever_company(net: str) -> None:
    model = NETS[net]()
    together = model.predict(X, verbose=0)
    for rows in (1, 2, 3, 7, 8, 15, 16, 17, 40):
        assert np.array_equal(model.predict(X[:rows], verbose=0), together[:rows]), f"{rows} rows"
        assert np.array_equal(model.predict(X, batch_size=rows, verbose=0), together), f"batches of {rows} rows"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads are woken for next to nothing."""
    monkeypatch.setattr(inference, "WAKING", 1)
    yield
    ebb.config.set_threads(None)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("net", ["relu, softmax", "normalized"])
@pytest.mark.parametrize("batch", [5, 16, 32, 60], ids=lambda n: f"batches of {n}")
def test_threads_change_no_bit(net: str, batch: int) -> None:
    """Whether they share every batch, or each does batches of its own."""
    model = NETS[net]()
    model.build_for(X.shape)
    model.compile("sgd", "mse", metrics=["mae"])
    y = model(X).numpy() + 1
    results = []
    for threads in (1, 2, 3, 8):
        ebb.config.set_threads(threads)
        losses = model.evaluate(X, y, batch_size=batch, verbose=0)
        results.append((model.predict(X, batch_size=batch, verbose=0), np.array(losses)))
    for outputs, losses in results[1:]:
        assert np.array_equal(outputs, results[0][0]) and np.array_equal(losses, results[0][1])


@pytest.mark.usefixtures("hasty")
def test_many_batches_are_done_apart_and_few_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of four threads is woken once for 20 batches of its own, or for every one of 3 that all share."""
    woken = []

    def noted(threads: int, function: Any, arena: int, table: int) -> None:
        woken.append(threads)
        run_on(threads, function, arena, table)

    monkeypatch.setattr(inference, "run_on", noted)
    ebb.config.set_threads(4)
    model = NETS["tanh"]()
    for batch, expected in ((3, [4]), (20, [4, 4, 4]), (60, [4])):
        model.predict(X, batch_size=batch, verbose=0)
        assert woken == expected
        woken.clear()
    monkeypatch.setattr(inference, "WAKING", 10**9)
    model.predict(X, batch_size=60, verbose=0)
    assert woken == [], "too little to do for a second thread"


@pytest.mark.usefixtures("hasty")
def test_a_file_is_looked_through_by_whoever_reads_it(tmp_path: Path) -> None:
    """NaN in one of the batches that threads do apart from each other."""
    rows = np.memmap(tmp_path / "x", np.float32, "w+", shape=(400, 4))
    rows[:] = 1
    ebb.config.set_threads(3)
    model = NETS["tanh"]()
    expected = model.predict(np.ones((400, 4), np.float32), batch_size=10, verbose=0)
    assert np.array_equal(model.predict(rows, batch_size=10, verbose=0), expected)
    rows[333, 2] = np.nan
    with pytest.raises(ArgumentError, match="row 333"):
        model.predict(rows, batch_size=10, verbose=0)


def test_one_batch_is_served_by_what_predict_made_ready(model: ebb.Sequential) -> None:
    expected = model.predict(X, verbose=0)
    halves = model.predict_on_batch(X[:30])
    ready = model.programs.ready
    assert np.array_equal(halves, expected[:30])
    assert np.array_equal(model.predict(X[30:], verbose=0), expected[30:])
    assert np.array_equal(model.predict(X[30:], batch_size=30, verbose=0), expected[30:])
    assert model.programs.ready is ready
    assert np.array_equal(model.predict(X[30:], batch_size=10, verbose=0), expected[30:])
    assert model.programs.ready is not ready
    assert np.array_equal(model.predict_on_batch(X[30:]), expected[30:])
    with pytest.raises(ArgumentError, match="predict_on_batch.*row 2"):
        model.predict_on_batch(np.where(np.arange(30)[:, None] == 2, np.nan, X[:30]).astype(np.float32))


def test_new_weights_layers_and_functions_are_seen(model: ebb.Sequential) -> None:
    def agrees() -> bool:
        return bool(np.allclose(model.predict(X, verbose=0), interpreted(model, X), atol=1e-6))

    assert agrees() and agrees()
    model.set_weights([2 * weight for weight in model.get_weights()])
    assert agrees()
    model.layers[-1].activation = ebb.activations.get("sigmoid")
    assert agrees()
    model.add(ebb.layers.Dense(2))
    assert model.predict(X, verbose=0).shape == (60, 2) and agrees()
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], epochs=2, verbose=0)
    assert agrees()


def test_layers_in_a_list_are_seen_when_it_changes() -> None:
    class Blocks(ebb.Model):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [ebb.layers.Dense(4, activation="relu")]

        def call(self, inputs: Tensor) -> Tensor:
            for block in self.blocks:
                inputs = block(inputs)
            return inputs

    model = Blocks()
    first = model.predict(X, verbose=0)
    model.blocks.append(ebb.layers.Dense(2))
    assert model.predict(X, verbose=0).shape == (60, 2)
    model.blocks.pop()
    assert np.array_equal(model.predict(X, verbose=0), first)


def test_what_is_checked_the_first_time_is_checked_again(model: ebb.Sequential) -> None:
    model.predict(X, verbose=0)
    bad = X.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ArgumentError, match="row 3"):
        model.predict(bad, verbose=0)
    with pytest.raises(ArgumentError, match="verbose"):
        model.predict(X, verbose="loud")


def test_results_are_the_callers_own(model: ebb.Sequential) -> None:
    first = model.predict(X, verbose=0)
    kept = first.copy()
    model.predict(-X, verbose=0)
    assert np.array_equal(first, kept)


def test_several_threads_may_predict_with_one_model(model: ebb.Sequential) -> None:
    inputs = [X * scale for scale in np.linspace(-2, 2, 40, dtype=np.float32)]
    expected = [model.predict(x, verbose=0) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda x: model.predict(x, verbose=0), inputs * 5))
    assert all(np.array_equal(a, b) for a, b in zip(results, expected * 5, strict=True))


@pytest.mark.usefixtures("hasty")
def test_random_numbers_go_on_from_batch_to_batch_on_any_number_of_threads() -> None:
    class Noisy(ebb.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.dropout = ebb.layers.Dense(8), ebb.layers.Dropout(0.5, seed=3)

        def call(self, inputs: Tensor) -> Tensor:
            return self.dropout(self.inner(inputs), training=True)

    weights: list[np.ndarray] = []
    results = []
    for threads in (1, 4):
        ebb.config.set_threads(threads)
        model = Noisy()
        model.build_for(X.shape)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        results.append(model.predict(np.ones_like(X), batch_size=6, verbose=0))
    assert np.array_equal(*results)
    assert not np.array_equal(results[0][:6], results[0][6:12])
