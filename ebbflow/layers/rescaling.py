"""Rescaling: inputs in other units, such as pixels from 0 .. 255 to 0 .. 1."""

from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..functions import array
from .base import Layer

__all__ = ["Rescaling"]


class Rescaling(Layer):
    """y = x * scale + offset, as floats of the layer's type whatever the type of x.

        Rescaling(1 / 255)                  # bytes to 0 .. 1
        Rescaling(1 / 127.5, offset=-1)     # bytes to -1 .. 1

    As the first layer of a model it takes arrays of bytes as they are; they become floats one batch at a time.

    Parameters:
        scale, offset: numbers, or arrays of them that broadcast along the last axes of x.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for what is not finite numbers, ShapeError where the features of x have another shape.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale, self.offset = _numbers("scale", scale), _numbers("offset", offset)

    def call(self, inputs: Tensor) -> Tensor:
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            shape = np.shape(value)
            if len(shape) >= inputs.ndim or any(n not in (1, m) for n, m in _from_the_end(shape, inputs.shape)):
                raise ShapeError(f"{self}: expected features that {name} of shape {shape} fits, got {inputs.aval}")
        scale, offset = (array.cast(value, self.dtype) for value in (self.scale, self.offset))
        return array.cast(inputs, self.dtype) * scale + offset

    def get_config(self) -> dict[str, Any]:
        scale, offset = (np.asarray(value).tolist() for value in (self.scale, self.offset))
        return super().get_config() | {"scale": scale, "offset": offset}


def _numbers(name: str, value: Any) -> float | np.ndarray:
    """A float or a constant array of floats."""
    values = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise ArgumentError(f"Rescaling: expected a finite number or an array of them for {name}, got {value!r}")
    if values.ndim == 0:
        return float(values)
    values = values.astype(np.float64)
    values.flags.writeable = False
    return values


def _from_the_end(shape: tuple[int, ...], other: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(reversed(shape), reversed(other), strict=False))
