"""Activation functions, by name: what a layer applies to its weighted sums."""

from collections.abc import Callable
from typing import Any

from .core.errors import ArgumentError
from .core.tensor import Tensor, as_tensor
from .functions import nn
from .functions.arguments import unknown

__all__ = [
    "deserialize",
    "get",
    "identity",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logistic",
    "relu",
    "serialize",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]


def linear(x: Any) -> Tensor:
    """x itself; the derivative is 1."""
    return as_tensor(x)


def sigmoid(x: Any) -> Tensor:
    """y = 1 / (1 + e^-x), between 0 and 1; the derivative is y (1 - y)."""
    return nn.sigmoid(x)


def tanh(x: Any) -> Tensor:
    """y = (e^x - e^-x) / (e^x + e^-x), between -1 and 1; the derivative is 1 - y^2."""
    return nn.tanh(x)


def relu(x: Any) -> Tensor:
    """max(x, 0); the derivative is 1 where x > 0, else 0."""
    return nn.relu(x)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """x where x > 0, else negative_slope * x; the derivative is 1 or negative_slope."""
    return nn.leaky_relu(x, negative_slope)


def softplus(x: Any) -> Tensor:
    """log(1 + e^x); the derivative is sigmoid(x)."""
    return nn.softplus(x)


def softmax(x: Any, axis: int = -1) -> Tensor:
    """y_i = e^x_i / sum_j e^x_j along the axis; the derivative dy_i / dx_j is y_i ([i = j] - y_j)."""
    return nn.softmax(x, axis)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """log(softmax(x)) along the axis."""
    return nn.log_softmax(x, axis)


identity, logistic = linear, sigmoid

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "linear": linear,
    "identity": identity,
    "sigmoid": sigmoid,
    "logistic": logistic,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "softplus": softplus,
    "softmax": softmax,
    "log_softmax": log_softmax,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An activation from its name, a function, or None for `linear`; else raises ArgumentError with the names."""
    if identifier is None:
        return linear
    if isinstance(identifier, str) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]
    if callable(identifier):
        return identifier
    raise unknown("activations.get", "a function, None or one of", _FUNCTIONS, identifier)


def serialize(activation: Callable[..., Any]) -> str:
    """The name of an activation; raises ArgumentError for a user's own function, which a file cannot hold."""
    for name, function in _FUNCTIONS.items():
        if function is activation:
            return name
    raise ArgumentError(
        f"activations.serialize: expected one of {', '.join(_FUNCTIONS)}, got {activation!r}; to save a model with an "
        "activation of your own, put it into a layer of your own"
    )


def deserialize(name: str, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """An activation from what `serialize` returned, or from custom_objects; raises ArgumentError for other names."""
    return (custom_objects or {}).get(name) or get(name)
