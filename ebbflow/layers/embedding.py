"""Embedding: a learned vector for every category."""

import math
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..functions import array, shapes
from ..functions.arguments import expect, expect_integer
from .base import Layer
from .settings import add_weight, describe_settings, hold_settings

__all__ = ["Embedding"]


class Embedding(Layer):
    """y = row x of a learned table, for whole numbers x from 0; NaN for numbers that are no row.

    As floats come from a model's inputs, they are taken too, cut to whole numbers.

    Parameters:
        input_dim: how many rows the table has, the largest number plus 1.
        output_dim: the length of a row.
        embeddings_initializer: of the table; name or Initializer.
        embeddings_regularizer: penalty of the table; name, Regularizer or function.
        embeddings_constraint: what it is projected to after each update; name, Constraint or function.
        mask_zero: not supported, must be False.
        weights: the table to begin with, (input_dim, output_dim), instead of the initializer's.
        name, dtype, trainable: as for Layer.

    Shapes: x (...), `embeddings` (input_dim, output_dim), y (..., output_dim).
    Raises ArgumentError for a bad argument.
    Source: Bengio, Ducharme, Vincent, Jauvin (2003), "A Neural Probabilistic Language Model".
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.input_dim = expect_integer("Embedding", "input_dim", input_dim, 1)
        self.output_dim = expect_integer("Embedding", "output_dim", output_dim, 1)
        if mask_zero:
            raise ArgumentError(
                "Embedding: expected False for mask_zero, got True; masks are not passed on, so give 0 a row of its own"
            )
        hold_settings(
            self,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )
        self.embeddings = None
        if weights is not None:
            self.build()
            self.embeddings.assign(self._table(weights))

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = add_weight(self, "embeddings", (self.input_dim, self.output_dim))

    def _table(self, weights: Any) -> np.ndarray:
        """The table, which Keras also takes as a list of one."""
        given = weights[0] if isinstance(weights, list) and len(weights) == 1 else weights
        values, shape = np.asarray(given), (self.input_dim, self.output_dim)
        expect(values.dtype.kind in "iuf", "Embedding", "weights", "numbers", weights)
        if values.shape != shape:
            raise ShapeError(f"Embedding: expected weights of shape {shape}, got {values.shape}")
        return values.astype(self.dtype)

    def call(self, inputs: Tensor) -> Tensor:
        rows = array.cast(inputs, "int32")
        known = array.logical_and(rows >= 0, rows < self.input_dim)
        # a compiled program cannot stop to name the number, but a NaN is noticed and traced back to this layer
        return array.where(shapes.expand_dims(known, -1), shapes.take(self.embeddings, rows, axis=0), math.nan)

    def get_config(self) -> dict[str, Any]:
        own = {"input_dim": self.input_dim, "output_dim": self.output_dim}
        return super().get_config() | own | describe_settings(self, "embeddings")
