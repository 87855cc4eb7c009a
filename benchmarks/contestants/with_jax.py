"""JAX, as an expert would write it: the state donated, an epoch one jitted scan over its batches; or a jitted step.

Variants: "scan", "step", and "scan on one core", to which whoever starts the process must hold it.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contestants.problem import Network, data, first_weights

LABELS = {
    "scan": "JAX, a jitted scan per epoch",
    "scan on one core": "JAX, the same on one core",
    "step": "JAX, jitted steps",
}
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
UNROLL = 4  # steps per turn of the scan: a fifth faster than 1 on the small networks, 8 is no better


class Contestant:
    def __init__(self, network: Network, variant: str) -> None:
        self.label, self.network, self.scans = LABELS[variant], network, variant != "step"
        self.x, self.y = map(jnp.asarray, data(network))
        weights = [jnp.asarray(value) for value in first_weights(network)]
        zeros = [jnp.zeros_like(value) for value in weights]
        slots = () if network.optimizer == "SGD" else (zeros, [jnp.zeros_like(value) for value in weights])
        self.state = weights, slots, jnp.float32(0)
        self.random = np.random.default_rng(1)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            order = self.random.permutation(self.network.rows).astype(np.int32).reshape(-1, self.network.batch)
            if self.scans:
                self.state = _epoch(self.network, self.state, self.x, self.y, order)
            else:
                for rows in order:
                    self.state = _jitted_step(self.network, self.state, self.x, self.y, rows)
        jax.block_until_ready(self.state)

    def weights(self) -> list[np.ndarray]:
        return [np.asarray(value) for value in self.state[0]]


def _loss(network: Network, weights: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    for k in range(0, len(weights), 2):
        x = (jax.nn.relu(x) if k else x) @ weights[k] + weights[k + 1]
    if not network.classifies:
        return jnp.mean((x - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1))


def _step(network: Network, state: Any, x: jax.Array, y: jax.Array, rows: jax.Array) -> Any:
    weights, slots, t = state
    x, y = (array.at[rows].get(mode="promise_in_bounds", unique_indices=True) for array in (x, y))
    gradients = jax.grad(partial(_loss, network))(weights, x, y)
    t = t + 1
    if network.optimizer == "SGD":
        return [w - network.learning_rate * g for w, g in zip(weights, gradients, strict=True)], slots, t
    ms = [m + (1 - BETA_1) * (g - m) for m, g in zip(slots[0], gradients, strict=True)]
    vs = [v + (1 - BETA_2) * (g * g - v) for v, g in zip(slots[1], gradients, strict=True)]
    rate = network.learning_rate * jnp.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
    weights = [w - rate * m / (jnp.sqrt(v) + EPSILON) for w, m, v in zip(weights, ms, vs, strict=True)]
    return weights, (ms, vs), t


_jitted_step = jax.jit(_step, static_argnums=0, donate_argnums=1)


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def _epoch(network: Network, state: Any, x: jax.Array, y: jax.Array, order: jax.Array) -> Any:
    return jax.lax.scan(lambda now, rows: (_step(network, now, x, y, rows), None), state, order, unroll=UNROLL)[0]
