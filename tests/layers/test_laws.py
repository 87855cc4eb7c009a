"""What holds for every layer where it learns: derivatives, native code, files, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import activations, layers
from ebbflow.autodiff import GradientTape
from ebbflow.core.errors import ShapeError
from ebbflow.functions import array

from .makers import MAKERS, WHOLE, inputs_of

every = pytest.mark.parametrize("name", MAKERS)
# what needs inputs of the shape that it was built for; all others take any
BOUND = {
    *("Dense", "Dense without bias", "Dense float64", "PReLU", "BatchNormalization", "BatchNormalization alone"),
    *("LayerNormalization", "RMSNormalization", "Normalization", "Rescaling", "PolynomialFeatures", "RBF"),
    *("RBF of given centers", "InputLayer", "Permute", "RepeatVector"),
}


def made(name: str, **changes: Any) -> Any:
    """A built layer; `changes` are of its configuration."""
    layer = MAKERS[name]()
    if changes:
        layer = type(layer).from_config(layer.get_config() | changes)
    layer(inputs_of(name))
    return layer


@every
def test_the_derivative_is_the_limit_of_differences(name: str) -> None:
    """Along a random direction in inputs and weights, in float64, with the noise of training and batch moments."""
    rng = np.random.default_rng(3)
    x = inputs_of(name).astype(np.float64)
    first = made(name, dtype="float64", trainable=True)
    weights = first.get_weights()
    moved = {id(weight) for weight in first.trainable_weights}
    along = [rng.normal(size=w.shape) * (id(v) in moved) for v, w in zip(first.weights, weights, strict=True)]
    x_along = rng.normal(size=x.shape) * (name != "Embedding")
    places = rng.normal(size=first.output_shape[1:])

    def value(step: float) -> tuple[Any, Any, Any]:
        layer = made(name, dtype="float64", trainable=True)  # anew, so that every value is drawn with the same noise
        layer.set_weights([w + step * a for w, a in zip(weights, along, strict=True)])
        with GradientTape() as tape:
            inputs = array.convert_to_tensor(x + step * x_along)
            tape.watch(inputs)
            outputs = layer(inputs, training=True)
            assert outputs.dtype == np.float64
            total = array.sum(outputs * places)
        return total, tape, (layer, inputs)

    step = 1e-6
    difference = (float(value(step)[0].numpy()) - float(value(-step)[0].numpy())) / (2 * step)
    total, tape, (layer, inputs) = value(0.0)
    sources = [inputs, *layer.trainable_weights]
    directions = [x_along, *(a for v, a in zip(layer.weights, along, strict=True) if v.trainable)]
    gradients = tape.gradient(total, sources)
    derivative = sum((g.numpy() * d).sum() for g, d in zip(gradients, directions, strict=True) if g is not None)
    np.testing.assert_allclose(derivative, difference, rtol=1e-6, atol=1e-7)


class Everything(ebb.Model):
    """Each layer in a branch of its own, above one that learns and below another one."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.below, self.above = layers.Dense(3), layers.Dense(1)
        self.branches = {name: make() for name, make in MAKERS.items()}

    def call(self, inputs):
        hidden = self.below(inputs)
        outputs = [
            layers.Flatten()(layer(inputs if isinstance(layer, layers.Embedding) else hidden))
            for layer in self.branches.values()
        ]
        return self.above(activations.tanh(layers.concatenate(outputs)))


def test_native_code_trains_every_layer_as_python_does() -> None:
    """Weights, running moments and noise after steps of two sizes, in one network because compiling takes time."""
    x = np.concatenate([WHOLE, WHOLE[:3] + [[0, 0, 1]] * 3])
    y = np.random.default_rng(5).normal(size=(8, 1))

    def trained(run_eagerly: bool) -> Any:
        ebb.set_random_seed(4)
        model = Everything()
        model.compile(optimizer=ebb.optimizers.SGD(0.02), loss="mse", run_eagerly=run_eagerly)
        model.fit(x, y, batch_size=5, epochs=2, verbose=0)
        return model

    compiled, eager = trained(False), trained(True)
    for one, other in zip(compiled.weights, eager.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6, err_msg=one.name)
    np.testing.assert_allclose(compiled.predict(x, verbose=0), eager(x).numpy(), rtol=1e-5, atol=1e-6)


@every
def test_a_saved_layer_computes_the_same(name: str, tmp_path: Path) -> None:
    x = inputs_of(name)
    model = ebb.Sequential([MAKERS[name](), layers.Identity()])
    model(x, training=True)  # which moves running moments
    model.save(tmp_path / "model.ebb")
    again = ebb.load_model(tmp_path / "model.ebb")
    np.testing.assert_array_equal(again(x).numpy(), model(x).numpy())
    np.testing.assert_array_equal(again(x, training=True).numpy(), model(x, training=True).numpy())


@every
def test_inputs_of_another_shape_are_refused_by_name(name: str) -> None:
    layer, other = made(name), np.ones((5, 4, 2), np.float32)
    if name not in BOUND:
        assert layer(other).shape[0] == 5
        return
    with pytest.raises(ShapeError) as refusal:
        layer(other)
    assert str(refusal.value).startswith(f'{type(layer).__name__} "{layer.name}": expected ')
