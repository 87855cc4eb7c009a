"""A policy network: choices follow its probabilities, and rewards move these along Williams' gradient."""

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.layers import Dense
from ebbflow.models import Policy, discounted_returns


def policy(optimizer: object = "sgd", actions: int = 3) -> Policy:
    ebb.set_random_seed(1)
    return Policy(ebb.Sequential([ebb.Input((2,)), Dense(actions)]), optimizer, seed=5)


def test_returns_are_the_discounted_sums_of_what_is_yet_to_come() -> None:
    rewards = np.array([[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]])
    np.testing.assert_allclose(discounted_returns(rewards, 0.5), [[3.0, 0.5], [4.0, 1.0], [4.0, 0.0]])
    np.testing.assert_array_equal(discounted_returns([1, 1, 1], 1.0), [3, 2, 1])
    with pytest.raises(ArgumentError, match="expected a number between 0 and 1 for discount"):
        discounted_returns(rewards, 1.1)


def test_actions_are_drawn_with_their_probabilities() -> None:
    chooser, states = policy(), np.tile([[0.5, -1.0]], (20_000, 1))
    chances = chooser.probabilities(states[:1])[0]
    counts = np.bincount(chooser.act(states), minlength=3) / len(states)
    assert chances.sum() == pytest.approx(1.0) and np.ptp(chances) > 0.05
    np.testing.assert_allclose(counts, chances, atol=0.015)
    assert (chooser.act(states[:4], greedy=True) == chances.argmax()).all()


def test_a_step_of_reinforce_is_the_gradient_of_weighted_log_probabilities() -> None:
    chooser, random = policy(ebb.optimizers.SGD(1.0)), np.random.default_rng(2)
    states, actions = random.normal(size=(6, 2)).astype(np.float32), random.integers(0, 3, 6)
    advantages = np.array([1.0, -2.0, 0.5, 0.0, 3.0, 0.0])
    W = chooser.network.get_weights()[0]
    errors = np.eye(3)[actions] - chooser.probabilities(states)  # d log pi / d logits
    chooser.reinforce(states, actions, advantages)
    expected = W + states.T @ (errors * advantages[:, None]) / 4  # rows with advantage 0 do not count
    np.testing.assert_allclose(chooser.network.get_weights()[0], expected, rtol=1e-4, atol=1e-6)


def test_a_bandit_is_learned_from_rewards_alone() -> None:
    chooser = policy(ebb.optimizers.Adam(0.05), actions=2)
    random = np.random.default_rng(3)
    for _ in range(100):
        states = random.normal(size=(64, 2)).astype(np.float32)
        actions = chooser.act(states)
        rewards = (actions == (states[:, 0] > 0)).astype(np.float64)
        chooser.reinforce(states, actions, rewards - 0.5)
    states = random.normal(size=(500, 2)).astype(np.float32)
    assert (chooser.act(states, greedy=True) == (states[:, 0] > 0)).mean() > 0.95


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="Policy: expected a Model for network"):
        Policy(Dense(2))
    with pytest.raises(ShapeError, match="expected states .* and an action and an advantage for each row, got shapes"):
        policy().reinforce(np.zeros((3, 2)), [0, 1], [1.0, 1.0])
