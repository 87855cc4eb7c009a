"""Layers that apply one function to every element, or to every row."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations
from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions import array, nn
from ..functions.arguments import expect, expect_number
from .base import Layer
from .common import expect_axes, expect_lengths, places_of
from .settings import add_weight, describe_settings, hold_settings

__all__ = ["ELU", "Activation", "Identity", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class Activation(Layer):
    """activation(x), by the name or function that `activations.get` takes."""

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        hold_settings(self, activation=activation)

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)

    def _known_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...] | None:
        if type(self) is not Activation or not activations.keeps_shape(self.activation):
            return None
        self.built = True
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"activation": activations.serialize(self.activation)}


class ReLU(Layer):
    """max(x, 0); with arguments, at most max_value, and negative_slope * (x - threshold) where x <= threshold.

    Source: Glorot, Bordes, Bengio (2011), "Deep Sparse Rectifier Neural Networks".
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else expect_number("ReLU", "max_value", max_value, low=0.0)
        self.negative_slope = expect_number("ReLU", "negative_slope", negative_slope, low=0.0)
        self.threshold = expect_number("ReLU", "threshold", threshold, low=0.0)

    def call(self, inputs: Tensor) -> Tensor:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        own = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return super().get_config() | own


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope * x.

    Source: Maas, Hannun, Ng (2013), "Rectifier Nonlinearities Improve Neural Network Acoustic Models".
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.negative_slope = expect_number("LeakyReLU", "negative_slope", negative_slope, low=0.0)

    def call(self, inputs: Tensor) -> Tensor:
        return nn.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"negative_slope": self.negative_slope}


class ELU(Layer):
    """x where x > 0, else alpha (e^x - 1).

    Source: Clevert, Unterthiner, Hochreiter (2016), "Fast and Accurate Deep Network Learning by Exponential Linear
    Units (ELUs)".
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = expect_number("ELU", "alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        return nn.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"alpha": self.alpha}


class PReLU(Layer):
    """x where x > 0, else alpha * x, with a learned alpha for each feature.

    Parameters:
        alpha_initializer: of alpha; name or Initializer.
        alpha_regularizer: penalty of alpha; name, Regularizer or function.
        alpha_constraint: what it is projected to after each update; name, Constraint or function.
        shared_axes: axes, from 1, along which alpha is the same.
        name, dtype, trainable: as for Layer.

    Shapes: x (batch, ...), `alpha` that of one sample, with 1 for shared axes.
    Raises ArgumentError for a bad argument, ShapeError when x does not fit alpha.
    Source: He, Zhang, Ren, Sun (2015), "Delving Deep into Rectifiers".
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        hold_settings(
            self,
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )
        shared = () if shared_axes is None else expect_axes("PReLU", "shared_axes", shared_axes)
        self.shared_axes = (shared,) if isinstance(shared, int) else shared
        expect(all(a > 0 for a in self.shared_axes), "PReLU", "shared_axes", "axes from 1", shared_axes)
        self.alpha = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        shared = places_of(self, self.shared_axes, len(input_shape))
        shape = tuple(1 if a in shared else input_shape[a] for a in range(1, len(input_shape)))
        self.alpha = add_weight(self, "alpha", shape)

    def call(self, inputs: Tensor) -> Tensor:
        own = [a for a in range(1, self.alpha.aval.ndim + 1) if a not in self.shared_axes]
        if inputs.ndim != self.alpha.aval.ndim + 1:
            raise ShapeError(
                f"{self}: expected inputs of {self.alpha.aval.ndim + 1} axes (as built), got {inputs.aval}"
            )
        expect_lengths(self, inputs, own, [self.alpha.shape[a - 1] for a in own])
        return array.where(inputs > 0.0, inputs, inputs * self.alpha)

    def get_config(self) -> dict[str, Any]:
        own = {"shared_axes": list(self.shared_axes) or None}
        return super().get_config() | own | describe_settings(self, "alpha")


class Softmax(Layer):
    """e^x_i / sum_j e^x_j along the axis or axes; where a mask is False, 0."""

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = expect_axes("Softmax", "axis", axis)

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        places_of(self, self.axis, inputs.ndim)
        if mask is None:
            return nn.softmax(inputs, self.axis)
        mask = array.cast(mask, "bool")
        least = float(np.finfo(inputs.dtype).min)
        return array.where(mask, nn.softmax(array.where(mask, inputs, least), self.axis), 0.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": list(self.axis) if isinstance(self.axis, tuple) else self.axis}


class Identity(Layer):
    """x itself."""

    def call(self, inputs: Tensor) -> Tensor:
        return inputs
