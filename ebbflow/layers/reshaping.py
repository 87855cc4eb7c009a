"""Reshape, Permute and RepeatVector: the same elements in other places; the batch axis stays."""

import math
from collections.abc import Sequence
from typing import Any

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions import shapes
from ..functions.arguments import expect, expect_integer
from .base import Layer
from .common import expect_axes

__all__ = ["Permute", "RepeatVector", "Reshape"]


class Reshape(Layer):
    """(batch, ...) -> (batch, *target_shape), in row-major order.

    Parameters:
        target_shape: of one sample; one length may be -1, which is then found from the others.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for a bad shape, ShapeError where the elements do not fit it.
    """

    def __init__(self, target_shape: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        shape = expect_axes("Reshape", "target_shape", target_shape)
        self.target_shape = (shape,) if isinstance(shape, int) else shape
        valid = all(n > 0 or n == -1 for n in self.target_shape) and self.target_shape.count(-1) <= 1
        expect(valid, "Reshape", "target_shape", "positive lengths, at most one of them -1,", target_shape)

    def call(self, inputs: Tensor) -> Tensor:
        size, known = math.prod(inputs.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        if inputs.ndim < 1 or (size % known if -1 in self.target_shape else size != known):
            raise ShapeError(f"{self}: expected samples that fit the shape {self.target_shape}, got {inputs.aval}")
        return inputs.reshape((inputs.shape[0], *(size // known if n == -1 else n for n in self.target_shape)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"target_shape": list(self.target_shape)}


class Permute(Layer):
    """Axis i of the output is axis dims[i - 1] of the input, where axes are counted from 1 and 0 is the batch.

    Parameters:
        dims: the axes 1, 2, ... in another order.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for anything else, ShapeError for inputs with another number of axes.
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        axes = expect_axes("Permute", "dims", dims)
        self.dims = (axes,) if isinstance(axes, int) else axes
        in_order = list(range(1, len(self.dims) + 1))
        expect(sorted(self.dims) == in_order, "Permute", "dims", f"the axes {in_order} in some order", dims)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim != len(self.dims) + 1:
            raise ShapeError(f"{self}: expected inputs of {len(self.dims) + 1} axes, got {inputs.aval}")
        return shapes.transpose(inputs, (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"dims": list(self.dims)}


class RepeatVector(Layer):
    """(batch, features) -> (batch, n, features), every vector n times.

    Raises ArgumentError for a bad n, ShapeError for inputs of other than two axes.
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = expect_integer("RepeatVector", "n", n, 1)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim != 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got {inputs.aval}")
        batch, features = inputs.shape
        return shapes.broadcast_to(inputs.reshape((batch, 1, features)), (batch, self.n, features))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"n": self.n}
