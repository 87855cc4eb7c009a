"""scikit-learn: an epoch is one partial_fit, with whichever thread count of its matrix products is fastest here."""

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from benchmarks.common import cores
from benchmarks.contestants.problem import Data, Network, data, first_weights
from benchmarks.contestants.trial import fastest

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


class Perceptron:
    """A network, and the threads that its matrix products run on."""

    def __init__(self, network: Network, examples: Data, threads: int) -> None:
        self.threads = threads
        self.x, self.y = examples
        # Its squared error is halved, so plain gradient descent needs twice the rate to take the same steps.
        halved = 2.0 if network.optimizer == "SGD" and not network.classifies else 1.0
        self.model = (MLPClassifier if network.classifies else MLPRegressor)(
            hidden_layer_sizes=network.sizes[1:-1],
            activation=ACTIVATIONS[network.activation],
            solver=network.optimizer.lower(),
            learning_rate_init=network.learning_rate * halved,
            batch_size=network.batch,
            alpha=0.0,
            momentum=network.momentum,
            nesterovs_momentum=False,
            random_state=1,
        )
        if network.classifies:
            self.classes = {"classes": np.arange(network.sizes[-1])}
        else:
            self.classes, self.y = {}, self.y.ravel()
        self._start_from(first_weights(network), network.batch)

    def _start_from(self, weights: list[np.ndarray], rows: int) -> None:
        """Let it make its weights by a step on one batch, and set them, in the arrays that its optimizer holds."""
        self.model.partial_fit(self.x[:rows], self.y[:rows], **self.classes)
        for own, value in zip(self.model.coefs_ + self.model.intercepts_, weights[0::2] + weights[1::2], strict=True):
            own[...] = value

    def train(self, epochs: int) -> None:
        with threadpool_limits(self.threads, "blas"):
            for _ in range(epochs):
                self.model.partial_fit(self.x, self.y, **self.classes)


class Contestant:
    def __init__(self, network: Network, variant: str, examples: Data | None = None) -> None:
        if network.dropout or network.activation not in ACTIVATIONS or network.optimizer not in ("SGD", "Adam"):
            raise NotImplementedError("scikit-learn's networks have no dropout, leaky_relu or RMSprop")
        examples = examples or data(network)
        threads = fastest({count: Perceptron(network, examples, count).train for count in sorted({1, cores()})})
        self.label = f"scikit-learn, partial_fit ({threads} thread{'s' if threads > 1 else ''})"
        self._perceptron = Perceptron(network, examples, threads)
        self.train = self._perceptron.train

    def weights(self) -> list[np.ndarray]:
        model = self._perceptron.model
        pairs = zip(model.coefs_, model.intercepts_, strict=True)
        return [array for pair in pairs for array in pair]
