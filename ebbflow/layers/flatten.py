"""Flatten: all features of a sample in one axis."""

import math
from typing import Any

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions import shapes
from ..functions.arguments import choose
from .base import Layer

__all__ = ["Flatten"]


class Flatten(Layer):
    """(batch, a, b, ...) -> (batch, a * b * ...), in row-major order; (batch,) -> (batch, 1).

    Parameters:
        data_format: "channels_first" for inputs (batch, channels, ...), whose channels are put last before; by default
            "channels_last", which is as they lie.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for a bad data_format, ShapeError for inputs without a batch axis.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = choose("Flatten", "data_format", data_format, (None, "channels_last", "channels_first"))

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim < 1:
            raise ShapeError(f"{self}: expected inputs with a batch axis, got {inputs.aval}")
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = shapes.transpose(inputs, (0, *range(2, inputs.ndim), 1))
        return inputs.reshape((inputs.shape[0], math.prod(inputs.shape[1:])))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"data_format": self.data_format}
