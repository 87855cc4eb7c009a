"""Activation functions, by name: what a layer applies to its weighted sums."""

from collections.abc import Callable
from typing import Any

from .core.errors import ArgumentError
from .core.tensor import Tensor, as_tensor
from .functions import array, nn
from .functions.arguments import unknown
from .functions.nn import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
)
from .operators import as_float

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "logistic",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "step",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def linear(x: Any) -> Tensor:
    """x itself; the derivative is 1."""
    return as_tensor(x)


def step(x: Any) -> Tensor:
    """1 where x >= 0, else 0, also called threshold; the derivative is 0 everywhere, so nothing below it can learn.

    Source: McCulloch, Pitts (1943), "A logical calculus of the ideas immanent in nervous activity".
    """
    x = as_float(x)
    return array.cast(x >= 0.0, x.dtype)


def threshold(x: Any, threshold: Any = None, default_value: Any = None) -> Tensor:
    """step(x); with Keras' two further arguments x where x > threshold, else default_value."""
    if (threshold is None) != (default_value is None):
        raise ArgumentError(
            f"threshold: expected both threshold and default_value or neither, got {threshold!r} and {default_value!r}"
        )
    return step(x) if threshold is None else nn.threshold(x, threshold, default_value)


def relu(x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Tensor:
    """max(x, 0); with arguments, at most max_value, and negative_slope * (x - threshold) where x <= threshold.

    The derivative is 1 where x > threshold, else negative_slope; 0 where max_value is exceeded.
    """
    if _is(negative_slope, 0.0) and _is(threshold, 0.0):
        y = nn.relu(x)
    else:
        x = as_float(x)
        y = array.where(x > threshold, x, array.multiply(x - threshold, negative_slope))
    return y if max_value is None else array.minimum(y, max_value)


def _is(value: Any, number: float) -> bool:
    """Whether this is a plain number, not one that only a running program knows, of this value."""
    return isinstance(value, (int, float)) and value == number


def gelu(x: Any, approximate: bool = False) -> Tensor:
    """x (1 + erf(x / sqrt(2))) / 2, or its approximation with tanh: `ops.gelu`, exact by default."""
    return nn.gelu(x, approximate)


def exponential(x: Any) -> Tensor:
    """e^x; the derivative is e^x."""
    return array.exp(x)


def mish(x: Any) -> Tensor:
    """x tanh(softplus(x)).

    Source: Misra (2020), "Mish: A Self Regularized Non-Monotonic Activation Function".
    """
    return array.multiply(x, tanh(softplus(x)))


identity, logistic, swish, hard_swish = linear, sigmoid, silu, hard_silu

# a function comes before its other names, so that it is saved under its own
_OTHER_NAMES = ("identity", "logistic", "swish", "hard_swish")
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    name: globals()[name]
    for name in (*(name for name in __all__ if name not in _OTHER_NAMES), *_OTHER_NAMES)
    if name not in ("get", "serialize", "deserialize")
}
_KEEP_SHAPE = frozenset(_FUNCTIONS.values()) - {glu}


def keeps_shape(activation: Callable[..., Any]) -> bool:
    """Whether it is known, without a try, that outputs have the shape of the inputs; of a user's own it is not."""
    return activation in _KEEP_SHAPE


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


def deserialize(config: str, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """An activation from what `serialize` returned, or from custom_objects; raises ArgumentError for other names."""
    return (custom_objects or {}).get(config) or get(config)
