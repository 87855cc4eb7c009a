"""ebbflow: one call of fit for all epochs."""

import numpy as np

import ebbflow as ebb
from benchmarks.contestants.problem import Network, data, first_weights


class Contestant:
    label = "ebbflow"

    def __init__(self, network: Network, variant: str) -> None:
        ebb.set_random_seed(1)
        self.network, (self.x, self.y) = network, data(network)
        *hidden, outputs = network.sizes[1:]
        layers = [ebb.layers.Dense(units, activation="relu") for units in hidden]
        self.model = ebb.Sequential([ebb.Input((network.sizes[0],)), *layers, ebb.layers.Dense(outputs)])
        self.model.set_weights(first_weights(network))
        loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True) if network.classifies else "mse"
        self.model.compile(getattr(ebb.optimizers, network.optimizer)(network.learning_rate), loss)

    def train(self, epochs: int) -> None:
        self.model.fit(self.x, self.y, batch_size=self.network.batch, epochs=epochs, verbose=0)

    def weights(self) -> list[np.ndarray]:
        return self.model.get_weights()
