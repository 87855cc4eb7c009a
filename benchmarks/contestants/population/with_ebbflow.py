"""ebbflow: one Population; models are built, trained and their weights taken in the time that is measured."""

from collections.abc import Mapping
from typing import Any

import ebbflow as ebb
from benchmarks.contestants.population.problem import Crowd, Weights
from benchmarks.contestants.problem import data

LABELS = {"fit": "ebbflow, Population.fit"}


class Contestant:
    def __init__(self, crowd: Crowd, variant: str) -> None:
        self.label, self.crowd = LABELS[variant], crowd
        self.members = list(range(crowd.members))
        self.x, self.y = data(crowd.network)
        self._train(self.members[:2], 1)  # what two compile, all use

    def train(self) -> list[Weights]:
        return self._train(self.members, self.crowd.epochs)

    def _train(self, members: list[int], epochs: int) -> list[Weights]:
        rates = self.crowd.rates
        population = ebb.Population(self.build, members=[{"seed": k, "learning_rate": rates[k]} for k in members])
        population.fit(self.x, self.y, batch_size=self.crowd.network.batch, epochs=epochs, verbose=0)
        return [population.weights(number) for number in range(len(members))]

    def build(self, setting: Mapping[str, Any]) -> ebb.Sequential:
        network = self.crowd.network
        *hidden, outputs = network.sizes[1:]
        ebb.set_random_seed(setting["seed"])
        layers = [ebb.layers.Dense(units, activation=network.activation) for units in hidden]
        model = ebb.Sequential([*layers, ebb.layers.Dense(outputs)])
        loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True) if network.classifies else "mse"
        model.compile(getattr(ebb.optimizers, network.optimizer)(setting["learning_rate"]), loss)
        return model
