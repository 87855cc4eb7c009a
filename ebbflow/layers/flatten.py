"""Flatten: all features of a sample in one axis."""

import math

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from .base import Layer

__all__ = ["Flatten"]


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a * b * ...), in row-major order; (batch,) -> (batch, 1)."""

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim < 1:
            raise ShapeError(f"{self}: expected inputs with a batch axis, got {inputs.aval}")
        return inputs.reshape((inputs.shape[0], math.prod(inputs.shape[1:])))
