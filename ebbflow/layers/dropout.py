"""Dropout: noise in training that keeps units from relying on each other."""

from collections.abc import Sequence
from typing import Any

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..functions import random
from ..functions.arguments import expect_integer
from ..functions.hyperparameter import Hyperparameter, number
from .base import Layer
from .common import expect_shape

__all__ = ["Dropout"]


class Dropout(Layer):
    """In training each element is zero with probability `rate`, else x / (1 - rate); in prediction x itself.

    Parameters:
        rate: in [0, 1], also accepted as p; 1 leaves zeros; an attribute that can be changed without compiling again.
        noise_shape: the shape of the mask, 1 along an axis where it is the same, None for the input's length.
        seed: makes the masks of this layer reproducible by themselves.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for a bad argument.
    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".
    """

    rate = Hyperparameter("a probability between 0 and 1", lambda rate: 0.0 <= rate <= 1.0)

    def __init__(
        self,
        rate: float | None = None,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        *,
        p: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if (rate is None) == (p is None):
            raise ArgumentError(f"Dropout: expected one rate, got rate={rate!r} and p={p!r}")
        self.rate = p if rate is None else rate
        self.noise_shape = None if noise_shape is None else expect_shape("Dropout", "noise_shape", noise_shape)
        self.seed = None if seed is None else expect_integer("Dropout", "seed", seed, 0)
        self.seed_generator = random.SeedGenerator(seed, name=f"{self.name}/seed_generator")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:
            return inputs
        return random.dropout(inputs, self.rate, self._mask_shape(inputs), self.seed_generator)

    def _mask_shape(self, inputs: Tensor) -> tuple[int, ...] | None:
        if self.noise_shape is None:
            return None
        fits = len(self.noise_shape) == inputs.ndim and all(
            own in (None, 1, n) for own, n in zip(self.noise_shape, inputs.shape, strict=True)
        )
        if not fits:
            raise ShapeError(f"{self}: expected inputs that noise_shape {self.noise_shape} fits, got {inputs.aval}")
        return tuple(n if own is None else own for own, n in zip(self.noise_shape, inputs.shape, strict=True))

    def _known_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...] | None:
        if type(self) is not Dropout or self.noise_shape is not None:
            return None
        self.built = True
        return input_shape

    def get_config(self) -> dict[str, Any]:
        shape = None if self.noise_shape is None else list(self.noise_shape)
        return super().get_config() | {"rate": number(self.rate), "noise_shape": shape, "seed": self.seed}
