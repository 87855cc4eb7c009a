"""Normalization: features brought to mean 0 and variance 1 with moments that were learned from data beforehand."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, eagerly
from ..functions import array
from ..functions.arguments import expect
from ..functions.naming import expect_flag
from .base import Layer, only_shapes_are_asked
from .common import finite_rows

__all__ = ["Normalization"]

_EPSILON = 1e-7


def _nan(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.full(shape, np.nan, dtype)


def _moment(name: str, value: Any, least: float = -np.inf) -> np.ndarray:
    """The moment of each feature as given; raises ArgumentError for what is not finite numbers of at least this."""
    values = np.asarray(value)
    valid = values.dtype.kind in "iuf" and np.isfinite(values).all() and (values >= least).all()
    expect(valid, "Normalization", name, "finite numbers" if least < 0 else "finite numbers of 0 or more", value)
    return values


class Normalization(Layer):
    """y = (x - mean) / max(sqrt(variance), 1e-7), each feature with its own moments.

    Parameters:
        axis: the axis or axes that have moments of their own, by default the last; None for one pair of moments.
        mean, variance: the moments; by default what `adapt` finds in data.
        invert: turn normalized values back: y = x max(sqrt(variance), 1e-7) + mean.
        name, dtype, trainable: as for Layer.

    Attributes: mean and variance, float64 variables (the square of a large float32 would overflow), NaN until known.
    Raises ArgumentError when only one moment is given, or when something is to be computed without them.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ArgumentError("Normalization: expected both mean and variance, or neither and a call of adapt")
        axes = [] if axis is None else np.atleast_1d(axis).tolist()
        expect(all(isinstance(a, int) for a in axes), "Normalization", "axis", "whole numbers or None", axis)
        self.axis = axis if axis is None or isinstance(axis, int) else tuple(axes)
        self.invert = expect_flag("Normalization", "invert", invert)
        self._given_moments = None if mean is None else (_moment("mean", mean), _moment("variance", variance, 0.0))
        self.mean = self.variance = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        shape = self._moments_shape(input_shape)
        self.mean = self.add_weight(shape, _nan, "float64", trainable=False, name="mean")
        self.variance = self.add_weight(shape, _nan, "float64", trainable=False, name="variance")
        if self._given_moments is not None:
            self._set(*self._given_moments)

    def _has_moments(self) -> bool:
        with eagerly():
            return not np.isnan(self.mean.numpy()).any()

    def _kept(self, ndim: int) -> tuple[int, ...]:
        axes = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        if not all(-ndim <= a < ndim for a in axes):
            raise ShapeError(f"{self}: expected an axis between {-ndim} and {ndim - 1}, got {self.axis}")
        return tuple(sorted({a % ndim for a in axes}))

    def _moments_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(input_shape[a] for a in self._kept(len(input_shape)))

    def _set(self, mean: np.ndarray, variance: np.ndarray) -> None:
        for variable, value in ((self.mean, mean), (self.variance, variance)):
            if value.size not in (1, variable.aval.size):
                raise ShapeError(f"{self}: expected moments of shape {variable.shape}, got {value.shape}")
            value = value.reshape(variable.shape if value.size > 1 else ())
            variable.assign(np.broadcast_to(value, variable.shape))

    def adapt(self, data: Any) -> None:
        """Learn mean and variance from data, an array of shape (rows, ...); what was learned before is forgotten.

        Raises ShapeError for data without rows or of another number of features, ArgumentError for NaN, infinity, and
        numbers whose moments the layer's type cannot hold.
        """
        values = finite_rows(self, data)
        if not self.built:
            self.build(values.shape)
        if self._moments_shape(values.shape) != self.mean.shape:
            raise ShapeError(
                f"{self}: adapt expected features of shape {self.mean.shape} (as built), got {values.shape}"
            )
        others = tuple(a for a in range(values.ndim) if a not in self._kept(values.ndim))
        with np.errstate(over="ignore", invalid="ignore"):
            mean, variance = values.mean(others), values.var(others)
            held = np.array([mean, np.sqrt(variance)], self.dtype)
        if not np.isfinite(held).all():
            raise ArgumentError(f"{self}: adapt expected numbers whose variance is finite; scale them down first")
        self._set(mean, variance)

    def call(self, inputs: Tensor) -> Tensor:
        if not self._has_moments() and not only_shapes_are_asked():
            raise ArgumentError(f"{self}: has no moments yet; call adapt(data), or give mean and variance")
        kept = self._kept(inputs.ndim)
        if tuple(inputs.shape[a] for a in kept) != self.mean.shape:
            raise ShapeError(f"{self}: expected features of shape {self.mean.shape} (as built), got {inputs.aval}")
        spread = [n if a in kept else 1 for a, n in enumerate(inputs.shape)]
        mean = array.cast(self.mean, inputs.dtype).reshape(spread)
        stddev = array.cast(array.maximum(array.sqrt(self.variance), _EPSILON), inputs.dtype).reshape(spread)
        return inputs * stddev + mean if self.invert else (inputs - mean) / stddev

    def get_config(self) -> dict[str, Any]:
        moments = self._given_moments
        if self.built and self._has_moments():
            moments = self.mean.numpy(), self.variance.numpy()
        mean, variance = (None, None) if moments is None else (m.tolist() for m in moments)
        axis = list(self.axis) if isinstance(self.axis, tuple) else self.axis
        return super().get_config() | {"axis": axis, "mean": mean, "variance": variance, "invert": self.invert}
