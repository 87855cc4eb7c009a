"""The networks that are trained, and the same data and first weights for everyone."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

LEARNING_RATES = {"SGD": 0.01, "Adam": 0.001, "RMSprop": 0.001}
NEGATIVE_SLOPE = 0.2  # of leaky_relu, as Keras has it
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, NEGATIVE_SLOPE * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Network:
    """Dense layers with an activation between them: regression with one output, classification with more.

    Attributes:
        sizes: features, hidden units, outputs.
        batch: rows per step.
        optimizer: "SGD", "Adam" or "RMSprop", at the learning rate of LEARNING_RATES.
        steps: per epoch.
        activation: of the hidden units, a name of ACTIVATIONS.
        dropout: the share of each layer's hidden units that a step leaves out.
        momentum: of SGD.
    """

    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    steps: int
    activation: str = "relu"
    dropout: float = 0.0
    momentum: float = 0.0

    @classmethod
    def from_json(cls, text: str) -> "Network":
        fields = json.loads(text)
        return cls(**fields | {"sizes": tuple(fields["sizes"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def name(self) -> str:
        return "-".join(map(str, self.sizes))

    @property
    def rows(self) -> int:
        return self.batch * self.steps

    @property
    def classifies(self) -> bool:
        return self.sizes[-1] > 1

    @property
    def learning_rate(self) -> float:
        return LEARNING_RATES[self.optimizer]

    @property
    def flops(self) -> int:
        """What a step's products need: forward, weight gradients, and input gradients but for the first layer."""
        products = [a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        return 2 * self.batch * (3 * sum(products) - products[0])


NETWORKS = {
    network.name: network
    for network in (
        Network((2, 8, 1), batch=4, optimizer="SGD", steps=1000),
        Network((30, 64, 32, 1), batch=32, optimizer="Adam", steps=200),
        Network((64, 128, 64, 10), batch=64, optimizer="Adam", steps=100),
        Network((784, 512, 512, 10), batch=128, optimizer="Adam", steps=40),
        Network((1024, 2048, 2048, 10), batch=256, optimizer="Adam", steps=4),
    )
}


def data(network: Network) -> Data:
    """Inputs (rows, features) float32; targets (rows, 1) float32, or class numbers (rows,) int32."""
    random = np.random.default_rng(1)
    features, outputs = network.sizes[0], network.sizes[-1]
    x = random.standard_normal((network.rows, features), dtype=np.float32)
    scores = x @ (random.standard_normal((features, outputs), dtype=np.float32) / np.sqrt(features))
    return x, scores.argmax(axis=1).astype(np.int32) if network.classifies else np.sin(scores)


def first_weights(network: Network) -> list[np.ndarray]:
    """W (inputs, outputs), b (outputs,) of each layer, uniform as Glorot and Bengio (2010) chose, b = 0."""
    random = np.random.default_rng(2)
    weights = []
    for inputs, outputs in zip(network.sizes, network.sizes[1:], strict=False):
        bound = np.sqrt(6 / (inputs + outputs))
        weights.append(random.uniform(-bound, bound, (inputs, outputs)).astype(np.float32))
        weights.append(np.zeros(outputs, np.float32))
    return weights


def loss(network: Network, weights: Sequence[np.ndarray]) -> float:
    """Mean squared error, or mean cross-entropy, of these weights on all rows, nothing left out."""
    x, y = data(network)
    activation = ACTIVATIONS[network.activation]
    for k in range(0, len(weights), 2):
        x = (activation(x) if k else x) @ weights[k] + weights[k + 1]
    if not network.classifies:
        return float(np.mean((x - y) ** 2))
    log_sums = np.log(np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1)) + x.max(axis=1)
    return float(np.mean(log_sums - x[np.arange(len(y)), y]))
