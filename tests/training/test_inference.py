"""Predicting again is fast because what was made ready is kept; it must never be stale."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


@pytest.fixture
def model() -> ebb.Sequential:
    return ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(9, activation="tanh"), ebb.layers.Dense(3)])


def interpreted(model: ebb.Sequential, x: np.ndarray) -> np.ndarray:
    return model(x).numpy()


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 15, 16, 17, 40, 60])
def test_a_row_has_the_same_bits_in_whatever_company(model: ebb.Sequential, rows: int) -> None:
    together = model.predict(X, verbose=0)
    assert np.array_equal(model.predict(X[:rows], verbose=0), together[:rows])
    assert np.array_equal(model.predict(X, batch_size=rows, verbose=0), together)


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

        def call(self, inputs: ebb.core.tensor.Tensor) -> ebb.core.tensor.Tensor:
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
