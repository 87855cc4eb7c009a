"""The formulas of networks: activations, normalization, and losses of single samples from logits or probabilities."""

import math
from collections.abc import Sequence
from typing import Any

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..operators import as_float, axes_of, promoted
from ..ops import elementwise
from .arguments import labels_of
from .array import (
    abs,
    add,
    cast,
    clip,
    divide,
    erf,
    exp,
    expm1,
    log,
    log1p,
    logical_and,
    max,
    maximum,
    mean,
    minimum,
    multiply,
    negative,
    rsqrt,
    sqrt,
    square,
    stop_gradient,
    subtract,
    sum,
    where,
)
from .shapes import one_hot, reshape

EPSILON = 1e-7


def relu(x: Any) -> Tensor:
    """max(x, 0); its derivative is 1 where x > 0, else 0."""
    return elementwise.relu(as_float(x))


def relu6(x: Any) -> Tensor:
    """min(max(x, 0), 6); its derivative is 1 in between, else 0."""
    return minimum(6.0, relu(x))  # in this order a tie's derivative is that of 6


def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Tensor:
    """x where x > 0, else negative_slope * x; its derivative is 1 or negative_slope.

    Source: Maas, Hannun, Ng (2013), "Rectifier Nonlinearities Improve Neural Network Acoustic Models".
    """
    x = as_float(x)
    return where(x > 0.0, x, multiply(x, negative_slope))


def elu(x: Any, alpha: Any = 1.0) -> Tensor:
    """x where x > 0, else alpha (e^x - 1); its derivative is 1 or alpha e^x.

    Source: Clevert, Unterthiner, Hochreiter (2016), "Fast and Accurate Deep Network Learning by Exponential Linear
    Units (ELUs)".
    """
    x = as_float(x)
    # e to no more than 0: what is not chosen must be finite for its derivative, which is multiplied by 0, to be 0
    return where(x > 0.0, x, multiply(expm1(minimum(x, 0.0)), alpha))


def celu(x: Any, alpha: Any = 1.0) -> Tensor:
    """x where x > 0, else alpha (e^(x / alpha) - 1); its derivative is 1 or e^(x / alpha).

    Source: Barron (2017), "Continuously Differentiable Exponential Linear Units".
    """
    return elu(divide(x, alpha), 1.0) * alpha


_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def selu(x: Any) -> Tensor:
    """1.0507 elu(x, 1.6733), with constants that draw mean and variance to 0 and 1 from layer to layer.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter (2017), "Self-Normalizing Neural Networks".
    """
    return multiply(elu(x, _SELU_ALPHA), _SELU_SCALE)


def gelu(x: Any, approximate: bool = True) -> Tensor:
    """x F(x) with F the normal distribution function, (1 + erf(x / sqrt(2))) / 2; its derivative is F(x) + x F'(x).

    Parameters:
        approximate: F(x) = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 instead.

    Source: Hendrycks, Gimpel (2016), "Gaussian Error Linear Units (GELUs)".
    """
    x = as_float(x)
    if approximate:
        return 0.5 * x * (1.0 + tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * (x * x * x))))
    return 0.5 * x * (1.0 + erf(x * math.sqrt(0.5)))


def glu(x: Any, axis: int = -1) -> Tensor:
    """a sigmoid(b), where a and b are the first and the second half of x along the axis.

    Raises ShapeError for an axis of odd length. Source: Dauphin, Fan, Auli, Grangier (2017), "Language Modeling with
    Gated Convolutional Networks".
    """
    x = as_float(x)
    (axis,) = axes_of(x, axis, "glu")
    half = x.shape[axis] // 2
    if x.shape[axis] != 2 * half:
        raise ShapeError(f"glu: expected an even length along axis {axis}, got {x.aval}")
    before = (slice(None),) * axis
    return x[(*before, slice(half))] * sigmoid(x[(*before, slice(half, None))])


def sigmoid(x: Any) -> Tensor:
    """y = 1 / (1 + e^-x), between 0 and 1; its derivative is y (1 - y)."""
    return elementwise.sigmoid(as_float(x))


def log_sigmoid(x: Any) -> Tensor:
    """log(sigmoid(x)) = -softplus(-x), finite for any finite x; its derivative is sigmoid(-x)."""
    return negative(softplus(negative(x)))


def hard_sigmoid(x: Any) -> Tensor:
    """min(max(x + 3, 0), 6) / 6; its derivative is 1/6 between -3 and 3, else 0.

    Source: Courbariaux, Bengio, David (2015), "BinaryConnect: Training Deep Neural Networks with binary weights during
    propagations", with the slope of Howard et al. (2019), "Searching for MobileNetV3".
    """
    return multiply(relu6(add(as_float(x), 3.0)), 1.0 / 6.0)


def silu(x: Any) -> Tensor:
    """x sigmoid(x), also called swish; its derivative is s + x s (1 - s) with s = sigmoid(x).

    Source: Elfwing, Uchibe, Doya (2018), "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
    Reinforcement Learning"; Ramachandran, Zoph, Le (2017), "Searching for Activation Functions".
    """
    return multiply(x, sigmoid(x))


def hard_silu(x: Any) -> Tensor:
    """x hard_sigmoid(x), also called hard swish: 0 below -3, x above 3.

    Source: Howard et al. (2019), "Searching for MobileNetV3".
    """
    return multiply(x, hard_sigmoid(x))


swish, hard_swish = silu, hard_silu


def tanh(x: Any) -> Tensor:
    """y = (e^x - e^-x) / (e^x + e^-x), between -1 and 1; its derivative is 1 - y^2."""
    return elementwise.tanh(as_float(x))


def hard_tanh(x: Any) -> Tensor:
    """min(max(x, -1), 1); its derivative is 1 in between, else 0."""
    return clip(as_float(x), -1.0, 1.0)


def tanh_shrink(x: Any) -> Tensor:
    """x - tanh(x); its derivative is tanh(x)^2."""
    x = as_float(x)
    return x - tanh(x)


def softplus(x: Any) -> Tensor:
    """log(1 + e^x) = max(x, 0) + log1p(e^-|x|), finite for any finite x; its derivative is sigmoid(x)."""
    x = as_float(x)
    # -|x| as a minimum: at 0 both it and the maximum take the derivative of x >= 0, so that of the sum is exact there
    return add(maximum(x, 0.0), log1p(exp(minimum(-x, x))))


def softsign(x: Any) -> Tensor:
    """x / (1 + |x|), between -1 and 1; its derivative is 1 / (1 + |x|)^2."""
    x = as_float(x)
    return x / (1.0 + abs(x))


def squareplus(x: Any, b: Any = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, which resembles softplus for b = 4; its derivative is (1 + x / sqrt(x^2 + b)) / 2.

    Source: Barron (2021), "Squareplus: A Softplus-Like Algebraic Rectifier".
    """
    x = as_float(x)
    return 0.5 * (x + sqrt(x * x + b))


def sparse_plus(x: Any) -> Tensor:
    """0 where x <= -1, x where x >= 1, (x + 1)^2 / 4 between; its derivative is sparse_sigmoid(x)."""
    x = as_float(x)
    return where(x >= 1.0, x, 0.25 * square(relu(x + 1.0)))


def sparse_sigmoid(x: Any) -> Tensor:
    """min(max((x + 1) / 2, 0), 1); its derivative is 1/2 between -1 and 1, else 0."""
    return clip(0.5 * (as_float(x) + 1.0), 0.0, 1.0)


def threshold(x: Any, threshold: Any, default_value: Any) -> Tensor:
    """x where x > threshold, else default_value; its derivative is 1 or 0."""
    x = as_float(x)
    return where(x > threshold, x, default_value)


def hard_shrink(x: Any, threshold: Any = 0.5) -> Tensor:
    """x where |x| > threshold, else 0; its derivative is 1 or 0."""
    x = as_float(x)
    return where(abs(x) > threshold, x, 0.0)


def soft_shrink(x: Any, threshold: Any = 0.5) -> Tensor:
    """x brought closer to 0 by the threshold, 0 where |x| is below it; its derivative is 1 or 0."""
    x = as_float(x)
    return relu(x - threshold) - relu(-x - threshold)


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
    """y_i = e^x_i / sum_j e^x_j along the axis; the derivative dy_i / dx_j is y_i ([i = j] - y_j)."""
    z, _ = _shifted(as_float(x), axis)
    e = exp(z)
    return divide(e, sum(e, axis, keepdims=True))


def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """x_i - log(sum_j e^x_j) along the axis."""
    z, _ = _shifted(as_float(x), axis)
    return subtract(z, log(sum(exp(z), axis, keepdims=True)))


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """max(x - t, 0) with t such that it sums to 1 along the axis: the closest probabilities, many of them 0.

    t = max_i (sum_j x_j [x_j >= x_i] - 1) / sum_j [x_j >= x_i], by comparing all pairs along the axis. Source: Martins,
    Astudillo (2016), "From Softmax to Sparsemax: A Sparse Model of Attention and Multi-Label Classification".
    """
    x = as_float(x)
    (axis,) = axes_of(x, axis, "sparsemax")
    lead, tail = x.shape[:axis], x.shape[axis + 1 :]
    others, own = x.reshape((*lead, 1, -1, *tail)), x.reshape((*lead, -1, 1, *tail))
    above = others >= own
    count = sum(cast(above, x.dtype), axis + 1)
    candidates = (sum(where(above, others, 0.0), axis + 1) - 1.0) / count
    return relu(x - max(candidates, axis, keepdims=True))


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """The mean and the variance mean((x - mean)^2) over the axes; synchronized changes nothing on one machine."""
    x = as_float(x)
    center = mean(x, axes, keepdims=True)
    variance = mean(square(x - center), axes, keepdims)
    return (center if keepdims else reshape(center, variance.shape)), variance


def _along(x: Any, axes: Sequence[int], like: Tensor) -> Tensor:
    """x of the lengths of these axes of another tensor, shaped so that it broadcasts along them.

    Raises ShapeError where the lengths differ.
    """
    axes = axes_of(like, axes, "normalization")
    x = cast(x, like.dtype)
    if x.shape != tuple(like.shape[a] for a in axes):
        raise ShapeError(f"normalization: expected the lengths of axes {axes} of {like.aval}, got {x.aval}")
    return reshape(x, [n if a in axes else 1 for a, n in enumerate(like.shape)])


def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Tensor:
    """(x - mean) scale / sqrt(variance + epsilon) + offset, each place along the axis with its own.

    Shapes: mean, variance, offset and scale (n,) for an axis of length n. Raises ShapeError for others.
    Source: Ioffe, Szegedy (2015), "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift".
    """
    x = as_float(x)
    factor = rsqrt(add(cast(variance, x.dtype), epsilon))
    if scale is not None:
        factor = factor * cast(scale, x.dtype)
    y = (x - _along(mean, [axis], x)) * _along(factor, [axis], x)
    return y if offset is None else y + _along(offset, [axis], x)


def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None) -> Tensor:
    """(x - mean) gamma / sqrt(variance + epsilon) + beta, with the moments of each sample over the axis or axes.

    Shapes: gamma and beta those of the axes. Default: epsilon 1e-7.
    Source: Ba, Kiros, Hinton (2016), "Layer Normalization".
    """
    x = as_float(x)
    axes = axes_of(x, axis, "layer_normalization")
    center, variance = moments(x, axes, keepdims=True)
    y = (x - center) * rsqrt(variance + (EPSILON if epsilon is None else epsilon))
    y = y if gamma is None else y * _along(gamma, axes, x)
    return y if beta is None else y + _along(beta, axes, x)


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> Tensor:
    """x scale / sqrt(mean(x^2) + epsilon), with the mean of each sample over the axis or axes; epsilon 1e-7 by default.

    Source: Zhang, Sennrich (2019), "Root Mean Square Layer Normalization".
    """
    x = as_float(x)
    axes = axes_of(x, axis, "rms_normalization")
    y = x * rsqrt(mean(square(x), axes, keepdims=True) + (EPSILON if epsilon is None else epsilon))
    return y if scale is None else y * _along(scale, axes, x)


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
