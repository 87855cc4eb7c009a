"""Layers that apply one function to every element, or to every row: no weights."""

from typing import Any

from .. import activations
from ..core.tensor import Tensor
from ..functions import array, nn
from ..functions.arguments import expect, expect_number, is_number
from .base import Layer

__all__ = ["Activation", "LeakyReLU", "ReLU", "Softmax"]


class Activation(Layer):
    """activation(x), by the name or function that `activations.get` takes."""

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"activation": activations.serialize(self.activation)}


class ReLU(Layer):
    """max(x, 0); with arguments, at most max_value, and negative_slope * (x - threshold) where x <= threshold."""

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else expect_number("ReLU", "max_value", max_value, low=0.0)
        self.negative_slope = expect_number("ReLU", "negative_slope", negative_slope, low=0.0)
        self.threshold = expect_number("ReLU", "threshold", threshold, low=0.0)

    def call(self, inputs: Tensor) -> Tensor:
        if (self.negative_slope, self.threshold) == (0.0, 0.0):
            outputs = nn.relu(inputs)
        else:
            below = self.negative_slope * (inputs - self.threshold)
            outputs = array.where(inputs > self.threshold, inputs, below)
        return outputs if self.max_value is None else array.minimum(outputs, self.max_value)

    def get_config(self) -> dict[str, Any]:
        own = {"max_value": self.max_value, "negative_slope": self.negative_slope, "threshold": self.threshold}
        return super().get_config() | own


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope * x."""

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.negative_slope = expect_number("LeakyReLU", "negative_slope", negative_slope, low=0.0)

    def call(self, inputs: Tensor) -> Tensor:
        return nn.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"negative_slope": self.negative_slope}


class Softmax(Layer):
    """e^x_i / sum_j e^x_j along the axis."""

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        expect(is_number(axis) and axis == int(axis), "Softmax", "axis", "a whole number", axis)
        self.axis = int(axis)

    def call(self, inputs: Tensor) -> Tensor:
        return nn.softmax(inputs, self.axis)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
