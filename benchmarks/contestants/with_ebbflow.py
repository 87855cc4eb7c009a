"""ebbflow: one call of fit for all epochs.

Variants: "fit", on as many threads as it chooses, and "fit on one core", to which whoever starts the process holds it.
"""

import numpy as np

import ebbflow as ebb
from benchmarks.contestants.problem import Data, Network, data, first_weights

LABELS = {"fit": "ebbflow", "fit on one core": "ebbflow on one core"}


class Contestant:
    def __init__(self, network: Network, variant: str, examples: Data | None = None) -> None:
        ebb.set_random_seed(1)
        ebb.config.set_threads(1 if variant.endswith("on one core") else None)
        self.label, self.network = LABELS[variant], network
        self.x, self.y = examples or data(network)
        self.model = _model(network)
        self.model.set_weights(first_weights(network))
        loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True) if network.classifies else "mse"
        self.model.compile(_optimizer(network), loss)

    def train(self, epochs: int) -> None:
        self.model.fit(self.x, self.y, batch_size=self.network.batch, epochs=epochs, verbose=0)

    def weights(self) -> list[np.ndarray]:
        return self.model.get_weights()


def _model(network: Network) -> ebb.Sequential:
    features, *hidden, outputs = network.sizes
    layers: list[ebb.layers.Layer] = [ebb.Input((features,))]
    for units in hidden:
        layers.append(ebb.layers.Dense(units, activation=network.activation))
        if network.dropout:
            layers.append(ebb.layers.Dropout(network.dropout))
    return ebb.Sequential([*layers, ebb.layers.Dense(outputs)])


def _optimizer(network: Network) -> ebb.optimizers.Optimizer:
    if network.optimizer == "SGD":
        return ebb.optimizers.SGD(network.learning_rate, momentum=network.momentum)
    return {"Adam": ebb.optimizers.Adam, "RMSprop": ebb.optimizers.RMSprop}[network.optimizer](network.learning_rate)
