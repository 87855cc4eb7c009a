"""Autoencoders, of random weights and of unrolled stacks of Boltzmann machines."""

from pathlib import Path

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.layers import Dense
from ebbflow.models import Autoencoder, RestrictedBoltzmannMachine, TransposedDense, autoencoder, pretrain

RANDOM = np.random.default_rng(0)
CAUSES = RANDOM.integers(0, 2, (300, 3))
DATA = np.repeat(CAUSES, 4, axis=1).astype(np.float32)  # twelve numbers that say three things


@pytest.fixture(scope="module")
def stack() -> list[RestrictedBoltzmannMachine]:
    ebb.set_random_seed(1)
    return pretrain(DATA, [8, 3], epochs=30, batch_size=20, seed=1)


def test_transposed_dense_computes_with_the_other_layers_weights() -> None:
    dense = Dense(2)
    x = RANDOM.normal(size=(5, 3)).astype(np.float32)
    y = dense(x)
    back = TransposedDense(dense, "tanh", bias_initializer="ones")
    np.testing.assert_allclose(back(y).numpy(), np.tanh(y.numpy() @ dense.kernel.numpy().T + 1), rtol=1e-5)
    assert back.weights == [back.bias, *dense.weights] or back.weights == [*dense.weights, back.bias]
    with pytest.raises(ArgumentError, match="expected a Dense for dense"):
        TransposedDense(back)
    with pytest.raises(ArgumentError, match="to be built, since it shares its weights"):
        TransposedDense(Dense(2))(y)
    with pytest.raises(ShapeError, match="expected a last axis of 2"):
        back(x)


@pytest.mark.parametrize("tied", [False, True])
def test_an_unrolled_stack_is_its_machines_one_after_the_other(
    stack: list[RestrictedBoltzmannMachine], tied: bool
) -> None:
    model = autoencoder(stack, tied=tied)
    code = stack[1].transform(stack[0].transform(DATA))
    np.testing.assert_allclose(model.encoder.predict(DATA, verbose=0), code, rtol=1e-5, atol=1e-6)
    features = stack[1]._to_visible(code).numpy()
    back = stack[0]._to_visible(1 / (1 + np.exp(-features))).numpy()
    np.testing.assert_allclose(model.predict(DATA, verbose=0), 1 / (1 + np.exp(-back)), rtol=1e-4, atol=1e-6)


def test_tied_weights_are_counted_once_and_stay_tied_in_training(stack: list[RestrictedBoltzmannMachine]) -> None:
    free, tied = autoencoder(stack), autoencoder(stack, tied=True)
    kernels = 12 * 8 + 8 * 3
    assert free.count_params() - tied.count_params() == kernels
    tied.compile("adam", "mse")
    losses = tied.fit(DATA, DATA, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    codes, decoder = tied.encoder.predict(DATA, verbose=0), tied.decoder.layers
    assert decoder[0].dense.kernel is tied.encoder.layers[-1].kernel
    np.testing.assert_allclose(tied.decoder.predict(codes, verbose=0), tied.predict(DATA, verbose=0), rtol=1e-5)


def test_the_gradient_of_a_tied_weight_comes_from_both_places(stack: list[RestrictedBoltzmannMachine]) -> None:
    model, x = autoencoder(stack, tied=True), DATA[:6]
    kernel = model.encoder.layers[1].kernel

    def loss() -> ebb.Tensor:
        return ebb.ops.mean(ebb.ops.square(x - model(x)))

    with ebb.GradientTape() as tape:
        value = loss()
    gradient, start = tape.gradient(value, kernel).numpy(), kernel.numpy().copy()
    direction = RANDOM.normal(size=start.shape).astype(np.float32)
    ends = []
    for sign in (1, -1):
        kernel.assign(start + sign * np.float32(1e-2) * direction)
        ends.append(float(loss().numpy()))
    kernel.assign(start)
    assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(float((gradient * direction).sum()), rel=0.02)


@pytest.mark.parametrize("tied", [False, True])
def test_a_saved_autoencoder_comes_back(tmp_path: Path, tied: bool) -> None:
    model = Autoencoder((12, 8, 3), activation="relu", output_activation="sigmoid", tied=tied)
    model.compile("adam", "binary_crossentropy")
    model.fit(DATA, DATA, epochs=2, verbose=0)
    model.save(tmp_path / "model")
    loaded = ebb.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(DATA, verbose=0), model.predict(DATA, verbose=0))
    for one in (model, loaded):
        one.fit(DATA, DATA, verbose=0)
    np.testing.assert_array_equal(loaded.predict(DATA, verbose=0), model.predict(DATA, verbose=0))


def test_a_deep_stack_that_stalls_from_small_weights_learns_when_pretrained() -> None:
    ebb.set_random_seed(2)
    sizes, errors = (12, 10, 8, 6, 3), []
    small = Autoencoder(sizes, kernel_initializer=ebb.initializers.RandomNormal(stddev=0.01))
    machines = pretrain(DATA, sizes[1:], epochs=60, batch_size=20, learning_rate=0.3, momentum=0.9, seed=3)
    for model in (small, autoencoder(machines)):
        model.compile(ebb.optimizers.SGD(0.1, momentum=0.9), "mse")
        errors.append(model.fit(DATA, DATA, epochs=100, verbose=0).history["loss"][-1])
    assert errors[0] > 0.24  # that of always saying the mean is 0.25
    assert errors[1] < 0.01


def test_bad_arguments_are_named(stack: list[RestrictedBoltzmannMachine]) -> None:
    with pytest.raises(ArgumentError, match="at least two numbers, of features and of units, for sizes"):
        Autoencoder((12,))
    with pytest.raises(ArgumentError, match="expected trained Boltzmann machines for machines"):
        autoencoder([RestrictedBoltzmannMachine(3)])
    with pytest.raises(ArgumentError, match="as many visible units as the machine below has hidden ones"):
        autoencoder(stack[::-1])
    with pytest.raises(ArgumentError, match="pretrain: expected at least one number for sizes"):
        pretrain(DATA, [])
    with pytest.raises(ShapeError, match=r"expected inputs of shape \(batch, 12\), got \(1, 5\)"):
        Autoencoder((12, 3)).predict(np.zeros((2, 5)), verbose=0)
