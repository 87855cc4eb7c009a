"""The formulas of networks: activations, and losses of single samples from logits or probabilities."""

import math
from typing import Any

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..operators import as_float, promoted
from ..ops import elementwise
from .arguments import labels_of
from .array import (
    add,
    clip,
    divide,
    exp,
    log,
    log1p,
    logical_and,
    max,
    maximum,
    minimum,
    multiply,
    stop_gradient,
    subtract,
    sum,
    where,
)
from .shapes import one_hot

EPSILON = 1e-7


def relu(x: Any) -> Tensor:
    """max(x, 0); its derivative at 0 is 0."""
    return elementwise.relu(as_float(x))


def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Tensor:
    """x where x > 0, else negative_slope * x.

    Source: Maas, Hannun, Ng (2013), "Rectifier Nonlinearities Improve Neural Network Acoustic Models".
    """
    x = as_float(x)
    return where(x > 0.0, x, multiply(x, negative_slope))


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e^-x)."""
    return elementwise.sigmoid(as_float(x))


def tanh(x: Any) -> Tensor:
    """(e^x - e^-x) / (e^x + e^-x)."""
    return elementwise.tanh(as_float(x))


def softplus(x: Any) -> Tensor:
    """log(1 + e^x) = max(x, 0) + log1p(e^-|x|), finite for any finite x; its derivative is sigmoid(x)."""
    x = as_float(x)
    # -|x| as a minimum: at 0 both it and the maximum take the derivative of x >= 0, so that of the sum is exact there
    return add(maximum(x, 0.0), log1p(exp(minimum(-x, x))))


def _shifted(x: Tensor, axis: Any) -> tuple[Tensor, Tensor]:
    """x - max(x), whose exponentials cannot overflow, and max(x); the derivative of the shift cancels out."""
    largest = stop_gradient(max(x, axis, keepdims=True))
    return subtract(x, largest), largest


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum_j e^x_j), finite for any finite x."""
    z, largest = _shifted(as_float(x), axis)
    result = add(log(sum(exp(z), axis, keepdims=True)), largest)
    return result if keepdims else sum(result, axis)


def softmax(x: Any, axis: Any = -1) -> Tensor:
    """e^x_i / sum_j e^x_j along the axis."""
    z, _ = _shifted(as_float(x), axis)
    e = exp(z)
    return divide(e, sum(e, axis, keepdims=True))


def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """x_i - log(sum_j e^x_j) along the axis."""
    z, _ = _shifted(as_float(x), axis)
    return subtract(z, log(sum(exp(z), axis, keepdims=True)))


def _pair(name: str, target: Any, output: Any) -> tuple[Tensor, Tensor]:
    """Target and output as floats of the output's type and of one shape."""
    output = as_float(output)
    target, output = promoted(target, output)
    if target.shape != output.shape:
        raise ShapeError(f"{name}: expected a target of the shape of the output {output.aval}, got {target.aval}")
    return target, output


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) for each element.

    From logits z, p = sigmoid(z) and the loss is softplus(z) - z y, finite for any finite z; probabilities are first
    clipped to [1e-7, 1 - 1e-7]. Shapes: target and output alike, and so the result.
    """
    y, p = _pair("binary_crossentropy", target, output)
    if from_logits:
        return softplus(p) - p * y
    p = clip(p, EPSILON, 1.0 - EPSILON)
    return -(y * log(p) + (1.0 - y) * log(1.0 - p))


def _log_probabilities(output: Tensor, from_logits: bool, axis: int) -> Tensor:
    if from_logits:
        return log_softmax(output, axis)
    return log(clip(divide(output, sum(output, axis, keepdims=True)), EPSILON, 1.0 - EPSILON))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-sum_k y_k log p_k along the axis, for targets that are the probabilities of the classes.

    From logits z, p = softmax(z), finite for any finite z; probabilities are made to sum to 1 and clipped to
    [1e-7, 1 - 1e-7]. Shapes: target and output (..., classes) -> (...).
    """
    y, p = _pair("categorical_crossentropy", target, output)
    return -sum(multiply(y, _log_probabilities(p, from_logits, axis)), axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-log p_y along the axis, for targets that are the numbers of the classes, from 0.

    NaN where the target is not the number of a class. Probabilities as for categorical_crossentropy. Shapes: target
    (...) or (..., 1), output (..., classes) -> (...).
    """
    output = as_float(output)
    labels = labels_of("sparse_categorical_crossentropy", target, output, axis)
    log_p = _log_probabilities(output, from_logits, axis)
    classes = output.shape[axis]
    hit = one_hot(labels, classes, axis=axis, dtype="bool")
    return where(logical_and(labels >= 0, labels < classes), -sum(where(hit, log_p, 0.0), axis), math.nan)
