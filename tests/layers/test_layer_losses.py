"""What layers add to the loss: from inside their calls, for their outputs and for their weights."""

import copy
import gc
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from ebbflow import layers, ops, regularizers
from ebbflow.autodiff import GradientTape
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import Tensor, trace

X = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)


def values(layer: layers.Layer) -> list[float]:
    return [float(loss) for loss in layer.losses]


class Adding(layers.Layer):
    """Adds the sum of its inputs to the loss."""

    def call(self, inputs):
        self.add_loss(ops.sum(inputs))
        return inputs * 2


class Pair(layers.Layer):
    """Two layers of which the first adds to the loss; the second only if it is told to."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.first, self.second, self.use_second = Adding(), Adding(), True

    def call(self, inputs):
        inputs = self.first(inputs)
        return self.second(inputs) if self.use_second else inputs


def test_losses_of_the_last_call_are_kept_in_the_order_of_the_layers() -> None:
    pair = Pair()
    assert pair.losses == []
    for _ in range(2):
        pair(X)
        np.testing.assert_allclose(values(pair), [X.sum(), 2 * X.sum()], rtol=1e-5)
    assert values(pair.second) == values(pair)[1:]


def test_a_call_from_outside_forgets_the_losses_of_all_layers_inside() -> None:
    pair = Pair()
    pair(X)
    pair.use_second = False
    pair(X + 1)
    np.testing.assert_allclose(values(pair), [(X + 1).sum()], rtol=1e-5)
    pair.second(X)  # layers may also be called one by one, as in a training step of one's own
    np.testing.assert_allclose(values(pair), [(X + 1).sum(), X.sum()], rtol=1e-5)


def test_a_layer_that_is_called_twice_adds_twice() -> None:
    pair = Pair()
    pair.second = pair.first
    pair(X)
    np.testing.assert_allclose(values(pair), [X.sum(), 2 * X.sum()], rtol=1e-5)


def test_a_shared_layers_weights_are_penalized_once() -> None:
    pair = Pair()
    pair.first = pair.second = layers.Dense(3, kernel_regularizer="l2")
    pair(X)
    np.testing.assert_allclose(values(pair), [0.01 * (pair.first.kernel.numpy() ** 2).sum()], rtol=1e-5)


def test_weights_are_penalized_as_they_are_now_and_while_they_are_trainable() -> None:
    dense = layers.Dense(2, kernel_initializer="ones", kernel_regularizer=regularizers.L2(0.5))
    assert dense.losses == []
    dense(X)
    assert values(dense) == [3.0]
    dense.kernel.assign(2 * np.ones((3, 2)))
    assert values(dense) == [12.0]
    dense.trainable = False
    assert dense.losses == []


def test_outputs_are_penalized_by_the_mean_over_rows() -> None:
    for layer in (layers.Activation("tanh", activity_regularizer="l1"), layers.Activation("tanh")):
        layer.activity_regularizer = regularizers.get("l1")
        layer(X)
        np.testing.assert_allclose(values(layer), [0.01 * np.abs(np.tanh(X)).sum() / 5], rtol=1e-5)


def test_each_of_several_outputs_is_penalized() -> None:
    class Split(layers.Layer):
        def call(self, inputs):
            return {"left": inputs[:, :1], "right": [inputs[:, 1:], ops.sum(inputs)]}

    split = Split(activity_regularizer=regularizers.L2(1.0))
    split(X)
    expected = [(X[:, :1] ** 2).sum() / 5, (X[:, 1:] ** 2).sum() / 5, X.sum() ** 2]
    np.testing.assert_allclose(values(split), expected, rtol=1e-5)


def test_the_regularizer_of_outputs_is_saved_with_a_layer_of_ones_own() -> None:
    layer = Pair(activity_regularizer=regularizers.L1(0.5), name="pair")
    config = layer.get_config()
    assert config["activity_regularizer"] == {"class_name": "L1", "config": {"l1": 0.5}}
    assert Pair.from_config(config).get_config() == config


def test_gradients_flow_through_all_losses() -> None:
    dense = layers.Dense(2, use_bias=False, kernel_regularizer=regularizers.L2(0.5), dtype="float64")
    dense.activity_regularizer = regularizers.L2(3.0)
    with GradientTape() as tape:
        dense(X)
        total = sum(dense.losses)
    gradient = tape.gradient(total, dense.kernel).numpy()
    x, w = X.astype(float), dense.kernel.numpy()
    np.testing.assert_allclose(gradient, 2 * 0.5 * w + 2 * 3.0 * x.T @ (x @ w) / 5, rtol=1e-12)


def test_a_trace_has_losses_of_its_own_which_end_with_it() -> None:
    pair = Pair()
    pair.dense = layers.Dense(2, kernel_regularizer="l2")
    pair.dense(X), pair(X)
    before = values(pair)
    kept: list[Any] = []

    def step(x: Tensor) -> list[Tensor]:
        assert len(pair.losses) == 1  # that of the weight; the calls before were not in this trace
        pair(x), pair(x + 1)
        kept.append(weakref.ref(pair.losses[0]))
        return pair.losses

    traced = trace(step, [("x", Aval(X.shape, X.dtype))])
    got = evaluate(traced.graph, [X, *(variable.numpy() for variable in traced.variables)])
    np.testing.assert_allclose(got, [(X + 1).sum(), 2 * (X + 1).sum(), before[2]], rtol=1e-5)
    assert values(pair) == before
    gc.collect()
    assert kept[0]() is None


def test_asking_for_shapes_adds_nothing() -> None:
    pair = Pair()
    pair(X)
    before = values(pair)
    pair.compute_output_shape((None, 3))
    assert values(pair) == before


def test_threads_copies_and_pickles_do_not_share_losses() -> None:
    pair = Adding()
    pair(X)
    for twin in (copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))):
        assert twin.losses == []
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(len(pair.losses)))
    thread.start(), thread.join()
    assert seen == [0] and len(pair.losses) == 1


def test_a_loss_is_summed_to_one_number() -> None:
    class Odd(layers.Layer):
        def call(self, inputs):
            self.add_loss([inputs, ops.mean(inputs)])
            return inputs

    odd = Odd()
    odd(X)
    np.testing.assert_allclose(values(odd), [X.sum(), X.mean()], rtol=1e-5)


@pytest.mark.parametrize("loss", [0.5, None, np.zeros(3)], ids=str)
def test_what_is_not_a_tensor_is_refused(loss: object) -> None:
    class Odd(layers.Layer):
        def call(self, inputs):
            self.add_loss(loss)
            return inputs

    with pytest.raises(ArgumentError, match=r'^Odd "odd": add_loss expected a tensor that call computed, got '):
        Odd(name="odd")(X)


class Weighted(layers.Layer):
    """Weights with everything that add_weight takes."""

    def build(self, input_shape: Any) -> None:
        self.positional = self.add_weight([input_shape[-1], 2], "ones", "float64")
        self.bare = self.add_weight()
        self.ruled = self.add_weight(
            shape=(4,), initializer="ones", regularizer="l2", constraint="unit_norm", name="ruled"
        )
        self.bounded = self.add_weight((2,), regularizer=lambda w: ops.max(w), constraint=lambda w: ops.clip(w, 0, 1))
        self.count = self.add_weight((), dtype="int32", trainable=False)

    def call(self, inputs):
        return inputs


def test_add_weight_takes_what_that_of_keras_takes() -> None:
    layer = Weighted()
    layer(X)
    assert str(layer.positional.aval) == "float64[3,2]" and layer.bare.shape == ()
    assert layer.count.numpy() == 0 and layer.positional.regularizer is layer.positional.constraint is None
    assert layer.ruled.regularizer.get_config() == {"l2": 0.01}
    np.testing.assert_allclose(layer.ruled.constraint(layer.ruled.value).numpy(), [0.5] * 4, rtol=1e-6)
    np.testing.assert_allclose(values(layer), [0.04, layer.bounded.numpy().max()], rtol=1e-6)
    assert [h.name for h in layer.hyperparameters] == ["l2/l2"]


def test_add_weight_says_what_is_wrong() -> None:
    layer = Weighted(name="w")
    with pytest.raises(ArgumentError, match=r"^Weighted \"w\": add_weight expected a shape first, got 'kernel'; write"):
        layer.add_weight("kernel")
    with pytest.raises(ArgumentError, match=r"^regularizers.get: expected .* got 'l3'"):
        layer.add_weight((2,), regularizer="l3")
    with pytest.raises(ShapeError, match="expected positive lengths of axes"):
        layer.add_weight((0,))
    assert layer.weights == []
