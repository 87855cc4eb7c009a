"""Do training in ebbflow and in PyTorch give the same numbers?

Both train the same network in float32 from the same weights on the same batches; printed is the largest relative
difference between their losses over 100 steps.

The formulas of Keras, which are ebbflow's, put epsilon elsewhere than PyTorch's, so epsilons are chosen for which the
two coincide:

    RMSprop   Keras g / sqrt(v + e),  PyTorch g / (sqrt(v) + e'):  e = e'^2 agrees both where v = 0 and where v >> e.
    Adam      Keras sqrt(1 - b^t) m / (sqrt(v) + e),  PyTorch m / (sqrt(v) / sqrt(1 - b^t) + e'):  agree where e and e'
              are far below sqrt(v), and where g = 0 exactly.

The two also keep momentum differently (Keras multiplies by the learning rate before it sums, PyTorch after), which is
the same as long as the learning rate stays the same.
"""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import ebbflow as ebb
from benchmarks.common import Options, Table, show

if TYPE_CHECKING:
    import torch

SIZES = (6, 16, 8)  # features and hidden units; tanh between the layers
BATCH, STEPS = 16, 100
EPSILON = 1e-10


@dataclass(frozen=True)
class Optimizer:
    """One optimizer under its name and arguments in both libraries."""

    ours: Callable[..., Any]
    theirs: str
    learning_rate: float
    our_arguments: dict[str, Any]
    their_arguments: dict[str, Any]


def _rmsprop(**both: Any) -> Optimizer:
    ours = {"rho": 0.9, "epsilon": EPSILON**2, **both}
    return Optimizer(ebb.optimizers.RMSprop, "RMSprop", 1e-3, ours, {"alpha": 0.9, "eps": EPSILON, **both})


def _sgd(**both: Any) -> Optimizer:
    return Optimizer(ebb.optimizers.SGD, "SGD", 0.02, both, both)


OPTIMIZERS = {
    "SGD": _sgd(),
    "SGD, momentum": _sgd(momentum=0.9),
    "SGD, Nesterov": _sgd(momentum=0.9, nesterov=True),
    "RMSprop": _rmsprop(),
    "RMSprop, momentum": _rmsprop(momentum=0.5),
    "RMSprop, centered": _rmsprop(centered=True),
    "RMSprop, centered, momentum": _rmsprop(momentum=0.5, centered=True),
    "Adam": Optimizer(ebb.optimizers.Adam, "Adam", 1e-3, {"epsilon": EPSILON}, {"eps": EPSILON}),
}


@dataclass(frozen=True)
class Loss:
    """One loss in both libraries, with the outputs that it needs and targets for it."""

    ours: Callable[[], Any]
    theirs: str
    outputs: int
    targets: Callable[[np.ndarray], np.ndarray]  # of scores (rows, outputs)


LOSSES = {
    "mean squared error": Loss(ebb.losses.MeanSquaredError, "MSELoss", 2, np.sin),
    "binary cross-entropy": Loss(
        lambda: ebb.losses.BinaryCrossentropy(from_logits=True),
        "BCEWithLogitsLoss",
        1,
        lambda scores: (scores > 0).astype(np.float32),
    ),
    "sparse categorical cross-entropy": Loss(
        lambda: ebb.losses.SparseCategoricalCrossentropy(from_logits=True),
        "CrossEntropyLoss",
        3,
        lambda scores: scores.argmax(axis=1),
    ),
}


def batches(loss: Loss) -> list[tuple[np.ndarray, np.ndarray]]:
    """What both train on, step by step."""
    random = np.random.default_rng(3)
    x = random.standard_normal((STEPS, BATCH, SIZES[0]), dtype=np.float32)
    teacher = random.standard_normal((SIZES[0], loss.outputs), dtype=np.float32)
    return [(rows, loss.targets(rows @ teacher)) for rows in x]


def our_losses(optimizer: Optimizer, loss: Loss) -> tuple[list[float], list[np.ndarray]]:
    """(the loss of each step, the weights before the first)."""
    ebb.set_random_seed(4)
    hidden = [ebb.layers.Dense(units, activation="tanh") for units in SIZES[1:]]
    model = ebb.Sequential([ebb.Input((SIZES[0],)), *hidden, ebb.layers.Dense(loss.outputs)])
    model.compile(optimizer.ours(optimizer.learning_rate, **optimizer.our_arguments), loss.ours())
    first = [weight.copy() for weight in model.get_weights()]
    return [model.train_on_batch(x, y, return_dict=True)["loss"] for x, y in batches(loss)], first


def their_losses(optimizer: Optimizer, loss: Loss, first: list[np.ndarray]) -> list[float]:
    """The loss of each step in PyTorch, from these weights."""
    import torch

    model = _torch_model(first)
    its = getattr(torch.optim, optimizer.theirs)(
        model.parameters(), lr=optimizer.learning_rate, **optimizer.their_arguments
    )
    criterion = getattr(torch.nn, loss.theirs)()
    losses = []
    for x, y in batches(loss):
        its.zero_grad()
        value = criterion(model(torch.from_numpy(x)), torch.from_numpy(y))
        value.backward()
        its.step()
        losses.append(value.item())
    return losses


def _torch_model(weights: list[np.ndarray]) -> "torch.nn.Sequential":
    import torch

    layers: list[torch.nn.Module] = []
    for kernel, bias in zip(weights[0::2], weights[1::2], strict=True):
        layer = torch.nn.Linear(*kernel.shape)
        layer.weight.data, layer.bias.data = torch.from_numpy(kernel.T.copy()), torch.from_numpy(bias.copy())
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def largest_difference(optimizer: Optimizer, loss: Loss) -> float:
    """max_t |ours_t - theirs_t| / |theirs_t| over the steps."""
    ours, first = our_losses(optimizer, loss)
    theirs = np.array(their_losses(optimizer, loss, first))
    return float(np.max(np.abs(np.array(ours) - theirs) / np.abs(theirs)))


def tables(options: Options) -> Iterator[Table]:
    """All pairs; quick or not, since nothing is timed."""
    title = f"largest relative difference of the losses over {STEPS} steps"
    if importlib.util.find_spec("torch") is None:
        yield Table(title, ["", *LOSSES], [], ["left out: torch is not installed"])
        return
    rows = [
        [name, *(f"{largest_difference(optimizer, loss):.1e}" for loss in LOSSES.values())]
        for name, optimizer in OPTIMIZERS.items()
    ]
    yield Table(title, ["", *LOSSES], rows)


if __name__ == "__main__":
    show(tables, __doc__)
