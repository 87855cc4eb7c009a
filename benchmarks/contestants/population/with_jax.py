"""JAX: an epoch of all members as one jitted vmap of scans; of some of them at a time; or of one, member by member.

Variants: "vmap", "blocks" and "loop". Steps are those of contestants/with_jax.py, with the rate as an input. Orders of
rows come from NumPy. XLA runs a vmap of small networks on one core, and blocks of fewer members stay in its cache: how
many at a time, and in how many Python threads, is found by trying, as is the number of threads of the loop.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contestants.population.problem import Crowd, Starts, Weights, on_threads, thread_counts
from benchmarks.contestants.problem import Network, data
from benchmarks.contestants.trial import fastest
from benchmarks.contestants.with_jax import UNROLL, slots_of, step

BLOCKS = (8, 16, 32)  # members at a time
LOOPED = 16  # members that the loop trains, a multiple of the cores
Ways = dict[str, Callable[[int], list[Weights]]]  # label: training of so many epochs


class Contestant:
    def __init__(self, crowd: Crowd, variant: str, starts: Starts | None = None) -> None:
        self.crowd, self.starts = crowd, starts or crowd.starts
        self.x, self.y = map(jnp.asarray, data(crowd.network))
        self.members = crowd.some(LOOPED) if variant == "loop" else list(range(crowd.members))
        ways = {"vmap": self._whole, "blocks": self._blocks, "loop": self._loop}[variant]()
        self.label = fastest(ways)
        self._train = ways[self.label]

    def train(self) -> list[Weights]:
        return self._train(self.crowd.epochs)

    def _whole(self) -> Ways:
        return {"JAX, a jitted vmap of scans": partial(self._train_blocks, self.crowd.members, 1)}

    def _blocks(self) -> Ways:
        ways = [(size, threads) for size in BLOCKS for threads in thread_counts()]
        return {
            f"JAX, the same for {size} members at a time ({on_threads(threads)})": partial(
                self._train_blocks, size, threads
            )
            for size, threads in ways
        }

    def _loop(self) -> Ways:
        return {
            f"JAX, a jitted scan per member ({on_threads(threads)})": partial(self._train_loop, threads)
            for threads in thread_counts()
        }

    def _train_blocks(self, size: int, threads: int, epochs: int) -> list[Weights]:
        blocks = [self.members[first : first + size] for first in range(0, len(self.members), size)]
        with ThreadPoolExecutor(threads) as pool:
            trained = pool.map(partial(self._train_together, epochs), blocks)
            return [weights for block in trained for weights in block]

    def _train_together(self, epochs: int, members: Sequence[int]) -> list[Weights]:
        rates = jnp.asarray([self.crowd.rates[member] for member in members], jnp.float32)
        weights = [jnp.asarray(np.stack(arrays)) for arrays in zip(*map(self.starts, members), strict=True)]
        state = _state(self.crowd.network, weights, jnp.zeros(len(members), jnp.float32), len(members))
        generators = [np.random.default_rng(member) for member in members]
        for _ in range(epochs):
            orders = np.stack([self._order(generator) for generator in generators])
            state = _epochs(self.crowd.network, state, self.x, self.y, orders, rates)
        arrays = [np.asarray(value) for value in state[0]]
        return [[array[k] for array in arrays] for k in range(len(members))]

    def _train_loop(self, threads: int, epochs: int) -> list[Weights]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(partial(self._train_alone, epochs), self.members))

    def _train_alone(self, epochs: int, member: int) -> Weights:
        rate, generator = jnp.float32(self.crowd.rates[member]), np.random.default_rng(member)
        weights = [jnp.asarray(value) for value in self.starts(member)]
        state = _state(self.crowd.network, weights, jnp.float32(0))
        for _ in range(epochs):
            state = _epoch(self.crowd.network, state, self.x, self.y, self._order(generator), rate)
        return [np.asarray(value) for value in state[0]]

    def _order(self, generator: np.random.Generator) -> np.ndarray:
        return generator.permutation(len(self.x)).astype(np.int32).reshape(-1, self.crowd.network.batch)


def _state(network: Network, weights: list[jax.Array], t: jax.Array, members: int | None = None) -> Any:
    slots = [[jnp.zeros_like(value) for value in weights] for _ in range(slots_of(network))]
    key = jax.random.key(1) if members is None else jax.random.split(jax.random.key(1), members)
    return weights, slots, t, key


def _scan(network: Network, state: Any, x: jax.Array, y: jax.Array, order: jax.Array, rate: jax.Array) -> Any:
    return jax.lax.scan(lambda now, rows: (step(network, now, x, y, rows, rate), None), state, order, unroll=UNROLL)[0]


_epoch = jax.jit(_scan, static_argnums=0, donate_argnums=1)


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def _epochs(network: Network, state: Any, x: jax.Array, y: jax.Array, orders: jax.Array, rates: jax.Array) -> Any:
    """An epoch of each member, which differ in state, order and rate."""
    return jax.vmap(partial(_scan, network), in_axes=(0, None, None, 0, 0))(state, x, y, orders, rates)
