"""A restricted Boltzmann machine does what the theory of its distribution says, which small ones let us write down."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.models import RestrictedBoltzmannMachine

BITS = np.array(list(itertools.product((0.0, 1.0), repeat=4)))
GRID = np.linspace(-12.0, 12.0, 4001)  # the states of one Gaussian unit
PATTERNS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]], np.float32)  # what there is to learn


def machine(inputs: int, units: int, **arguments: Any) -> RestrictedBoltzmannMachine:
    """One with weights and biases of about 0.7."""
    made = RestrictedBoltzmannMachine(units, seed=3, **arguments)
    made.build((None, inputs))
    random = np.random.default_rng(5)
    for weight in (made.kernel, made.visible_bias, made.hidden_bias):
        weight.assign(random.normal(0.0, 0.7, weight.shape).astype(np.float32))
    return made


def parameters(made: RestrictedBoltzmannMachine) -> list[np.ndarray]:
    return [one.numpy().astype(np.float64) for one in (made.kernel, made.visible_bias, made.hidden_bias)]


def states(kind: str, units: int) -> tuple[np.ndarray, float]:
    """All states of a side, and what volume each stands for."""
    if kind == "gaussian":
        assert units == 1
        return GRID[:, None], GRID[1] - GRID[0]
    return BITS[: 2**units, 4 - units :], 1.0


def unnormalized(made: RestrictedBoltzmannMachine, v: np.ndarray, h: np.ndarray) -> np.ndarray:
    """exp(-E(v, h)) for every v and every h, from the definition of E."""
    W, b, c = parameters(made)
    energy = -(v @ b)[:, None] - (h @ c)[None, :] - v @ W @ h.T
    energy += (v**2).sum(1)[:, None] / 2 if made.visible == "gaussian" else 0.0
    energy += (h**2).sum(1)[None, :] / 2 if made.hidden == "gaussian" else 0.0
    return np.exp(-energy)


@pytest.mark.parametrize(
    ("visible", "hidden", "sizes"),
    [("binary", "binary", (4, 3)), ("gaussian", "binary", (1, 3)), ("binary", "gaussian", (4, 1))],
)
def test_free_energy_and_partition_function_sum_over_all_states(
    visible: str, hidden: str, sizes: tuple[int, int]
) -> None:
    made = machine(*sizes, visible=visible, hidden=hidden)
    (v, v_volume), (h, h_volume) = states(visible, sizes[0]), states(hidden, sizes[1])
    p = unnormalized(made, v, h) * v_volume * h_volume
    few = slice(None, None, max(1, len(v) // 16))
    expected = -np.log(p.sum(axis=1) / v_volume)
    middle = np.abs(v[few]).max(axis=1) < 5  # beyond, float32 has no digits left
    np.testing.assert_allclose(made.free_energy(v[few]).numpy()[middle], expected[few][middle], rtol=1e-5, atol=1e-5)
    assert made.log_partition() == pytest.approx(np.log(p.sum()), rel=1e-6)
    np.testing.assert_allclose(made(v[few]).numpy(), ((p @ h) / p.sum(axis=1, keepdims=True))[few], atol=1e-4)


@pytest.mark.parametrize("arguments", [{}, {"persistent": True, "chains": 20_000}], ids=["from data", "persistent"])
def test_many_gibbs_steps_give_the_gradient_of_the_log_likelihood(arguments: dict[str, Any]) -> None:
    made = machine(4, 3, k=30, **arguments)
    (W, b, c), x = parameters(made), np.resize(PATTERNS, (20_000, 4))
    p = unnormalized(made, BITS, states("binary", 3)[0])
    p /= p.sum()
    hidden = 1.0 / (1.0 + np.exp(-(x @ W + c)))
    v, h = BITS, states("binary", 3)[0]
    exact = [
        x.T @ hidden / len(x) - v.T @ p @ h,
        x.mean(axis=0) - p.sum(axis=1) @ v,
        hidden.mean(axis=0) - p.sum(axis=0) @ h,
    ]
    made.compile(ebb.optimizers.SGD(1.0))
    made.fit(x, batch_size=len(x), verbose=0)
    for after, before, gradient in zip(parameters(made), (W, b, c), exact, strict=True):
        np.testing.assert_allclose(after - before, gradient, atol=0.02)  # a mean over 20,000 draws is within 0.004


@pytest.mark.parametrize("run_eagerly", [False, True], ids=["compiled", "eager"])
def test_persistent_chains_go_on_from_the_samples_of_the_step_before(run_eagerly: bool) -> None:
    """Biases of -1,000,000 make every sample 0, and so the chains, wherever they began and whatever the data are."""
    rbm = RestrictedBoltzmannMachine(2, persistent=True, chains=50, kernel_initializer="zeros", seed=1)
    rbm.compile(ebb.optimizers.SGD(0.0), run_eagerly=run_eagerly)
    rbm.build((None, 4))
    assert 0.2 < rbm.chain.numpy().mean() < 0.8
    rbm.visible_bias.assign(np.full(4, -1e6))
    rbm.fit(np.ones((8, 4)), batch_size=8, verbose=0)
    assert not rbm.chain.numpy().any()


@pytest.mark.parametrize(
    ("arguments", "learning_rate"), [({}, 0.2), ({"persistent": True}, 0.05), ({"k": 3, "sample_visible": False}, 0.2)]
)
def test_training_makes_the_data_likely_and_samples_alike(arguments: dict[str, Any], learning_rate: float) -> None:
    ebb.set_random_seed(1)
    rbm, x = RestrictedBoltzmannMachine(8, seed=2, **arguments), np.resize(PATTERNS, (90, 4))
    rbm.compile(ebb.optimizers.SGD(learning_rate, momentum=0.5))
    before = rbm.fit(x, batch_size=10, epochs=1, verbose=0) and rbm.log_likelihood(PATTERNS).mean()
    history = rbm.fit(x, batch_size=10, epochs=300, verbose=0).history
    assert before < -2.5  # about that of noise, -log 16
    assert rbm.log_likelihood(PATTERNS).mean() > -1.6  # no distribution has more than -log 3 = -1.1
    assert history["loss"][-1] < history["loss"][0] / 4
    samples = rbm.sample(400, steps=100).round()  # without sample_visible they are means
    assert np.mean([(one == PATTERNS).all(axis=1).any() for one in samples]) > 0.6  # of noise 3 / 16 would be


def test_compiled_training_is_what_the_formulas_do_step_by_step() -> None:
    fitted = []
    for eagerly in (False, True):
        ebb.set_random_seed(4)
        rbm = RestrictedBoltzmannMachine(3, persistent=True, chains=7, kernel_regularizer="l2")
        rbm.compile("adam", run_eagerly=eagerly)
        logs = rbm.fit(np.resize(PATTERNS, (23, 4)), batch_size=5, epochs=3, verbose=0).history
        fitted.append([np.array(list(logs.values())), *rbm.get_weights()])
    for compiled, interpreted in zip(*fitted, strict=True):
        np.testing.assert_allclose(compiled, interpreted, rtol=1e-4, atol=1e-6)


def test_free_energy_and_metrics_are_logged_and_measured() -> None:
    rbm, x = RestrictedBoltzmannMachine(3, seed=1), np.resize(PATTERNS, (30, 4))
    rbm.compile("sgd", metrics=["mae"])
    logs = rbm.fit(x, validation_data=x, epochs=2, verbose=0).history
    assert [name for name in logs if name[:4] != "val_"] == ["loss", "mae", "free_energy"]
    measured = rbm.evaluate(x, verbose=0, return_dict=True)
    assert measured == pytest.approx({name: logs[f"val_{name}"][-1] for name in measured})
    assert measured["free_energy"] == pytest.approx(float(rbm.free_energy(x).numpy().mean()), rel=1e-5)
    assert measured["loss"] == pytest.approx(float(np.square(x - rbm.reconstruct(x).numpy()).mean()), rel=1e-5)
    np.testing.assert_array_equal(rbm.transform(x), rbm.predict(x, verbose=0))


def test_a_saved_machine_goes_on_where_it_was(tmp_path: Path) -> None:
    rbm, x = RestrictedBoltzmannMachine(3, persistent=True, chains=9, seed=1), np.resize(PATTERNS, (30, 4))
    rbm.compile(ebb.optimizers.SGD(0.1, momentum=0.5))
    rbm.fit(x, epochs=3, verbose=0)
    rbm.save(tmp_path / "machine")
    loaded = ebb.load_model(tmp_path / "machine")
    for one in (rbm, loaded):
        one.fit(x, epochs=2, verbose=0)
    for ours, theirs in zip(rbm.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(rbm.sample(2, 5), loaded.sample(2, 5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "expected a whole number of at least 1 for units"),
        ({"units": 2, "k": 0}, "expected a whole number of at least 1 for k"),
        ({"units": 2, "visible": "softmax"}, "expected one of 'binary', 'gaussian' for visible"),
        ({"units": 2, "visible": "gaussian", "hidden": "gaussian"}, 'expected "binary" with Gaussian visible units'),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RestrictedBoltzmannMachine(**arguments)


def test_bad_data_are_named() -> None:
    rbm = RestrictedBoltzmannMachine(2)
    rbm.compile("sgd")
    with pytest.raises(ArgumentError, match="does not know how many visible units it has"):
        rbm.sample(2)
    with pytest.raises(ArgumentError, match='numbers from 0 to 1 .*got 0 to 255; scale them, or make .*"gaussian"'):
        rbm.fit(np.array([[0.0, 255.0]]), verbose=0)
    rbm.fit(PATTERNS, verbose=0)
    with pytest.raises(ShapeError, match=r"expected a last axis of 4 \(as built\)"):
        rbm.predict(np.zeros((2, 5)), verbose=0)
    with pytest.raises(ArgumentError, match="sample: expected 2 rows of 4 numbers for start"):
        rbm.sample(2, start=PATTERNS)
    with pytest.raises(ArgumentError, match="log_partition expected at most 20 binary units on one side, got 21"):
        machine(21, 22).log_partition()
