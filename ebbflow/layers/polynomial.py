"""PolynomialFeatures: products of features, so that a linear layer above them fits polynomials."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions import array, shapes
from ..functions.arguments import expect, expect_integer
from ..functions.naming import expect_flag
from .base import Layer

__all__ = ["PolynomialFeatures"]


class PolynomialFeatures(Layer):
    """All products of up to `degree` features: (a, b) -> (1, a, b, a^2, a b, b^2) for degree 2.

    The columns and their order are those of scikit-learn's PolynomialFeatures.

    Parameters:
        degree: the largest number of factors, or a pair of the smallest and the largest.
        interaction_only: leave out products in which a feature stands more than once.
        include_bias: begin with a column of ones.
        name, dtype, trainable: as for Layer.

    Attributes: `powers`, int64 (columns, features), the exponent of each feature in each column, once built.
    Shapes: x (..., features) -> (..., columns), with columns = binomial(features + degree, degree) by default.
    Raises ArgumentError for a bad argument, ShapeError for another number of features than built for.
    """

    def __init__(
        self,
        degree: int | Sequence[int] = 2,
        interaction_only: bool = False,
        include_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        several = isinstance(degree, (list, tuple))
        expect(not several or len(degree) == 2, "PolynomialFeatures", "degree", "a number or a pair of them", degree)
        least, most = degree if several else (0, degree)
        self._least = expect_integer("PolynomialFeatures", "degree", least, 0)
        self._most = expect_integer("PolynomialFeatures", "degree", most, max(self._least, 0 if include_bias else 1))
        self.degree = [self._least, self._most] if several else self._most
        self.interaction_only = expect_flag("PolynomialFeatures", "interaction_only", interaction_only)
        self.include_bias = expect_flag("PolynomialFeatures", "include_bias", include_bias)
        self.powers: np.ndarray | None = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        features = input_shape[-1]
        columns = self._columns(features)
        if not columns:
            raise ShapeError(f"{self}: expected at least {self._least} features to multiply, got {features}")
        self.powers = np.array([np.bincount(column, minlength=features) for column in columns])

    def _columns(self, features: int) -> list[tuple[int, ...]]:
        """The factors of each column, by their places."""
        choose = itertools.combinations if self.interaction_only else itertools.combinations_with_replacement
        degrees = range(max(1, self._least), self._most + 1)
        products = [column for degree in degrees for column in choose(range(features), degree)]
        return [(), *products] if self.include_bias else products

    def call(self, inputs: Tensor) -> Tensor:
        features = self.powers.shape[1]
        if inputs.ndim < 2 or inputs.shape[-1] != features:
            raise ShapeError(f"{self}: expected a last axis of {features} (as built), got {inputs.aval}")
        inputs = array.cast(inputs, self.dtype)
        with_one = shapes.concatenate([inputs, shapes.ones((*inputs.shape[:-1], 1), self.dtype)], -1)
        return functools.reduce(array.multiply, [shapes.take(with_one, places, -1) for places in self._factors()])

    def _factors(self) -> np.ndarray:
        """The places of the first, second, ... factor of each column, (degree, columns); that of the one fills up."""
        columns = self._columns(self.powers.shape[1])
        longest = max(1, *map(len, columns))
        filled = [(*column, *[self.powers.shape[1]] * (longest - len(column))) for column in columns]
        return np.array(filled, np.int32).T

    def get_config(self) -> dict[str, Any]:
        own = {"interaction_only": self.interaction_only, "include_bias": self.include_bias}
        return super().get_config() | {"degree": self.degree} | own
