"""A network that chooses, and learns from the rewards of its choices."""

from typing import Any

import numpy as np

from ..core.errors import ShapeError
from ..functions.arguments import expect, expect_number
from ..losses import SparseCategoricalCrossentropy
from ..training.model import Model
from .checks import numbers, optimizer_of, seed_of

__all__ = ["Policy", "discounted_returns"]


class Policy:
    """pi(a | s) = softmax(network(s))_a, which learns by REINFORCE: g = -mean_i (R_i - baseline) d log pi(a_i | s_i).

        policy = Policy(Sequential([Dense(32, activation="tanh"), Dense(2)]))
        actions = policy.act(states)
        policy.reinforce(states, actions, advantages)

    One step of training is native code, with choices weighted by what came of them.

    Parameters:
        network: a model from states to one logit for each action; compiled here.
        optimizer: name or Optimizer.
        seed: of the choices; None for any.

    Attributes: network, random (the numpy.random.Generator of the choices). Raises ArgumentError for a bad argument.
    Source: Williams (1992), "Simple statistical gradient-following algorithms for connectionist reinforcement
    learning".
    """

    def __init__(self, network: Model, optimizer: Any = "adam", seed: int | None = None):
        expect(isinstance(network, Model), "Policy", "network", "a Model", network)
        self.network, self.random = network, np.random.default_rng(seed_of("Policy", seed))
        network.compile(optimizer_of("Policy", optimizer), SparseCategoricalCrossentropy(from_logits=True))

    def probabilities(self, states: Any) -> np.ndarray:
        """pi(a | s): (rows, features) -> (rows, actions)."""
        logits = self.network.predict_on_batch(states).astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def act(self, states: Any, greedy: bool = False) -> np.ndarray:
        """An action for each state, int32 (rows,): drawn from pi, or the most probable one."""
        chances = self.probabilities(states)
        if greedy:
            return chances.argmax(axis=1).astype(np.int32)
        below = chances.cumsum(axis=1)[:, :-1] <= self.random.random((len(chances), 1))
        return below.sum(axis=1).astype(np.int32)

    def reinforce(self, states: Any, actions: Any, advantages: Any) -> float:
        """One step that makes actions more probable in proportion to their advantages; returns its loss.

        Rows with advantage 0 change nothing: pad with them to batches of equal size, which compile once. The mean is
        over the other rows. Raises ShapeError unless there are as many of each.
        """
        weights = np.asarray(advantages, np.float64)
        if weights.shape != np.shape(actions) or weights.shape != np.shape(states)[:1]:
            raise ShapeError(
                f"reinforce: expected states (rows, features), and an action and an advantage for each row, got shapes "
                f"{np.shape(states)}, {np.shape(actions)} and {weights.shape}"
            )
        counted = max(int(np.count_nonzero(weights)), 1)
        weights = (weights * (len(weights) / counted)).astype(np.float32)
        return float(self.network.train_on_batch(states, np.asarray(actions, np.int32), sample_weight=weights))


def discounted_returns(rewards: Any, discount: float = 0.99) -> np.ndarray:
    """R_t = sum_{k >= t} discount^(k - t) r_k, along the first axis: (steps, ...) -> (steps, ...), float64.

    Parameters: rewards, with zeros after the end of an episode; discount, from 0 to 1.
    Raises ArgumentError for a bad argument.
    """
    discount = expect_number("discounted_returns", "discount", discount, 0.0, 1.0)
    returns = numbers("discounted_returns", "rewards", rewards)
    expect(returns.ndim > 0, "discounted_returns", "rewards", "one reward for each step", rewards)
    for step in range(len(returns) - 2, -1, -1):
        returns[step] += discount * returns[step + 1]
    return returns
