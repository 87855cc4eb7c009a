"""Activations by name, their values and derivatives."""

import numpy as np
import pytest

from ebbflow import activations
from ebbflow.autodiff import grad
from ebbflow.core.errors import ArgumentError
from ebbflow.functions import array

X = np.array([[-2.0, -0.5, 0.25, 3.0]])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


FORMULAS = {
    "linear": (lambda x: x, lambda x: np.ones_like(x)),
    "identity": (lambda x: x, lambda x: np.ones_like(x)),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "logistic": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1.0, 0.2)),
    "softplus": (lambda x: np.log(1 + np.exp(x)), sigmoid),
    "softmax": (softmax, lambda x: np.zeros_like(x)),  # its outputs always sum to 1
    "log_softmax": (lambda x: np.log(softmax(x)), lambda x: 1 - x.shape[-1] * softmax(x)),
}


def test_every_activation_has_a_formula_here() -> None:
    assert set(FORMULAS) == set(activations.__all__) - {"get", "serialize", "deserialize"}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_derivatives(name: str) -> None:
    function, (value, derivative) = activations.get(name), FORMULAS[name]
    np.testing.assert_allclose(function(X).numpy(), value(X), rtol=1e-12)
    gradient = grad(lambda x: array.sum(function(x)))(X).numpy()
    np.testing.assert_allclose(gradient, derivative(X), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", FORMULAS)
def test_names_survive_a_file(name: str) -> None:
    assert activations.deserialize(activations.serialize(activations.get(name))) is activations.get(name)


def test_none_and_functions_are_activations() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ArgumentError, match=r"a function, None or one of linear, .* got 'rellu'; did you mean 'relu'\?"
    ):
        activations.get("rellu")
    with pytest.raises(ArgumentError, match="put it into a layer of your own"):
        activations.serialize(lambda x: x)
