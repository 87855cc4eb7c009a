"""scikit-learn: one fit per member, with weights of its own making; some members, which are measured for all."""

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from benchmarks.contestants.population.problem import Crowd, Weights, on_threads, thread_counts
from benchmarks.contestants.problem import data
from benchmarks.contestants.trial import fastest
from benchmarks.contestants.with_sklearn import ACTIVATIONS

LOOPED = 2


class Contestant:
    def __init__(self, crowd: Crowd, variant: str) -> None:
        assert variant == "loop"
        self.crowd, self.members = crowd, crowd.some(LOOPED)
        self.x, self.y = data(crowd.network)
        if not crowd.network.classifies:
            self.y = self.y.ravel()
        self.threads = fastest({count: partial(self._fitted, self.members[0], count) for count in thread_counts()})
        self.label = f"scikit-learn, member by member ({on_threads(self.threads)})"

    def train(self) -> list[Weights]:
        return [_weights(self._fitted(member, self.threads, self.crowd.epochs)) for member in self.members]

    def _fitted(self, member: int, threads: int, epochs: int) -> Any:
        network = self.crowd.network
        model = (MLPClassifier if network.classifies else MLPRegressor)(
            hidden_layer_sizes=network.sizes[1:-1],
            activation=ACTIVATIONS[network.activation],
            solver=network.optimizer.lower(),
            learning_rate_init=self.crowd.rates[member],
            batch_size=network.batch,
            alpha=0.0,
            max_iter=epochs,
            n_iter_no_change=epochs + 1,  # never ends early
            random_state=member,
        )
        with threadpool_limits(threads, "blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends with the last epoch, as all others do
            return model.fit(self.x, self.y)


def _weights(model: Any) -> list[np.ndarray]:
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return [array for pair in pairs for array in pair]
