"""Layers of several tensors, and the networks with branches that are built with them."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import layers
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.layers.merging import Merge

rng = np.random.default_rng(2)
A, B, C = (rng.normal(size=(4, 3)).astype(np.float32) for _ in range(3))

FORMULAS: dict[str, Any] = {
    "Add": lambda *xs: sum(xs),
    "Subtract": lambda x, y: x - y,
    "Multiply": lambda *xs: np.prod(xs, axis=0),
    "Average": lambda *xs: np.mean(xs, axis=0),
    "Maximum": lambda *xs: np.max(xs, axis=0),
    "Minimum": lambda *xs: np.min(xs, axis=0),
    "Concatenate": lambda *xs: np.concatenate(xs, axis=-1),
}
every = pytest.mark.parametrize("name", FORMULAS)


def test_every_layer_of_several_tensors_is_tried_here() -> None:
    public = {cls.__name__ for cls in vars(layers).values() if isinstance(cls, type) and issubclass(cls, Merge)}
    assert public == set(FORMULAS)


@every
def test_values_shapes_and_configurations(name: str) -> None:
    given = [A, B] if name == "Subtract" else [A, B, C]
    expected = FORMULAS[name](*given)
    layer = getattr(layers, name)()
    np.testing.assert_allclose(layer(given).numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(getattr(layers, name.lower())(given).numpy(), expected, rtol=1e-6)
    assert layer([x.astype(np.float64) for x in given]).dtype == np.float32
    assert getattr(layers, name)(dtype="float64")(given).dtype == np.float64
    assert layer.compute_output_shape([(None, 3)] * len(given)) == (None, *expected.shape[1:])
    assert layer.compute_output_shape([(4, 3)] * len(given)) == expected.shape
    assert layers.serialize(layers.get(layers.serialize(layer))) == layers.serialize(layer)


@every
def test_what_does_not_fit_is_refused_by_name(name: str) -> None:
    layer = getattr(layers, name)(name="both")
    with pytest.raises(ArgumentError, match=rf'^{name} "both": expected a list of tensors, got one, float32\[4,3\]'):
        layer(A)
    with pytest.raises(ShapeError, match=rf'^{name} "both": expected inputs .*, got float32\[4,3\], float32\[3,2\]'):
        layer([A, B[:3, :2]])


def test_lengths_of_one_are_repeated_and_missing_axes_are_of_length_one() -> None:
    np.testing.assert_array_equal(layers.add([A, B[:, :1]]).numpy(), A + B[:, :1])
    np.testing.assert_array_equal(layers.multiply([A, B[:, 0]]).numpy(), A * B[:, :1])


def test_subtract_takes_two_and_concatenate_one_axis() -> None:
    with pytest.raises(ArgumentError, match="expected a list of 2 tensors, got 3"):
        layers.subtract([A, B, C])
    with pytest.raises(ArgumentError, match=r"Concatenate: expected one axis for axis, got \[0, 1\]"):
        layers.Concatenate(axis=[0, 1])
    assert layers.Concatenate(axis=0)([A, B]).shape == layers.concatenate([A, B], axis=0).shape == (8, 3)


class Residual(layers.Layer):
    """x + f(x)."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.first = layers.Dense(6)
        self.normalized = layers.BatchNormalization(momentum=0.5)
        self.relu = layers.ReLU()
        self.second = layers.Dense(6)
        self.add = layers.Add()

    def call(self, inputs):
        hidden = self.relu(self.normalized(self.first(inputs)))
        return self.add([inputs, self.second(hidden)])


class ResidualNetwork(ebb.Model):
    """Two residual blocks between two dense layers."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.enter, self.blocks, self.leave = layers.Dense(6), [Residual(), Residual()], layers.Dense(1)

    def call(self, inputs):
        hidden = self.enter(inputs)
        for block in self.blocks:
            hidden = block(hidden)
        return self.leave(hidden)


def test_a_residual_network_of_ones_own_trains_natively_as_in_python() -> None:
    x = np.random.default_rng(8).normal(size=(48, 3)).astype(np.float32)
    y = np.tanh(x @ [[1.0], [-2.0], [0.5]])

    def trained(run_eagerly: bool) -> tuple[list[np.ndarray], list[float]]:
        ebb.set_random_seed(3)
        model = ResidualNetwork()
        model.compile(optimizer=ebb.optimizers.SGD(0.05), loss="mse", run_eagerly=run_eagerly)
        history = model.fit(x, y, batch_size=16, epochs=8, verbose=0).history
        return model.get_weights(), history["loss"]

    (compiled, losses), (expected, _) = trained(False), trained(True)
    assert losses[-1] < losses[0] / 4
    for one, other in zip(compiled, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
