"""Initial values of weights.

An initializer is called with a shape and a dtype. For a weight of shape (fan_in, fan_out), Glorot's keep the variance
of activations and gradients alike from layer to layer, He's make up for a ReLU that halves it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .core.aval import Aval, floatx
from .core.errors import ShapeError
from .core.tensor import Tensor, eagerly
from .core.variable import Deferred, Filled
from .functions import array, random, shapes
from .functions.arguments import choose, expect, expect_integer, expect_number
from .functions.catalog import Catalog

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


class Initializer:
    """Base of initial values: a subclass defines `__call__(shape, dtype=None)` and `get_config()`."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """The initial values, a tensor of this shape and type (by default `floatx()`)."""
        raise NotImplementedError(f"{type(self).__name__}: define __call__(self, shape, dtype=None)")

    def later(self, shape: Sequence[int], dtype: Any = None) -> Tensor | Deferred:
        """What a call returns, or a promise of it: weights that are replaced before they are read need no drawing."""
        return self(shape, dtype)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls) and "later" not in vars(cls):  # what the base promises is not what is called here
            cls.later = Initializer.later  # type: ignore[method-assign]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal initializer."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Initializer":
        """An initializer from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> "Initializer":
        """An equal initializer; without a seed it draws values of its own."""
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """0 everywhere."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        return shapes.zeros(shape, dtype)

    def later(self, shape: Sequence[int], dtype: Any = None) -> Deferred:
        return Filled(Aval(tuple(shape), np.dtype(dtype or floatx())), 0.0)


class Ones(Initializer):
    """1 everywhere."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        return shapes.ones(shape, dtype)

    def later(self, shape: Sequence[int], dtype: Any = None) -> Deferred:
        return Filled(Aval(tuple(shape), np.dtype(dtype or floatx())), 1.0)


class Constant(Initializer):
    """`value` everywhere: a number, or an array of numbers, which is repeated to the shape asked for.

    Raises ArgumentError for anything else, ShapeError where an array does not fit the shape.
    """

    def __init__(self, value: Any = 0.0):
        if isinstance(value, (np.ndarray, Tensor, list, tuple)):
            self.value: Any = _numbers("Constant", "value", value)
        else:
            self.value = expect_number("Constant", "value", value)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        if isinstance(self.value, float):
            return shapes.full(shape, self.value, dtype)
        return shapes.broadcast_to(array.convert_to_tensor(self.value, dtype or floatx()), shape)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value if isinstance(self.value, float) else self.value.tolist()}


def _numbers(owner: str, name: str, value: Any) -> np.ndarray:
    """A copy of an array of finite numbers; raises ArgumentError for anything else."""
    try:
        numbers = np.array(value.numpy() if isinstance(value, Tensor) else value)
        valid = numbers.dtype.kind in "biuf" and bool(np.isfinite(numbers).all())
    except ValueError:  # rows of different lengths
        valid = False
    expect(valid, owner, name, "a finite number or an array of them", value)
    return numbers


class Identity(Initializer):
    """`gain` where row and column have the same number, 0 elsewhere; of matrices only, else raises ShapeError."""

    def __init__(self, gain: float = 1.0):
        self.gain = expect_number("Identity", "gain", gain)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        if len(shape) != 2:
            raise ShapeError(f"Identity: expected the shape of a matrix, got {tuple(shape)}")
        return array.convert_to_tensor(self.gain * np.eye(*shape), dtype or floatx())

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class _Random(Initializer):
    """Random values. With a number as seed every call gives the same ones; without a seed, or with a SeedGenerator,
    every call gives new ones."""

    def __init__(self, seed: "int | random.SeedGenerator | None" = None):
        if seed is not None and not isinstance(seed, random.SeedGenerator):
            seed = expect_integer(type(self).__name__, "seed", seed, 0)
            random.state_from(seed)  # checks its range now
        self.seed = seed
        self._source = random.SeedGenerator() if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed if isinstance(self.seed, int) else None}


class RandomUniform(_Random):
    """Values of equal probability in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.minval = expect_number("RandomUniform", "minval", minval)
        self.maxval = expect_number("RandomUniform", "maxval", maxval, low=self.minval)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        return RandomUniform.later(self, shape, dtype).compute()

    def later(self, shape: Sequence[int], dtype: Any = None) -> random.Uniform:
        return random.Uniform(shape, self.minval, self.maxval, dtype, self._source)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class RandomNormal(_Random):
    """Values of the normal distribution N(mean, stddev^2)."""

    _draw = staticmethod(random.normal)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        super().__init__(seed)
        self.mean = expect_number(type(self).__name__, "mean", mean)
        self.stddev = expect_number(type(self).__name__, "stddev", stddev, low=0.0)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        return self._draw(shape, self.mean, self.stddev, dtype, self._source)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Values of the normal distribution N(mean, stddev^2) that lie within two standard deviations."""

    _draw = staticmethod(random.truncated_normal)


# the standard deviation of a standard normal distribution that is cut off at -2 and 2
_TRUNCATED_STDDEV = 0.87962566103423978


class VarianceScaling(_Random):
    """Values of mean 0 and variance scale / n, where n is fan_in, fan_out or their mean.

    Parameters:
        scale: of the variance.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal", or "uniform" within sqrt(3 scale / n) of 0.
        seed: a number, a SeedGenerator or None.

    A weight of shape (..., fan_in, fan_out); one axis is both fans.
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None
    ):
        super().__init__(seed)
        owner = type(self).__name__
        self.scale = expect_number(owner, "scale", scale, low=0.0)
        self.mode = choose(owner, "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        known = ("truncated_normal", "untruncated_normal", "uniform")
        self.distribution = choose(owner, "distribution", distribution, known)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        values = VarianceScaling.later(self, shape, dtype)  # not that of a subclass, which may call this method
        return values if isinstance(values, Tensor) else values.compute()

    def later(self, shape: Sequence[int], dtype: Any = None) -> Tensor | Deferred:
        stddev = math.sqrt(self.scale / self._fan(shape))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return random.Uniform(shape, -limit, limit, dtype, self._source)
        if self.distribution == "truncated_normal":
            return random.truncated_normal(shape, 0.0, stddev / _TRUNCATED_STDDEV, dtype, self._source)
        return random.normal(shape, 0.0, stddev, dtype, self._source)

    def _fan(self, shape: Sequence[int]) -> float:
        shape = tuple(shape) or (1,)
        field = math.prod(shape[:-2])
        fan_in, fan_out = (shape[-2] * field, shape[-1] * field) if len(shape) > 1 else (shape[0], shape[0])
        return max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode])

    def get_config(self) -> dict[str, Any]:
        own = {"scale": self.scale, "mode": self.mode, "distribution": self.distribution}
        return {**own, **super().get_config()}


class _Scaled(VarianceScaling):
    """A VarianceScaling whose arguments are fixed by its class."""

    def __init__(self, seed: Any = None):
        _Random.__init__(self, seed)

    def get_config(self) -> dict[str, Any]:
        return _Random.get_config(self)


class GlorotUniform(_Scaled):
    """Uniform between -sqrt(6 / (fan_in + fan_out)) and its opposite.

    Source: Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks".
    """

    scale, mode, distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(_Scaled):
    """Truncated normal of variance 2 / (fan_in + fan_out).

    Source: Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks".
    """

    scale, mode, distribution = 1.0, "fan_avg", "truncated_normal"


class HeUniform(_Scaled):
    """Uniform between -sqrt(6 / fan_in) and its opposite.

    Source: He, Zhang, Ren, Sun (2015), "Delving Deep into Rectifiers".
    """

    scale, mode, distribution = 2.0, "fan_in", "uniform"


class HeNormal(_Scaled):
    """Truncated normal of variance 2 / fan_in.

    Source: He, Zhang, Ren, Sun (2015), "Delving Deep into Rectifiers".
    """

    scale, mode, distribution = 2.0, "fan_in", "truncated_normal"


class LecunUniform(_Scaled):
    """Uniform between -sqrt(3 / fan_in) and its opposite.

    Source: LeCun, Bottou, Orr, Mueller (1998), "Efficient BackProp".
    """

    scale, mode, distribution = 1.0, "fan_in", "uniform"


class LecunNormal(_Scaled):
    """Truncated normal of variance 1 / fan_in.

    Source: LeCun, Bottou, Orr, Mueller (1998), "Efficient BackProp".
    """

    scale, mode, distribution = 1.0, "fan_in", "truncated_normal"


class Orthogonal(_Random):
    """`gain` times a random matrix Q of orthogonal columns, Q^T Q = I, or of orthogonal rows where those are fewer.

    A shape of more than two axes counts as a matrix of all axes but the last, and the last. Each Q is as likely as any
    other: the signs of the QR decomposition of a normal matrix are chosen so that R has a positive diagonal.
    Computed in float64, rounded to float32. Raises ShapeError for a shape of less than two axes.

    Sources: Saxe, McClelland, Ganguli (2014), "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks"; Mezzadri (2007), "How to generate random matrices from the classical compact groups".
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        super().__init__(seed)
        self.gain = expect_number("Orthogonal", "gain", gain)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: expected a shape of at least two axes, got {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        with eagerly():
            normal = random.normal((max(rows, columns), min(rows, columns)), dtype="float64", seed=self._source)
        q, r = np.linalg.qr(normal.numpy())
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)
        values = (q if rows >= columns else q.T).reshape(shape)
        return array.convert_to_tensor(self.gain * values, dtype or floatx())

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}


class _Function(Initializer):
    """A user's function of shape and dtype."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        return array.convert_to_tensor(self.function(shape, dtype=dtype), dtype)


constant, identity, ones, zeros = Constant, Identity, Ones, Zeros
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform
orthogonal, variance_scaling = Orthogonal, VarianceScaling
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal

_CATALOG = Catalog(
    "initializers",
    Initializer,
    {
        "zeros": Zeros,
        "ones": Ones,
        "constant": Constant,
        "identity": Identity,
        "random_uniform": RandomUniform,
        "random_normal": RandomNormal,
        "truncated_normal": TruncatedNormal,
        "variance_scaling": VarianceScaling,
        "glorot_uniform": GlorotUniform,
        "glorot_normal": GlorotNormal,
        "he_uniform": HeUniform,
        "he_normal": HeNormal,
        "lecun_uniform": LecunUniform,
        "lecun_normal": LecunNormal,
        "orthogonal": Orthogonal,
    },
    {
        "zero": Zeros,
        "one": Ones,
        "uniform": RandomUniform,
        "normal": RandomNormal,
        "IdentityInitializer": Identity,
        "OrthogonalInitializer": Orthogonal,
    },
)


def get(identifier: Any) -> Any:
    """An initializer from its name ("glorot_uniform", "HeNormal"), its configuration, a number, an array or a function.

    None stays None, which `Layer.add_weight` takes for its default.
    Raises ArgumentError, with the known names, for anything else.
    """
    if isinstance(identifier, (np.ndarray, Tensor)):
        return _Function(lambda shape, dtype: identifier)
    if isinstance(identifier, (int, float)) and not isinstance(identifier, bool):
        return Constant(identifier)
    found = _CATALOG.get(identifier)
    return found if found is None or isinstance(found, Initializer) else _Function(found)


def serialize(initializer: Any) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values; raises ArgumentError for a function."""
    return _CATALOG.serialize(initializer.function if isinstance(initializer, _Function) else initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """An initializer from what `serialize` returned; raises ArgumentError for an unknown class."""
    return _CATALOG.deserialize(config, custom_objects)
