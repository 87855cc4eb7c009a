"""RBF: how close a sample is to each of some centers, the hidden layer of a radial basis function network."""

import math
from typing import Any

import numpy as np

from .. import initializers
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.arguments import expect, expect_integer, is_number
from ..functions.bounds import above_zero
from ..functions.hyperparameter import number
from ..functions.naming import expect_flag
from ..functions.random import SeedGenerator
from .base import Layer
from .common import finite_rows
from .settings import setting

__all__ = ["RBF"]

_STEPS = 20  # of moving centers to the means of their rows, after which they hardly move


class RBF(Layer):
    """phi_j = exp(-gamma ||x - c_j||^2), one for each center c_j.

        rbf = RBF(20)
        rbf.adapt(x)                                    # centers among the data, and a gamma that fits their distances
        model = Sequential([rbf, Dense(1)])

    Parameters:
        units: how many centers.
        gamma: more than 0, by default 1 / features until `adapt` finds one; an attribute that can be changed without
            compiling again.
        centers: where they begin, an array (units, features), or name or Initializer; `adapt` forgets it.
        learn_centers: whether training moves the centers.
        bandwidth: instead of gamma, the sigma of gamma = 1 / (2 sigma^2).
        seed: of the choice of centers in `adapt`.
        name, dtype, trainable: as for Layer.

    Shapes: x (..., features), `centers` (units, features), phi (..., units).
    Raises ArgumentError for a bad argument, ShapeError when x does not fit the centers.
    Source: Broomhead, Lowe (1988), "Multivariable Functional Interpolation and Adaptive Networks"; Moody, Darken
    (1989), "Fast Learning in Networks of Locally-Tuned Processing Units".
    """

    gamma = above_zero()

    def __init__(
        self,
        units: int,
        gamma: float | None = None,
        centers: Any = "random_normal",
        learn_centers: bool = True,
        bandwidth: float | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = expect_integer("RBF", "units", units, 1)
        if gamma is not None and bandwidth is not None:
            raise ArgumentError(f"RBF: expected one of gamma and bandwidth, got {gamma!r} and {bandwidth!r}")
        if bandwidth is not None:
            valid = is_number(bandwidth) and bandwidth > 0
            expect(valid, "RBF", "bandwidth", "a number above 0", bandwidth)
            gamma = _gamma_of(bandwidth)
        self._knows_gamma = gamma is not None
        self.gamma = 1.0 if gamma is None else gamma
        self._start = _start_of(centers)
        self.learn_centers = expect_flag("RBF", "learn_centers", learn_centers)
        self.seed = None if seed is None else expect_integer("RBF", "seed", seed, 0)
        self.centers = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        shape = (self.units, input_shape[-1])
        if isinstance(self._start, np.ndarray) and self._start.shape != shape:
            raise ShapeError(f"{self}: expected centers of shape {shape} for these inputs, got {self._start.shape}")
        self.centers = self.add_weight(shape, self._start, trainable=self.learn_centers, name="centers")
        if not self._knows_gamma:
            self.gamma, self._knows_gamma = 1.0 / input_shape[-1], True

    def adapt(self, data: Any) -> None:
        """Put the centers where the data are, and the bandwidth to their mean distance from the nearest other center.

        The centers are rows chosen far from each other (k-means++), then moved to the means of the rows nearest to them
        (k-means). A single center's bandwidth is the root of the mean squared distance of the data. Data: (rows, ...,
        features).

        Raises ShapeError for data without rows or of other features, ArgumentError for NaN and infinity, and for fewer
        different rows than centers.
        Source: Arthur, Vassilvitskii (2007), "k-means++: The Advantages of Careful Seeding"; Lloyd (1982), "Least
        Squares Quantization in PCM"; Moody, Darken (1989).
        """
        values = finite_rows(self, data)
        if not self.built:
            self.build(values.shape)
        if values.ndim < 2 or values.shape[-1] != self.centers.shape[1]:
            raise ShapeError(
                f"{self}: adapt expected a last axis of {self.centers.shape[1]} (as built), got shape {values.shape}"
            )
        rows = values.reshape(-1, values.shape[-1])
        chooser = np.random.default_rng(SeedGenerator(self.seed).state.numpy().tolist())
        centers = _spread_out(rows, self.units, chooser)
        if centers is None:
            raise ArgumentError(f"{self}: adapt expected at least {self.units} different rows, one for each center")
        centers = _moved_to_means(rows, centers)
        self.gamma = _gamma_of(_distance_between(rows, centers))
        self.centers.assign(centers)

    def call(self, inputs: Tensor) -> Tensor:
        features = self.centers.shape[1]
        if inputs.ndim < 2 or inputs.shape[-1] != features:
            raise ShapeError(f"{self}: expected a last axis of {features} (as built), got {inputs.aval}")
        inputs = array.cast(inputs, self.dtype)
        # differences, not |x|^2 - 2 x c + |c|^2, which loses all digits of a small distance far from the origin
        differences = inputs.reshape((*inputs.shape[:-1], 1, features)) - self.centers
        return array.exp(-array.cast(self.gamma, self.dtype) * array.sum(array.square(differences), -1))

    def get_config(self) -> dict[str, Any]:
        centers = self._start
        return super().get_config() | {
            "units": self.units,
            "gamma": number(self.gamma) if self._knows_gamma else None,
            "centers": centers.tolist() if isinstance(centers, np.ndarray) else initializers.serialize(centers),
            "learn_centers": self.learn_centers,
            "seed": self.seed,
        }


def _start_of(centers: Any) -> Any:
    """An array of finite numbers with two axes, or an Initializer."""
    if not isinstance(centers, (np.ndarray, Tensor, Variable, list, tuple)):
        return setting("RBF", "centers", centers, kind="initializer")
    values = np.asarray(centers if isinstance(centers, (list, tuple)) else array.convert_to_numpy(centers))
    valid = values.dtype.kind in "iuf" and values.ndim == 2 and np.isfinite(values).all()
    expect(valid, "RBF", "centers", "an initializer or finite numbers of shape (units, features)", centers)
    return values.astype(np.float64)


def _gamma_of(bandwidth: float) -> float:
    return 1.0 / (2.0 * bandwidth * bandwidth)


def _squared_distances(rows: np.ndarray, center: np.ndarray) -> np.ndarray:
    return np.square(rows - center).sum(-1)


def _spread_out(rows: np.ndarray, count: int, chooser: np.random.Generator) -> np.ndarray | None:
    """Rows, each chosen with a probability in proportion to its squared distance from those before (k-means++).

    None if there are fewer different rows.
    """
    centers = [rows[chooser.integers(len(rows))]]
    nearest = _squared_distances(rows, centers[0])
    while len(centers) < count:
        if not nearest.any():
            return None
        centers.append(rows[chooser.choice(len(rows), p=nearest / nearest.sum())])
        nearest = np.minimum(nearest, _squared_distances(rows, centers[-1]))
    return np.array(centers)


def _moved_to_means(rows: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Centers, each moved to the mean of the rows that are nearest to it, again and again (k-means)."""
    for _ in range(_STEPS):
        own = _nearest(rows, centers)
        moved = np.array([rows[own == k].mean(0) if (own == k).any() else center for k, center in enumerate(centers)])
        if np.array_equal(moved, centers):
            break
        centers = moved
    return centers


def _nearest(rows: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """The number of the nearest center of each row."""
    own, least = np.zeros(len(rows), np.int64), _squared_distances(rows, centers[0])
    for k, center in enumerate(centers[1:], start=1):
        distances = _squared_distances(rows, center)
        closer = distances < least
        own[closer], least[closer] = k, distances[closer]
    return own


def _distance_between(rows: np.ndarray, centers: np.ndarray) -> float:
    """The mean distance of a center from the nearest other one; of one center, the typical distance of the rows."""
    if len(centers) == 1:
        return math.sqrt(_squared_distances(rows, centers[0]).mean()) or 1.0
    others = [np.delete(centers, k, axis=0) for k in range(len(centers))]
    nearest = [_squared_distances(other, center).min() for other, center in zip(others, centers, strict=True)]
    return float(np.sqrt(nearest).mean())
