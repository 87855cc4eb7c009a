"""A step that a user overrides is held to the same, interpreted or compiled."""

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, NonFiniteLossError, ShapeError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def model_of(call: Callable[[Any], Any]) -> ebb.Model:
    class Custom(ebb.Model):
        def call(self, inputs: Any) -> Any:
            return call(inputs)

    return Custom()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ebb.ops.reshape(x, (-1, 2)),
        lambda x: ebb.ops.concatenate([x, x], axis=0),
        lambda x: ebb.ops.mean(x, axis=0),
        lambda x: ebb.ops.sum(x),
        lambda x: x[:1],
    ],
    ids=["more rows", "twice the rows", "columns", "a number", "one row"],
)
def test_outputs_have_one_row_for_every_row(call: Callable[[Any], Any], run_eagerly: bool) -> None:
    model = model_of(call)
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    with pytest.raises(ShapeError, match="predict: expected one row of outputs for each of the (32|60) rows"):
        model.predict(X, verbose=0)


@pytest.mark.parametrize(
    "returned, came",
    [(lambda x: x[:, 0], r"float32\[32\]"), (lambda x: 0.0, "0.0"), (lambda x: ebb.ops.stack([x[0, 0], x[0, 0]]), "2")],
    ids=["losses", "constant", "two"],
)
def test_a_training_step_returns_one_number(returned: Callable[[Any], Any], came: str, run_eagerly: bool) -> None:
    class Custom(ebb.Sequential):
        def train_step(self, x: Any, y: Any) -> Any:
            return returned(x)

    model = Custom([ebb.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    with pytest.raises(ArgumentError, match=f"train_step: expected it to return the loss .* got .*{came}"):
        model.fit(X, X[:, :1], verbose=0)


def test_a_step_of_the_keras_form_is_told_apart(run_eagerly: bool) -> None:
    class Custom(ebb.Sequential):
        def train_step(self, data: Any) -> Any:
            return data

    model = Custom([ebb.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    with pytest.raises(ArgumentError, match=r"expected a method of \(self, x, y\), got train_step\(data"):
        model.fit(X, X[:, :1], verbose=0)


def test_what_is_changed_in_a_layer_is_compiled_anew() -> None:
    model = ebb.Sequential([ebb.layers.Dense(3, activation="relu")])
    before = model.predict(X, verbose=0)
    model.layers[0].activation = ebb.activations.get("tanh")
    after = model.predict(X, verbose=0)
    assert before.min() == 0 > after.min()


@pytest.mark.parametrize("changed", ["optimizer", "array", "tuple"])
def test_whatever_a_step_reads_is_seen_when_it_changes(changed: str) -> None:
    class Scaled(ebb.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.by, self.also = np.full(4, 1.0, np.float32), (1.0, 2.0)

        def call(self, inputs: Any) -> Any:
            return inputs * self.by * self.also[0]

    histories = []
    for run_eagerly in (True, False):
        ebb.set_random_seed(1)
        scaled = Scaled()
        model = ebb.Sequential([ebb.Input((4,)), scaled, ebb.layers.Dense(1)])
        model.compile(ebb.optimizers.SGD(0.1, momentum=0.9), "mse", run_eagerly=run_eagerly)
        model.fit(X, X[:, :1], verbose=0)
        if changed == "optimizer":
            model.optimizer.nesterov = True
        elif changed == "array":
            scaled.by = np.full(4, 3.0, np.float32)
        else:
            scaled.also = (2.0, 2.0)
        histories.append(model.fit(X, X[:, :1], epochs=2, verbose=0).history["loss"])
    assert histories[0] == pytest.approx(histories[1], rel=1e-5)


def test_stopping_from_outside_keeps_what_was_trained() -> None:
    model = ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(1)])
    model.compile("adam", "mse")
    before = model.get_weights()

    def stop(progress: Any) -> None:
        model.stop_training = True

    model.fit(X, X[:, :1], epochs=10**5, verbose=0, callbacks=[ebb.callbacks.LambdaCallback(on_progress=stop)])
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_copies_and_pickles_go_without_machine_code() -> None:
    model = ebb.Sequential([ebb.layers.Dense(3, activation="relu")])
    expected = model.predict(X, verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not other.programs.known
        assert np.array_equal(other.predict(X, verbose=0), expected)


def test_data_spoiled_by_a_callback_leaves_the_weights_finite(run_eagerly: bool) -> None:
    x = X.copy()

    def spoil(epoch: int, logs: dict[str, float]) -> None:
        x[:] = np.nan

    model = ebb.Sequential([ebb.layers.Dense(1)])
    model.compile("adam", "mse", run_eagerly=run_eagerly)
    with pytest.raises(NonFiniteLossError):
        model.fit(x, X[:, :1], epochs=3, verbose=0, callbacks=[ebb.callbacks.LambdaCallback(on_epoch_end=spoil)])
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_models_are_collected_with_their_machine_code() -> None:
    """A model and its programs refer to each other; the collector may free them in any order."""
    for _ in range(3):
        model = ebb.Sequential([ebb.layers.Dense(2)])
        model.predict(X, verbose=0)
        model.itself = model
        gone = weakref.ref(model)
        del model
        gc.collect()
        assert gone() is None


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "compiled"])
def test_the_loss_that_a_step_of_ones_own_returns_is_logged(eager: bool) -> None:
    class Constant(ebb.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = ebb.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def train_step(self, x: Any, y: Any) -> Any:
            return ebb.ops.mean(x) + 0.0 * ebb.ops.sum(self(x))

    x = np.arange(10, dtype=np.float32)[:, None]
    model = Constant()
    model.compile("sgd", "mse", run_eagerly=eager)
    history = model.fit(x, x, batch_size=4, epochs=2, verbose=0).history
    assert history["loss"] == pytest.approx([x.mean()] * 2)
