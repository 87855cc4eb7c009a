"""Layers that bring values to mean 0 and variance 1, by the moments of a batch or of each sample."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import layers
from ebbflow.autodiff import GradientTape
from ebbflow.core.errors import ArgumentError
from ebbflow.functions import array

rng = np.random.default_rng(6)
X = rng.normal([1.0, -2.0, 0.5], [3.0, 0.5, 1.0], (10, 3))
CUBE = rng.normal(size=(4, 3, 2))
G = rng.normal(size=X.shape)
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch, the peer, is not installed"
)


def normalized(x: np.ndarray, axes: Any, epsilon: float) -> np.ndarray:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def test_training_normalizes_by_the_batch_and_prediction_by_running_moments() -> None:
    layer = layers.BatchNormalization(momentum=0.9, dtype="float64")
    np.testing.assert_allclose(layer(X, training=True).numpy(), normalized(X, 0, 1e-3), rtol=1e-12)
    mean, variance = 0.1 * X.mean(0), 0.9 + 0.1 * X.var(0)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-12)
    layer.set_weights([np.array([2.0, 3.0, 4.0]), np.array([0.1, 0.2, 0.3]), mean, variance])  # in Keras' order
    expected = (X - mean) / np.sqrt(variance + 1e-3) * [2.0, 3.0, 4.0] + [0.1, 0.2, 0.3]
    np.testing.assert_allclose(layer(X).numpy(), expected, rtol=1e-12)
    assert [w.name.split("/")[1] for w in layer.trainable_weights] == ["gamma", "beta"]


def test_a_batch_normalization_that_is_not_trainable_predicts_also_in_training() -> None:
    layer = layers.BatchNormalization(trainable=False)
    np.testing.assert_array_equal(layer(X, training=True).numpy(), layer(X).numpy())
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))


def test_batch_moments_are_taken_over_all_other_axes() -> None:
    for axis, others in ((1, (0, 2)), (-1, (0, 1))):
        layer = layers.BatchNormalization(axis=axis, dtype="float64")
        np.testing.assert_allclose(layer(CUBE, training=True).numpy(), normalized(CUBE, others, 1e-3), rtol=1e-12)
        assert layer.gamma.shape == (CUBE.shape[axis],)


@pytest.mark.parametrize("run_eagerly", [True, False], ids=["eager", "compiled"])
def test_running_moments_follow_the_batches_of_a_fit_also_the_last_smaller_one(run_eagerly: bool) -> None:
    normalization = layers.BatchNormalization(momentum=0.8)
    model = ebb.Sequential([ebb.Input((3,)), normalization, layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", run_eagerly=run_eagerly)
    model.fit(X, X[:, :1], batch_size=4, epochs=3, shuffle=False, verbose=0, validation_data=(X, X[:, :1]))
    mean, variance = np.zeros(3), np.ones(3)
    for batch in [X[:4], X[4:8], X[8:]] * 3:
        mean, variance = 0.8 * mean + 0.2 * batch.mean(0), 0.8 * variance + 0.2 * batch.var(0)
    np.testing.assert_allclose(normalization.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(normalization.moving_variance.numpy(), variance, rtol=1e-5)
    expected = normalization(X).numpy() @ model.layers[1].kernel.numpy() + model.layers[1].bias.numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-4, atol=1e-6)


def test_freezing_after_a_fit_keeps_the_running_moments_in_the_next() -> None:
    normalization = layers.BatchNormalization()
    model = ebb.Sequential([ebb.Input((3,)), normalization, layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(X, X[:, :1], verbose=0)
    normalization.trainable = False
    before = normalization.get_weights()
    model.compile(optimizer="sgd", loss="mse")
    kernel = model.layers[1].kernel.numpy()
    model.fit(X, X[:, :1], verbose=0)
    for one, other in zip(normalization.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (model.layers[1].kernel.numpy() != kernel).all()


def test_a_momentum_of_one_keeps_the_running_moments() -> None:
    layer = layers.BatchNormalization()
    layer(X, training=True)
    before = layer.moving_mean.numpy()
    layer.momentum = 1.0
    layer(2 * X, training=True)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before)
    assert layer.momentum in layer.hyperparameters


def test_files_keep_running_moments_and_what_training_goes_on_with(tmp_path: Path) -> None:
    model = ebb.Sequential([ebb.Input((3,)), layers.Dense(4), layers.BatchNormalization(momentum=0.6), layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    model.save(tmp_path / "model.ebb")
    again = ebb.load_model(tmp_path / "model.ebb")
    for one in (model, again):
        one.fit(X, X[:, :1], epochs=2, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@needs_torch
def test_batch_normalization_is_that_of_pytorch() -> None:
    """Its momentum is one minus ours, and its running variance is divided by n - 1."""
    import torch

    theirs = torch.nn.BatchNorm1d(3, eps=1e-3, momentum=0.1, dtype=torch.float64)
    given = torch.tensor(X, requires_grad=True)
    outputs = theirs(given)
    outputs.backward(torch.tensor(G))
    ours = layers.BatchNormalization(momentum=0.9, dtype="float64")
    inputs = array.convert_to_tensor(X)
    with GradientTape() as tape:
        tape.watch(inputs)
        y = ours(inputs, training=True)
        total = array.sum(y * G)
    by_x, by_gamma, by_beta = tape.gradient(total, [inputs, ours.gamma, ours.beta])
    np.testing.assert_allclose(y.numpy(), outputs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(by_x.numpy(), given.grad.numpy(), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(by_gamma.numpy(), theirs.weight.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(by_beta.numpy(), theirs.bias.grad.numpy(), rtol=1e-10)
    np.testing.assert_allclose(ours.moving_mean.numpy(), theirs.running_mean.numpy(), rtol=1e-12)
    unbiased = 0.9 + (ours.moving_variance.numpy() - 0.9) * len(X) / (len(X) - 1)
    np.testing.assert_allclose(unbiased, theirs.running_var.numpy(), rtol=1e-12)


def test_layer_normalization_takes_each_samples_moments() -> None:
    np.testing.assert_allclose(
        layers.LayerNormalization(dtype="float64")(X).numpy(), normalized(X, 1, 1e-3), rtol=1e-12
    )
    both = layers.LayerNormalization(axis=(1, 2), epsilon=0.1, dtype="float64")
    both(CUBE)
    gamma, beta = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    both.set_weights([gamma, beta])
    np.testing.assert_allclose(both(CUBE).numpy(), normalized(CUBE, (1, 2), 0.1) * gamma + beta, rtol=1e-12)
    assert layers.LayerNormalization(center=False, scale=False).weights == []


def test_rms_normalization_divides_by_the_root_of_the_mean_square() -> None:
    layer = layers.RMSNormalization(epsilon=0.1, dtype="float64")
    layer(X)
    layer.set_weights([[1.0, 2.0, 3.0]])
    expected = X / np.sqrt(np.square(X).mean(-1, keepdims=True) + 0.1) * [1.0, 2.0, 3.0]
    np.testing.assert_allclose(layer(X).numpy(), expected, rtol=1e-12)


def test_the_formulas_are_operations_too() -> None:
    mean, variance = ebb.ops.moments(CUBE, axes=(0, 1))
    np.testing.assert_allclose(mean.numpy(), CUBE.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(variance.numpy(), CUBE.var((0, 1)), rtol=1e-12)
    assert ebb.ops.moments(CUBE, axes=1, keepdims=True)[0].shape == (4, 1, 2)
    by_hand = ebb.ops.batch_normalization(CUBE, mean, variance, axis=-1)
    np.testing.assert_allclose(by_hand.numpy(), normalized(CUBE, (0, 1), 1e-3), rtol=1e-12)
    np.testing.assert_allclose(ebb.ops.layer_normalization(X).numpy(), normalized(X, 1, 1e-7), rtol=1e-12)
    assert ebb.ops.rms_normalization(X, scale=np.full(3, 2.0)).shape == X.shape


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"momentum": 1.5}, "BatchNormalization: expected a number between 0 and 1 for momentum, got 1.5"),
        ({"epsilon": -1.0}, "BatchNormalization: expected a number of at least 0 for epsilon, got -1.0"),
        ({"axis": [0, 1]}, r"BatchNormalization: expected one axis for axis, got \[0, 1\]"),
        ({"gamma_initializer": "gamma"}, "initializers.get: expected .* got 'gamma'"),
        ({"beta_regularizer": "l3"}, "regularizers.get: expected .* got 'l3'"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        layers.BatchNormalization(**arguments)
