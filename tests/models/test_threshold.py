"""Threshold units do what was proved of them."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.models import Adaline, McCullochPitts, Perceptron
from ebbflow.optimizers.schedules import CosineDecay

INPUTS = np.array(list(itertools.product((0, 1), repeat=2)), np.float32)
AND, OR, XOR = (INPUTS.all(axis=1), INPUTS.any(axis=1), INPUTS[:, 0] != INPUTS[:, 1])


def answers(unit: Any, x: np.ndarray = INPUTS) -> list[bool]:
    return unit(x).numpy()[:, 0].astype(bool).tolist()


def test_mcculloch_pitts_units_are_logic() -> None:
    assert answers(McCullochPitts([1, 1], threshold=2)) == AND.tolist()
    assert answers(McCullochPitts([1, 1], threshold=1)) == OR.tolist()
    assert answers(McCullochPitts([-1], threshold=0), np.array([[0.0], [1.0]])) == [True, False]
    assert not McCullochPitts([1, 1], threshold=1).trainable_weights


def test_no_unit_is_xor_but_two_layers_are() -> None:
    choices = itertools.product(range(-3, 4), repeat=3)
    assert all(answers(McCullochPitts([a, b], t)) != XOR.tolist() for a, b, t in choices)
    network = ebb.Sequential([McCullochPitts([[1, 1], [1, 1]], [1, 2]), McCullochPitts([1, -1], 1)])
    assert answers(network) == XOR.tolist()


def separable(rows: int, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of the unit disk on two sides of a line through it, none closer than `margin`."""
    random = np.random.default_rng(7)
    points = random.uniform(-0.7, 0.7, (20 * rows, 2)).astype(np.float32)
    sides = points @ np.array([0.6, 0.8]) + 0.1
    kept = np.abs(sides) > margin
    return points[kept][:rows], (sides[kept][:rows] > 0).astype(np.int32)


@pytest.mark.parametrize("margin", [0.1, 0.02])
@pytest.mark.parametrize("learning_rate", [1.0, 0.1])
def test_the_perceptron_makes_no_more_mistakes_than_novikoff_allows(margin: float, learning_rate: float) -> None:
    x, y = separable(60, margin)
    perceptron = Perceptron(learning_rate)
    perceptron.fit(x, y, epochs=2_000, verbose=0)
    assert perceptron.converged and answers(perceptron, x) == y.astype(bool).tolist()
    augmented = np.hstack([x, np.ones((len(x), 1))])
    u = np.array([0.6, 0.8, 0.1]) / np.linalg.norm([0.6, 0.8, 0.1])
    gamma = (augmented @ u * (2 * y - 1)).min()
    assert 0 < sum(perceptron.mistakes) <= (np.linalg.norm(augmented, axis=1).max() / gamma) ** 2


def test_the_perceptron_follows_its_rule() -> None:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(12, 3)).astype(np.float32), random.integers(0, 2, 12)
    perceptron = Perceptron(0.5)
    perceptron.fit(x, y, epochs=1, verbose=0)
    w, b, wrong = np.zeros(3), 0.0, 0
    for row, target in zip(x, y, strict=True):
        error = target - float(row @ w + b >= 0)
        w, b, wrong = w + 0.5 * error * row, b + 0.5 * error, wrong + abs(error)
    np.testing.assert_allclose(perceptron.kernel.numpy()[:, 0], w, rtol=1e-5, atol=1e-6)
    assert perceptron.bias.numpy()[0] == pytest.approx(b) and perceptron.mistakes == [wrong]


def test_on_xor_the_perceptron_goes_in_circles_and_says_so() -> None:
    perceptron = Perceptron()
    with pytest.warns(UserWarning, match="no line separates the classes: .*put a hidden layer below"):
        perceptron.fit(INPUTS, XOR.astype(int), epochs=1_000, verbose=0)
    assert not perceptron.converged and len(perceptron.mistakes) < 50
    perceptron.fit(INPUTS, AND.astype(int), verbose=0)
    assert perceptron.converged and answers(perceptron) == AND.tolist()


def test_several_units_learn_side_by_side() -> None:
    perceptron = Perceptron(units=2)
    perceptron.fit(INPUTS, np.stack([AND, OR], axis=1).astype(int), verbose=0)
    np.testing.assert_array_equal(perceptron.predict(INPUTS, verbose=0), np.stack([AND, OR], axis=1))


def test_adaline_follows_the_delta_rule_to_the_line_of_least_squares() -> None:
    random = np.random.default_rng(5)
    y = random.integers(0, 2, 200)
    x = (random.normal(size=(200, 3)) + y[:, None]).astype(np.float32)  # no line separates these
    adaline = Adaline(0.002)
    losses = adaline.fit(x, y, epochs=100, verbose=0).history["loss"]
    solution, (residual,), *_ = np.linalg.lstsq(np.hstack([x, np.ones((200, 1))]), 2.0 * y - 1.0, rcond=None)
    np.testing.assert_allclose(adaline.kernel.numpy()[:, 0], solution[:3], atol=0.02)
    assert adaline.bias.numpy()[0] == pytest.approx(solution[3], abs=0.02)
    assert losses[0] > losses[-1] == pytest.approx(residual / 200, rel=0.02)
    adaline.compile("sgd", metrics=["accuracy"])
    assert adaline.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] > 0.8


@pytest.mark.parametrize("rate", [0.5, CosineDecay(0.1, 100)], ids=["a number", "a schedule"])
@pytest.mark.parametrize("kind", [Perceptron, Adaline])
def test_units_come_back_from_a_file(tmp_path: Path, kind: Any, rate: Any) -> None:
    unit = kind(rate, units=2)
    unit.fit(INPUTS, np.stack([AND, OR], axis=1).astype(int), epochs=2, verbose=0)
    unit.save(tmp_path / "unit")
    loaded = ebb.load_model(tmp_path / "unit")
    assert float(loaded.optimizer.learning_rate.numpy()) == float(unit.optimizer.learning_rate.numpy())
    np.testing.assert_array_equal(loaded.get_weights()[0], unit.get_weights()[0])


def test_mistakes_of_the_user_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"expected the classes 0 and 1 in y, got \[-1, 1\]"):
        Perceptron().fit(INPUTS, [-1, 1, 1, 1], verbose=0)
    with pytest.raises(ArgumentError, match="expected finite numbers for weights"):
        McCullochPitts([np.nan], 0)
    with pytest.raises(ArgumentError, match="expected 1 or 2 numbers for threshold"):
        McCullochPitts([[1, 1]], [1, 2, 3])
    with pytest.raises(ShapeError, match="expected a last axis of 3"):
        McCullochPitts([1, 1, 1], 0)(INPUTS)
