"""The crowds of networks that are trained, each member with its own learning rate, first weights and shuffling."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.common import cores
from benchmarks.contestants.problem import Network

Weights = list[np.ndarray]
Starts = Callable[[int], Weights]  # the weights that a member begins with


@dataclass(frozen=True)
class Crowd:
    """Members of one structure on the same rows: member k has the seed k, and a rate of its own.

    Attributes:
        members: how many.
        epochs: of each; a call of training is all of them.
    """

    network: Network
    members: int
    epochs: int

    @property
    def rates(self) -> list[float]:
        """From a third of the network's learning rate to the threefold, evenly in their logarithms."""
        return [self.network.learning_rate * 3.0**power for power in np.linspace(-1.0, 1.0, self.members)]

    def some(self, count: int) -> list[int]:
        """The numbers of so many members, spread evenly, for contestants that would take long for all."""
        return [int(number) for number in np.linspace(0, self.members - 1, min(count, self.members)).round()]

    def starts(self, member: int) -> Weights:
        """W (inputs, outputs), b (outputs,) of each layer, uniform as Glorot and Bengio (2010) chose, b = 0."""
        random, weights = np.random.default_rng(member), []
        for inputs, outputs in zip(self.network.sizes, self.network.sizes[1:], strict=False):
            bound = np.sqrt(6 / (inputs + outputs))
            kernel = random.random((inputs, outputs), dtype=np.float32)
            weights += [np.float32(2 * bound) * kernel - np.float32(bound), np.zeros(outputs, np.float32)]
        return weights


def thread_counts() -> list[int]:
    """One and all."""
    return sorted({1, cores()})


def on_threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
