"""Activations by name, their values and derivatives."""

import numpy as np
import pytest
from scipy.special import ndtr

import ebbflow as ebb
from ebbflow import activations
from ebbflow.autodiff import grad
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.tensor import Tensor
from ebbflow.functions import array

X = np.array([[-2.0, -0.5, 0.25, 3.0]])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def normal_pdf(x: np.ndarray) -> np.ndarray:
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def silu_derivative(x: np.ndarray) -> np.ndarray:
    return sigmoid(x) * (1 + x * (1 - sigmoid(x)))


def mish_derivative(x: np.ndarray) -> np.ndarray:
    t = np.tanh(np.log1p(np.exp(x)))
    return t + x * (1 - t * t) * sigmoid(x)


def simplex(x: np.ndarray) -> np.ndarray:
    """The closest probabilities, by sorting."""
    ordered = np.sort(x, -1)[..., ::-1]
    excess = (np.cumsum(ordered, -1) - 1) / np.arange(1, x.shape[-1] + 1)
    return np.maximum(x - np.where(ordered > excess, excess, -np.inf).max(-1, keepdims=True), 0)


SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
FORMULAS = {
    "linear": (lambda x: x, lambda x: np.ones_like(x)),
    "identity": (lambda x: x, lambda x: np.ones_like(x)),
    "step": (lambda x: np.where(x >= 0, 1.0, 0.0), np.zeros_like),
    "threshold": (lambda x: np.where(x >= 0, 1.0, 0.0), np.zeros_like),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "logistic": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "log_sigmoid": (lambda x: np.log(sigmoid(x)), lambda x: sigmoid(-x)),
    "hard_sigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: np.where(np.abs(x) < 3, 1 / 6, 0)),
    "sparse_sigmoid": (lambda x: np.clip(x / 2 + 0.5, 0, 1), lambda x: np.where(np.abs(x) < 1, 0.5, 0)),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0),
    "tanh_shrink": (lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)) * 1.0),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1.0, 0.2)),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1.0, np.exp(x))),
    "celu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1.0, np.exp(x))),
    "selu": (
        lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)),
        lambda x: SCALE * np.where(x > 0, 1.0, ALPHA * np.exp(x)),
    ),
    "gelu": (lambda x: x * ndtr(x), lambda x: ndtr(x) + x * normal_pdf(x)),
    "glu": (
        lambda x: x[:, :2] * sigmoid(x[:, 2:]),
        lambda x: np.hstack([sigmoid(x[:, 2:]), x[:, :2] * sigmoid(x[:, 2:]) * sigmoid(-x[:, 2:])]),
    ),
    "silu": (lambda x: x * sigmoid(x), silu_derivative),
    "swish": (lambda x: x * sigmoid(x), silu_derivative),
    "hard_silu": (
        lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda x: np.where(x < 3, np.where(x > -3, x / 3 + 0.5, 0), 1),
    ),
    "mish": (lambda x: x * np.tanh(np.log1p(np.exp(x))), mish_derivative),
    "softplus": (lambda x: np.log(1 + np.exp(x)), sigmoid),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "squareplus": (lambda x: (x + np.sqrt(x * x + 4)) / 2, lambda x: (1 + x / np.sqrt(x * x + 4)) / 2),
    "sparse_plus": (
        lambda x: np.where(x >= 1, x, np.maximum(x + 1, 0) ** 2 / 4),
        lambda x: np.clip(x / 2 + 0.5, 0, 1),
    ),
    "exponential": (np.exp, np.exp),
    "hard_shrink": (lambda x: np.where(np.abs(x) > 0.5, x, 0), lambda x: (np.abs(x) > 0.5) * 1.0),
    "soft_shrink": (
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        lambda x: (np.abs(x) > 0.5) * 1.0,
    ),
    "softmax": (softmax, np.zeros_like),  # its outputs always sum to 1
    "log_softmax": (lambda x: np.log(softmax(x)), lambda x: 1 - x.shape[-1] * softmax(x)),
    "sparsemax": (simplex, np.zeros_like),
}
FORMULAS["hard_swish"] = FORMULAS["hard_silu"]


def test_every_activation_has_a_formula_here() -> None:
    assert set(FORMULAS) == set(activations.__all__) - {"get", "serialize", "deserialize"}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_derivatives(name: str) -> None:
    function, (value, derivative) = activations.get(name), FORMULAS[name]
    np.testing.assert_allclose(function(X).numpy(), value(X), rtol=1e-12, atol=1e-15)
    gradient = grad(lambda x: array.sum(function(x)))(X).numpy()
    np.testing.assert_allclose(gradient, derivative(X), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "exponential"])
def test_the_largest_inputs_give_finite_values_and_derivatives(name: str) -> None:
    function, x = activations.get(name), np.array([[-1e18, -1e4, 0.0, 1e4, 1e18, 1e18]], np.float32)
    assert np.isfinite(function(x).numpy()).all()
    assert np.isfinite(grad(lambda z: array.sum(function(z)))(x).numpy()).all()


def test_parameters() -> None:
    np.testing.assert_allclose(activations.relu(X, 0.1, 2.0, 0.3).numpy(), [[-0.23, -0.08, -0.005, 2.0]])
    np.testing.assert_allclose(activations.relu(X, max_value=2.0).numpy(), [[0, 0, 0.25, 2.0]])
    np.testing.assert_allclose(activations.elu(X, 0.5).numpy(), np.where(X > 0, X, 0.5 * np.expm1(X)))
    np.testing.assert_allclose(activations.celu(X, 0.5).numpy(), np.where(X > 0, X, 0.5 * np.expm1(X / 0.5)))
    np.testing.assert_allclose(activations.threshold(X, 0.25, -7.0).numpy(), [[-7, -7, -7, 3.0]])
    tanh = 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)))
    np.testing.assert_allclose(activations.gelu(X, approximate=True).numpy(), tanh, rtol=1e-12)
    np.testing.assert_array_equal(ebb.ops.gelu(X).numpy(), activations.gelu(X, approximate=True).numpy())
    np.testing.assert_allclose(activations.softmax(X.T, axis=0).numpy(), softmax(X).T)
    with pytest.raises(ShapeError, match=r"glu: expected an even length along axis 1, got float64\[1,3\]"):
        activations.glu(X[:, :3])
    with pytest.raises(ArgumentError, match="threshold: expected both threshold and default_value or neither"):
        activations.threshold(X, 0.5)


@pytest.mark.parametrize("name", FORMULAS)
def test_what_keras_has_as_operations_is_the_same_function(name: str) -> None:
    function = getattr(ebb.ops, name, None)
    assert (function is None) == (name in ("linear", "identity", "logistic", "step", "exponential", "mish"))
    if function is not None and name not in ("gelu", "threshold"):  # whose arguments differ
        np.testing.assert_array_equal(function(X).numpy(), activations.get(name)(X).numpy())


@pytest.mark.parametrize("name", FORMULAS)
def test_names_survive_a_file(name: str) -> None:
    assert activations.deserialize(activations.serialize(activations.get(name))) is activations.get(name)


def test_none_and_functions_are_activations() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(ArgumentError, match=r"a function, None or one of celu, .* got 'rellu'; did you mean 'relu'\?"):
        activations.get("rellu")
    with pytest.raises(ArgumentError, match="put it into a layer of your own"):
        activations.serialize(lambda x: x)


@pytest.mark.parametrize("name", sorted(activations._FUNCTIONS))
def test_what_is_said_to_keep_the_shape_keeps_it(name: str) -> None:
    activation = activations.get(name)
    assert activations.keeps_shape(activation) == (activation(np.ones((3, 4))).shape == (3, 4))


def test_a_layer_asks_an_activation_of_ones_own_for_its_shape() -> None:
    def pairs(x: Tensor) -> Tensor:
        return x[:, :2] * x[:, 2:]

    assert not activations.keeps_shape(pairs)
    assert ebb.layers.Dense(4, activation=pairs).compute_output_shape((None, 3)) == (None, 2)
