"""A network learns to balance a pole by its rewards alone.

    python examples/cartpole.py [ROUNDS]

A pole stands on a cart; at each step the network, which sees positions and speeds, pushes the cart to the left or to
the right, and gets a reward of 1 while the pole stands. A round plays many episodes side by side, then makes one
step of REINFORCE: choices that were followed by more than the others had at that time become more probable.

Sources: Barto, Sutton, Anderson (1983), "Neuronlike adaptive elements that can solve difficult learning control
problems" (the system, here without friction); Williams (1992), "Simple statistical gradient-following algorithms for
connectionist reinforcement learning".
"""

import sys
import time

import numpy as np

import ebbflow as ebb
from ebbflow.models import Policy, discounted_returns

GRAVITY, CART, POLE, HALF_LENGTH, FORCE, TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s^2, kg, kg, m, N, s
FARTHEST, STEEPEST = 2.4, 12 * np.pi / 180  # m, rad: where an episode ends
EPISODES, LONGEST = 100, 500  # side by side, and steps of each at most
WANTED = 195.0
SEED = 3


def pushed(states: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """The states (x, x', theta, theta') of all carts, TAU later by Euler's method; action 1 pushes to the right."""
    x, speed, angle, turning = states.T
    force, total, sine, cosine = FORCE * (2 * actions - 1), CART + POLE, np.sin(angle), np.cos(angle)
    shared = (force + POLE * HALF_LENGTH * turning**2 * sine) / total
    faster = (GRAVITY * sine - cosine * shared) / (HALF_LENGTH * (4 / 3 - POLE * cosine**2 / total))
    acceleration = shared - POLE * HALF_LENGTH * faster * cosine / total
    return states + TAU * np.stack([speed, acceleration, turning, faster], axis=1)


def stands(states: np.ndarray) -> np.ndarray:
    """Whether each cart is on its track and its pole upright."""
    return (np.abs(states[:, 0]) <= FARTHEST) & (np.abs(states[:, 2]) <= STEEPEST)


def play(policy: Policy, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Episodes side by side: (states, actions, rewards), each (LONGEST, EPISODES, ...), with reward 0 after the end."""
    states = np.zeros((LONGEST, EPISODES, 4), np.float32)
    actions, rewards = np.zeros((LONGEST, EPISODES), np.int32), np.zeros((LONGEST, EPISODES))
    present, going = random.uniform(-0.05, 0.05, (EPISODES, 4)), np.ones(EPISODES, bool)
    for step in range(LONGEST):
        states[step] = present
        actions[step] = policy.act(states[step])
        rewards[step] = going
        present = np.where(going[:, None], pushed(present, actions[step]), present)
        going &= stands(present)
        if not going.any():
            break
    return states, actions, rewards


def advantages(rewards: np.ndarray) -> np.ndarray:
    """How much more each choice was followed by than the mean of the episodes at that step, in standard deviations."""
    returns, going = discounted_returns(rewards), rewards > 0
    mean = (returns * going).sum(axis=1, keepdims=True) / np.maximum(going.sum(axis=1, keepdims=True), 1)
    better = np.where(going, returns - mean, 0.0)
    return better / (better[going].std() + 1e-8)


def main(rounds: int) -> None:
    ebb.set_random_seed(SEED)
    random, start = np.random.default_rng(SEED), time.perf_counter()
    network = ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(32, activation="tanh"), ebb.layers.Dense(2)])
    policy, reached = Policy(network, ebb.optimizers.Adam(0.02), seed=SEED), 0.0
    for number in range(1, rounds + 1):
        states, actions, rewards = play(policy, random)
        reached = rewards.sum(axis=0).mean()
        if number % 10 == 1 or number == rounds or reached > WANTED:
            print(f"round {number}: mean return {reached:.1f} ({time.perf_counter() - start:.1f} s)", flush=True)
        if reached > WANTED:
            break
        policy.reinforce(states.reshape(-1, 4), actions.reshape(-1), advantages(rewards).reshape(-1))
    print(f"the pole {'stands' if reached > WANTED else 'falls'}: {reached:.1f} steps, wanted more than {WANTED:g}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
