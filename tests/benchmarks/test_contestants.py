"""The contestants of the training benchmarks do the same work: the same steps, from the same weights."""

import importlib
import importlib.util
from dataclasses import replace
from itertools import cycle, pairwise

import numpy as np
import pytest

from benchmarks.contestants.problem import ACTIVATIONS, NETWORKS, Network, data, first_weights, loss

# One batch of all rows per epoch: then the order of the rows, which every library draws by itself, makes no difference.
REGRESSION = Network((6, 16, 8, 1), batch=32, optimizer="SGD", steps=1)
CLASSIFICATION = replace(REGRESSION, sizes=(6, 16, 8, 3))
BOTH = {"regression": REGRESSION, "classification": CLASSIFICATION}
OPTIMIZERS = ({"momentum": 0.9}, {"optimizer": "Adam"}, {"optimizer": "RMSprop"})
CHANGED = [replace(network, activation=name) for name, network in zip(ACTIVATIONS, cycle(BOTH.values()), strict=False)]
CHANGED += [replace(network, **changed) for changed, network in zip(OPTIMIZERS, cycle(BOTH.values()), strict=False)]
EPOCHS = 5
TOLERANCE = 1e-4  # of float32 roundings, of how far the weights moved


def trained(module: str, variant: str, network: Network) -> list[np.ndarray]:
    contestant = importlib.import_module(f"benchmarks.contestants.{module}").Contestant(network, variant)
    contestant.train(EPOCHS)
    return contestant.weights()


def difference(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(some, others, strict=True))


def assert_same_steps(module: str, variant: str, network: Network) -> None:
    ours = trained("with_ebbflow", "fit", network)
    moved = difference(ours, first_weights(network))
    assert moved > 1e-3
    assert difference(trained(module, variant, network), ours) < TOLERANCE * moved


def needs(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library}, the peer, is not installed")


@pytest.mark.parametrize("network", CHANGED, ids=lambda n: f"{n.optimizer}-{n.momentum}-{n.activation}-{n.name}")
def test_jax_takes_the_same_steps(network: Network) -> None:
    needs("jax")
    assert_same_steps("with_jax", "scan", network)


# Adam and RMSprop have their epsilon elsewhere in PyTorch: benchmarks/agreement.py compares those.
@pytest.mark.parametrize("network", BOTH.values(), ids=BOTH)
def test_pytorch_takes_the_same_steps(network: Network) -> None:
    needs("torch")
    assert_same_steps("with_torch", "eager", replace(network, activation="leaky_relu", momentum=0.9))


# Only plain descent: with any other its step that makes the weights, before ours are set, is remembered.
@pytest.mark.parametrize("network", BOTH.values(), ids=BOTH)
def test_sklearn_takes_the_same_steps(network: Network) -> None:
    needs("sklearn")
    assert_same_steps("with_sklearn", "partial_fit", replace(network, activation="sigmoid"))


def test_sklearn_refuses_what_it_has_not_instead_of_leaving_it_out() -> None:
    needs("sklearn")
    for changed in ({"dropout": 0.5}, {"activation": "leaky_relu"}, {"optimizer": "RMSprop"}):
        with pytest.raises(NotImplementedError, match="scikit-learn"):
            trained("with_sklearn", "partial_fit", replace(REGRESSION, **changed))


@pytest.mark.parametrize(
    ("module", "variant"), [("with_ebbflow", "fit"), ("with_jax", "scan"), ("with_torch", "eager")]
)
def test_dropout_leaves_out_that_share_of_the_hidden_units(module: str, variant: str) -> None:
    """The weights into a hidden unit stay as they are in a step that leaves it out."""
    needs(module.removeprefix("with_"))
    network = Network((4, 4000, 1), batch=1, optimizer="SGD", steps=1, activation="tanh", dropout=0.25)
    contestant = importlib.import_module(f"benchmarks.contestants.{module}").Contestant(network, variant)
    before = [weight.copy() for weight in contestant.weights()]
    contestant.train(1)
    stayed = (contestant.weights()[0] == before[0]).all(axis=0).mean()
    assert stayed == pytest.approx(0.25, abs=0.03)  # four standard deviations


def test_a_network_survives_its_journey_to_another_process() -> None:
    network = replace(NETWORKS["30-64-32-1"], activation="tanh", dropout=0.5, momentum=0.9)
    assert Network.from_json(network.to_json()) == network


@pytest.mark.parametrize("network", BOTH.values(), ids=BOTH)
def test_the_loss_of_first_weights_falls_by_descent(network: Network) -> None:
    losses = [loss(network, first_weights(network)), loss(network, trained("with_ebbflow", "fit", network))]
    assert all(later < earlier for earlier, later in pairwise(losses))


def test_flops_are_those_of_the_products() -> None:
    """Forward and weight gradients of both layers, the input gradient of the second."""
    assert Network((2, 8, 1), batch=4, optimizer="SGD", steps=1).flops == 2 * 4 * (2 * 2 * 8 + 3 * 8 * 1)


def test_data_is_the_same_for_everyone() -> None:
    assert all(np.array_equal(a, b) for a, b in zip(data(REGRESSION), data(REGRESSION), strict=True))
