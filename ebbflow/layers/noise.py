"""GaussianNoise and GaussianDropout: normally distributed noise in training, none in prediction."""

from typing import Any

from ..core.tensor import Tensor
from ..functions import array, random
from ..functions.arguments import expect_integer
from ..functions.bounds import not_negative
from ..functions.hyperparameter import Hyperparameter, number
from .base import Layer

__all__ = ["GaussianDropout", "GaussianNoise"]


class _Noise(Layer):
    """A layer with a stream of random numbers."""

    def __init__(self, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = None if seed is None else expect_integer(type(self).__name__, "seed", seed, 0)
        self.seed_generator = random.SeedGenerator(seed, name=f"{self.name}/seed_generator")

    def _normal(self, inputs: Tensor) -> Tensor:
        return random.normal(inputs.shape, dtype=self.dtype, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"seed": self.seed}


class GaussianNoise(_Noise):
    """In training x + stddev * n with n standard normal, drawn for each element; in prediction x itself.

    Parameters:
        stddev: 0 or more; an attribute that can be changed without compiling again.
        seed: makes the noise of this layer reproducible by itself.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for a bad argument.
    Source: Bishop (1995), "Training with Noise is Equivalent to Tikhonov Regularization".
    """

    stddev = not_negative()

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.stddev = stddev

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return inputs + array.cast(self.stddev, self.dtype) * self._normal(inputs) if training else inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stddev": number(self.stddev)}


class GaussianDropout(_Noise):
    """In training x (1 + sqrt(rate / (1 - rate)) n) with n standard normal, drawn for each element; else x itself.

    The factors have the mean and the variance of those of Dropout(rate).

    Parameters:
        rate: in [0, 1); an attribute that can be changed without compiling again.
        seed: makes the noise of this layer reproducible by itself.
        name, dtype, trainable: as for Layer.

    Raises ArgumentError for a bad argument.
    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 10.
    """

    rate = Hyperparameter("a probability from 0 up to, but not including, 1", lambda rate: 0.0 <= rate < 1.0)

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = rate

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:
            return inputs
        stddev = array.cast(array.sqrt(self.rate / (1.0 - self.rate)), self.dtype)
        return inputs * (1.0 + stddev * self._normal(inputs))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": number(self.rate)}
