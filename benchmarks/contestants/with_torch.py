"""PyTorch, eager: the loop that its tutorials show, with the thread count, and optimizer code, that is fastest here."""

import numpy as np
import torch

from benchmarks.common import cores
from benchmarks.contestants.problem import NEGATIVE_SLOPE, Data, Network, data, first_weights
from benchmarks.contestants.trial import fastest

IMPLEMENTATIONS = {
    "SGD": ("fused", "foreach", "for-loop"),
    "Adam": ("fused", "foreach", "for-loop"),
    "RMSprop": ("foreach", "for-loop"),
}
AS_IT_COMES = "optimizer as it comes"
ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "leaky_relu": lambda: torch.nn.LeakyReLU(NEGATIVE_SLOPE),
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
}


class Loop:
    """A network, its optimizer in one of PyTorch's implementations, and the loop over its batches."""

    def __init__(self, network: Network, examples: Data, implementation: str, threads: int) -> None:
        self.network, self.threads = network, threads
        x, y = examples
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        if network.classifies:
            self.y = self.y.long()  # what its cross-entropy wants
        self.model = _model(network)
        self.loss = torch.nn.CrossEntropyLoss() if network.classifies else torch.nn.MSELoss()
        self.optimizer = _optimizer(network, self.model, implementation)

    def train(self, epochs: int) -> None:
        torch.set_num_threads(self.threads)
        for _ in range(epochs):
            for rows in torch.randperm(len(self.x)).split(self.network.batch):
                self.optimizer.zero_grad()
                predicted = self.model(self.x.index_select(0, rows))
                self.loss(predicted, self.y.index_select(0, rows)).backward()
                self.optimizer.step()


class Contestant:
    def __init__(self, network: Network, variant: str, examples: Data | None = None) -> None:
        torch.manual_seed(1)
        examples = examples or data(network)
        ways = implementations(network, variant)
        candidates = [(how, threads) for threads in sorted({1, cores()}) for how in ways]
        how, threads = fastest({candidate: Loop(network, examples, *candidate).train for candidate in candidates})
        self.label = f"PyTorch eager ({how}, {threads} thread{'s' if threads > 1 else ''})"
        self._loop = Loop(network, examples, how, threads)
        self.train = self._loop.train

    def weights(self) -> list[np.ndarray]:
        return [parameter.detach().numpy().T.copy() for parameter in self._loop.model.parameters()]


def implementations(network: Network, variant: str) -> tuple[str, ...]:
    """Those of the optimizer that a contestant tries: all, or only what one gets without asking for one."""
    return (AS_IT_COMES,) if variant.endswith("as it comes") else IMPLEMENTATIONS[network.optimizer]


def _model(network: Network) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for inputs, outputs in zip(network.sizes, network.sizes[1:], strict=False):
        if layers:
            layers.append(ACTIVATIONS[network.activation]())
        if layers and network.dropout:
            layers.append(torch.nn.Dropout(network.dropout))
        layers.append(torch.nn.Linear(inputs, outputs))
    model = torch.nn.Sequential(*layers)
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), first_weights(network), strict=True):
            parameter.copy_(torch.from_numpy(value.T.copy()))
    return model


def _optimizer(network: Network, model: torch.nn.Module, implementation: str) -> torch.optim.Optimizer:
    own = {"SGD": {"momentum": network.momentum}, "RMSprop": {"alpha": 0.9}, "Adam": {}}[network.optimizer]
    asked = () if implementation == AS_IT_COMES else IMPLEMENTATIONS[network.optimizer]
    how = {name: name == implementation for name in asked if name != "for-loop"}
    return getattr(torch.optim, network.optimizer)(model.parameters(), lr=network.learning_rate, **own, **how)
