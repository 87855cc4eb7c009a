"""JAX, as an expert would write it: the state donated, an epoch one jitted scan over its batches; or a jitted step.

Variants: "scan", "step", and "scan on one core", to which whoever starts the process must hold it.

Tried, and kept because it is fastest here: four steps per turn of the scan (a fifth faster than one on the small
networks, eight is no better); class numbers as a one-hot product rather than an indexed read, whose gradient is a
scatter (a third slower for 1000 classes); dropout from eight random bits per element, which rounds its rate to 1/256,
by Threefry without the setting that lets devices share the drawing (four times faster than jax.random.bernoulli as it
comes, and than the generator "rbg").
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contestants.problem import NEGATIVE_SLOPE, Data, Network, data, first_weights

jax.config.update("jax_threefry_partitionable", False)

LABELS = {
    "scan": "JAX, a jitted scan per epoch",
    "scan on one core": "JAX, the same on one core",
    "step": "JAX, jitted steps",
}
ACTIVATIONS = {
    "relu": jax.nn.relu,
    "leaky_relu": partial(jax.nn.leaky_relu, negative_slope=NEGATIVE_SLOPE),
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
}
BETA_1, BETA_2, RHO, EPSILON = 0.9, 0.999, 0.9, 1e-7
UNROLL = 4
Values = list[jax.Array]


class Contestant:
    def __init__(self, network: Network, variant: str, examples: Data | None = None) -> None:
        self.label, self.network, self.scans = LABELS[variant], network, variant != "step"
        self.x, self.y = map(jnp.asarray, examples or data(network))
        weights = [jnp.asarray(value) for value in first_weights(network)]
        slots = [[jnp.zeros_like(value) for value in weights] for _ in range(slots_of(network))]
        self.state = weights, slots, jnp.float32(0), jax.random.key(1)
        self.random = np.random.default_rng(1)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            order = self.random.permutation(len(self.x)).astype(np.int32).reshape(-1, self.network.batch)
            if self.scans:
                self.state = _epoch(self.network, self.state, self.x, self.y, order)
            else:
                for rows in order:
                    self.state = _jitted_step(self.network, self.state, self.x, self.y, rows)
        jax.block_until_ready(self.state)

    def weights(self) -> list[np.ndarray]:
        return [np.asarray(value) for value in self.state[0]]


def _loss(network: Network, kept: Values, weights: Values, x: jax.Array, y: jax.Array) -> jax.Array:
    """`kept` says for each hidden layer which units stay; it is empty if all do."""
    for k in range(0, len(weights), 2):
        if k:
            x = ACTIVATIONS[network.activation](x)
        if k and kept:
            x = jnp.where(kept[k // 2 - 1], x / (1 - network.dropout), 0)
        x = x @ weights[k] + weights[k + 1]
    if not network.classifies:
        return jnp.mean((x - y) ** 2)
    return -jnp.mean(jnp.sum(jax.nn.one_hot(y, network.sizes[-1]) * jax.nn.log_softmax(x), axis=1))


def _kept(network: Network, key: jax.Array) -> Values:
    hidden = np.array(network.sizes[1:-1])
    bits = jax.random.bits(key, (network.batch, hidden.sum()), jnp.uint8)
    return jnp.split(bits >= round(256 * network.dropout), np.cumsum(hidden)[:-1], axis=1)


def step(network: Network, state: Any, x: jax.Array, y: jax.Array, rows: jax.Array, rate: Any = None) -> Any:
    """The state after a step on these rows; at the network's own rate, or at one that may be traced."""
    weights, slots, t, key = state
    rate = network.learning_rate if rate is None else rate
    x, y = (array.at[rows].get(mode="promise_in_bounds", unique_indices=True) for array in (x, y))
    kept: Values = []
    if network.dropout:
        key, own = jax.random.split(key)
        kept = _kept(network, own)
    gradients = jax.grad(partial(_loss, network, kept))(weights, x, y)
    updated = [_updated(network, rate, t + 1, *each) for each in zip(weights, gradients, *slots, strict=True)]
    weights, *slots = map(list, zip(*updated, strict=True))
    return weights, slots, t + 1, key


def slots_of(network: Network) -> int:
    """How many values the optimizer remembers for each weight."""
    return {"SGD": int(network.momentum > 0), "RMSprop": 1, "Adam": 2}[network.optimizer]


def _updated(
    network: Network, rate: Any, t: jax.Array, w: jax.Array, g: jax.Array, *slots: jax.Array
) -> tuple[jax.Array, ...]:
    """A weight after step t, and what is remembered for it; the formulas of Keras."""
    if network.optimizer == "Adam":
        m, v = slots[0] + (1 - BETA_1) * (g - slots[0]), slots[1] + (1 - BETA_2) * (g * g - slots[1])
        return w - rate * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t) * m / (jnp.sqrt(v) + EPSILON), m, v
    if network.optimizer == "RMSprop":
        v = RHO * slots[0] + (1 - RHO) * g * g
        return w - rate * g / jnp.sqrt(v + EPSILON), v
    if not slots:
        return (w - rate * g,)
    m = network.momentum * slots[0] - rate * g
    return w + m, m


_jitted_step = jax.jit(step, static_argnums=0, donate_argnums=1)


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def _epoch(network: Network, state: Any, x: jax.Array, y: jax.Array, order: jax.Array) -> Any:
    return jax.lax.scan(lambda now, rows: (step(network, now, x, y, rows), None), state, order, unroll=UNROLL)[0]
