"""Input: the shape of what a model takes, so that it is built before it sees data."""

from collections.abc import Sequence
from typing import Any

from ..core.aval import DTYPES
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..functions.arguments import expect, expect_integer
from .base import Layer
from .calling import only_shapes_are_asked
from .common import expect_shape

__all__ = ["Input", "InputLayer"]


class InputLayer(Layer):
    """Passes its input on, after checking its shape; a model that begins with one is built at once.

    Parameters:
        shape: of one sample, without the batch axis; None for an axis of any length.
        batch_size: of every batch, or None for any.
        dtype: of the elements, by default `floatx()`.
        name: as for Layer.

    Attributes: shape, batch_size and batch_shape = (batch_size, *shape).
    Raises ArgumentError for a bad shape, ShapeError when an input does not fit.
    """

    _dtypes = tuple(map(str, DTYPES))

    def __init__(
        self,
        shape: int | Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if (shape is None) == (batch_shape is None):
            raise ArgumentError(f"InputLayer: expected one of shape and batch_shape, got {shape!r} and {batch_shape!r}")
        if batch_shape is not None:
            expect(
                bool(expect_shape("InputLayer", "batch_shape", batch_shape)),
                "InputLayer",
                "batch_shape",
                "a batch axis",
                batch_shape,
            )
            batch_size, *shape = batch_shape
        self.shape = expect_shape("InputLayer", "shape", shape)
        self.batch_size = None if batch_size is None else expect_integer("InputLayer", "batch_size", batch_size, 1)

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape with the batch axis first."""
        return (self.batch_size, *self.shape)

    def call(self, inputs: Tensor) -> Tensor:
        # a question for shapes stands for a batch of any size, and asks with one row
        own_shape = (None, *self.shape) if only_shapes_are_asked() else self.batch_shape
        fits = len(own_shape) == inputs.ndim and all(
            own in (None, n) for own, n in zip(own_shape, inputs.shape, strict=True)
        )
        if not fits:
            expected = ", ".join("any" if n is None else str(n) for n in self.batch_shape)
            raise ShapeError(f"{self}: expected inputs of shape ({expected}), got {inputs.aval}")
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"shape": list(self.shape), "batch_size": self.batch_size}


def Input(
    shape: int | Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    *,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
) -> InputLayer:
    """The InputLayer that begins a Sequential model; arguments as for InputLayer."""
    return InputLayer(shape, batch_size, dtype, batch_shape=batch_shape, name=name)
