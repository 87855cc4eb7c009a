"""TensorFlow's names for what teaching material uses: `import ebbflow.tf as tf` in place of `import tensorflow as tf`.

    layer = tf.keras.layers.Dense(units=2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.subtract(y, predicted)))

They are aliases of ebbflow's own, with TensorFlow's argument names, order and defaults. `from ebbflow.tf.keras.layers
import Dense` works as well. Where this differs from TensorFlow:

- Everything is computed at once, also with the names of its first version: there are no placeholders, and
  `Session().run(x)` gives the value that x has already.
- A GradientTape gives the derivative for every tensor that was used while it recorded, not only for watched ones.
- `seed=1` gives the same random numbers at every call.

A name that is not here raises AttributeError, which says what to use.
"""

import contextlib
import functools
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from . import (
    activations,
    autodiff,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    placement,
    regularizers,
    utils,
)
from . import random as _random
from .core import variable as _variable
from .core.operand import Operand
from .core.primitive import Primitive
from .core.tensor import Tensor
from .functions.arguments import did_you_mean, expect, is_number
from .training.loading import load_model
from .training.model import Model
from .training.sequential import Sequential
from .version import __version__ as __version__

# names that are not here

_INSTEAD = {
    "compat": "use the names of ebbflow.tf itself; those of the first version are in tf.train and tf.Session",
    "data": "ebbflow has Model.fit(x, y, batch_size=...), which shuffles arrays and cuts them into batches",
    "enable_eager_execution": "everything is computed at once; leave it out",
    "function": "ebbflow has Model.compile and Model.fit, which compile the whole training; leave the decorator out",
    "get_variable": "ebbflow has tf.Variable, and add_weight in a layer of one's own",
    "global_variables_initializer": "variables have their values from the start; leave it out",
    "gradients": "ebbflow has tf.GradientTape",
    "placeholder": "everything is computed at once; use the array itself",
    "saved_model": "ebbflow has Model.save(path) and tf.keras.models.load_model(path)",
    "summary": "ebbflow has tf.keras.callbacks.TensorBoard",
    "keras.backend": "ebbflow has ebbflow.ops, and tf.math",
    "keras.datasets": "load the data with another library; fit takes its arrays",
    "keras.preprocessing": "ebbflow has tf.keras.layers.Normalization and Rescaling, and ebbflow.tables for files",
    "train.Checkpoint": "ebbflow has tf.keras.callbacks.ModelCheckpoint and Model.save(path)",
    "train.Saver": "ebbflow has Model.save(path) and tf.keras.models.load_model(path)",
}
_NOT_DENSE = re.compile(r".*conv\d|.*pool|.*lstm|.*gru|.*rnn|.*attention", re.IGNORECASE)
_DENSE_ONLY = "ebbflow has networks of dense layers: tf.keras.layers.Dense, after Flatten for images"


class Namespace(types.ModuleType):
    """A module made of names that are defined elsewhere."""

    def __init__(self, name: str, names: Mapping[str, Any]):
        super().__init__(f"{__name__}.{name}")
        vars(self).update(names)
        # so that `from ebbflow.tf.keras.layers import Dense` finds it
        sys.modules[self.__name__] = self

    def __getattr__(self, name: str) -> Any:
        raise _missing(self.__name__.removeprefix(f"{__name__}.") + ".", name, vars(self))

    def __dir__(self) -> list[str]:
        return _public(vars(self))


def _public(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("_"))


def _missing(prefix: str, name: str, names: Iterable[str]) -> AttributeError:
    """The error for a name that is not in the namespace `prefix`, "" or such as "nn."."""
    where = f"{__name__}.{prefix}".removesuffix(".")
    homes = ["tf"] * (name in __all__) + [f"tf.{home}" for home, one in _NAMESPACES.items() if name in dir(one)]
    elsewhere = f"ebbflow has {homes[0]}.{name}" if homes else ""
    instead = _INSTEAD.get(prefix + name) or (_DENSE_ONLY if _NOT_DENSE.match(name) else elsewhere)
    hint = f"; {instead}" if instead else did_you_mean(name, _public(names))
    return AttributeError(f"module {where!r} has no {name!r}{hint or f'; ebbflow has what dir({where}) lists'}")


def __getattr__(name: str) -> Any:
    if name in _TENSORS:
        return _TENSORS[name]
    raise _missing("", name, __all__)


def __dir__() -> list[str]:
    return __all__


# tensors, variables, tapes


def _joined(x: Any) -> Any:
    """x, with stacked tensors in place of lists that hold some."""
    return ops.stack([_joined(one) for one in x]) if isinstance(x, (list, tuple)) and _holds_tensor(x) else x


def _holds_tensor(x: Any) -> bool:
    return any(map(_holds_tensor, x)) if isinstance(x, (list, tuple)) else isinstance(x, Operand)


def convert_to_tensor(value: Any, dtype: Any = None) -> Tensor:
    """value, an array, number, tensor, or nested lists of them, as a tensor."""
    return ops.convert_to_tensor(_joined(value), dtype)


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None) -> Tensor:
    """value as a tensor; with a shape, its elements in that shape, or one element everywhere."""
    tensor = convert_to_tensor(value, dtype)
    if shape is None:
        return tensor
    return ops.broadcast_to(ops.reshape(tensor, ()), shape) if tensor.size == 1 else ops.reshape(tensor, shape)


class Variable(_variable.Variable):
    """ebbflow.Variable, which also begins at lists of tensors, as in `tf.Variable([tf.random.normal()])`."""

    def __init__(self, initial_value: Any, trainable: bool = True, name: str = "variable", dtype: Any = None):
        super().__init__(_joined(initial_value), trainable, dtype, name)


class GradientTape(autodiff.GradientTape):
    """ebbflow.GradientTape, with derivatives for every tensor that was used while it recorded.

    So `weights = weights - lr * gradient`, after which weights is a tensor that nobody watches, can be repeated. With
    watch_accessed_variables=False only what is watched has derivatives.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        super().__init__(persistent, watch_accessed_variables)
        self._watch_all = watch_accessed_variables

    def record(self, primitive: Primitive, inputs: tuple[Tensor, ...], params: dict[str, Any], output: Tensor) -> None:
        if self._watch_all:
            self.watch([x for x in inputs if x.aval.is_float])
        super().record(primitive, inputs, params, output)


class Session:
    """What ran graphs in TensorFlow's first version; here everything has its value already."""

    def run(self, fetches: Any, feed_dict: Any = None) -> Any:
        """The value of a tensor or variable as an array, or those in a list, tuple or dict of them.

        Raises ArgumentError for a feed_dict: there are no placeholders.
        """
        expect(not feed_dict, "tf.Session.run", "feed_dict", "None (use the arrays themselves)", feed_dict)
        if isinstance(fetches, dict):
            return {key: self.run(value) for key, value in fetches.items()}
        if isinstance(fetches, (list, tuple)):
            return type(fetches)(map(self.run, fetches))
        expect(isinstance(fetches, Operand), "tf.Session.run", "fetches", "a tensor or variable", fetches)
        return ops.convert_to_numpy(fetches)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


# devices


def device(device_name: str) -> contextlib.AbstractContextManager[placement.Device]:
    """Inside this context models are trained and used by this device: "/GPU:0", "/device:GPU:0", "/CPU:0".

    Raises ArgumentError for one that is not there.
    """
    return placement.device(re.sub(r".*/(device:)?", "", device_name) if isinstance(device_name, str) else device_name)


def _list_physical_devices(device_type: str | None = None) -> list[placement.Device]:
    """The devices of this machine, or those of a type: "CPU" or "GPU"."""
    kind = "" if device_type is None else device_type.lower()
    return [one for one in placement.devices() if one.name.startswith(kind)]


# functions whose arguments TensorFlow calls or orders differently


def _renamed(function: Callable[..., Any], **names: str) -> Callable[..., Any]:
    """The function, with further names for its keyword arguments."""

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{names.get(key, key): value for key, value in kwargs.items()})

    return renamed


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """The matrix product, of the transposes where asked for."""
    return ops.matmul(ops.swapaxes(a, -2, -1) if transpose_a else a, ops.swapaxes(b, -2, -1) if transpose_b else b)


def _norm(tensor: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The square root of the sum of squares."""
    return ops.sqrt(ops.sum(ops.square(tensor), axis, keepdims))


def _argmax(input: Any, axis: int = 0) -> Tensor:
    """The position of the greatest element along an axis."""
    return ops.argmax(input, axis)


def _argmin(input: Any, axis: int = 0) -> Tensor:
    """The position of the least element along an axis."""
    return ops.argmin(input, axis)


def _gather(params: Any, indices: Any, axis: int = 0) -> Tensor:
    """Elements of params by position along an axis."""
    return ops.take(params, indices, axis)


# tf.random


def _normal(
    shape: Any = (), mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Normally distributed numbers; without a shape, a single one."""
    return _random.normal(shape, mean, stddev, dtype, seed)


def _uniform(
    shape: Any = (), minval: float = 0, maxval: float | None = None, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Numbers of equal probability in [minval, maxval); without a shape, a single one.

    Raises ArgumentError for an integer dtype without maxval, which is 1 for floats.
    """
    if np.dtype(dtype or "float32").kind == "f":
        return _random.uniform(shape, minval, 1.0 if maxval is None else maxval, dtype, seed)
    expect(maxval is not None, "tf.random.uniform", "maxval", f"a number for {np.dtype(dtype)}", maxval)
    unit = _random.uniform(shape, dtype="float64", seed=seed)
    return ops.cast(ops.floor(unit * (maxval - minval) + minval), dtype)


# tf.nn


def _dropout(x: Any, rate: Any, noise_shape: Any = None, seed: int | None = None) -> Tensor:
    """Each element is zero with probability rate, else x / (1 - rate), wherever it is called."""
    allowed = "a probability from 0 up to, but not including, 1"
    expect(isinstance(rate, Operand) or is_number(rate) and 0 <= rate < 1, "tf.nn.dropout", "rate", allowed, rate)
    return _random.dropout(x, rate, noise_shape, seed)


def _softmax_cross_entropy(labels: Any, logits: Any, axis: int = -1) -> Tensor:
    """-sum_k labels_k log softmax(logits)_k, one number per sample."""
    return ops.categorical_crossentropy(labels, logits, from_logits=True, axis=axis)


def _from_logits(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def from_logits(labels: Any, logits: Any) -> Tensor:
        return loss(labels, logits, from_logits=True)

    from_logits.__doc__ = loss.__doc__
    return from_logits


def _batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any) -> Tensor:
    """(x - mean) scale / sqrt(variance + variance_epsilon) + offset; None for no offset, no scale."""
    y = ops.subtract(x, mean) * ops.rsqrt(ops.add(variance, variance_epsilon))
    y = y if scale is None else y * scale
    return y if offset is None else y + offset


# tf.train: the optimizers of TensorFlow's first version


def _momentum(learning_rate: Any, momentum: float, use_nesterov: bool = False) -> optimizers.SGD:
    return optimizers.SGD(learning_rate, momentum, use_nesterov)


def _adagrad(learning_rate: Any, initial_accumulator_value: float = 0.1) -> optimizers.Adagrad:
    above_zero = is_number(initial_accumulator_value) and initial_accumulator_value > 0.0
    expect(above_zero, "AdagradOptimizer", "initial_accumulator_value", "a number above 0", initial_accumulator_value)
    return optimizers.Adagrad(learning_rate, initial_accumulator_value, epsilon=0.0)


def _adadelta(learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-8) -> optimizers.Adadelta:
    return optimizers.Adadelta(learning_rate, rho, epsilon)


def _rmsprop(
    learning_rate: Any, decay: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-10, centered: bool = False
) -> optimizers.RMSprop:
    return optimizers.RMSprop(learning_rate, decay, momentum, epsilon, centered)


def _adam(
    learning_rate: Any = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> optimizers.Adam:
    return optimizers.Adam(learning_rate, beta1, beta2, epsilon)


# the namespaces


def _of(module: types.ModuleType, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split()}


_PAIRS = _of(ops, "add divide equal greater greater_equal less less_equal maximum minimum multiply not_equal subtract")
_REDUCTIONS = {f"reduce_{name}": function for name, function in _of(ops, "all any max mean min sum").items()}
_MORE_REDUCTIONS = {"reduce_logsumexp": ops.logsumexp, "reduce_std": ops.std, "reduce_variance": ops.var}
_MATH = {
    **{name: _renamed(function, x="x1", y="x2") for name, function in {**_PAIRS, "pow": ops.power}.items()},
    **{name: _renamed(function, input_tensor="x") for name, function in _REDUCTIONS.items()},
    **_of(ops, "abs exp logical_and logical_not logical_or negative sigmoid sign sqrt square tanh"),
    "argmax": _argmax,
    "argmin": _argmin,
}
_ONLY_MATH = {
    **{name: _renamed(function, input_tensor="x") for name, function in _MORE_REDUCTIONS.items()},
    **_of(ops, "ceil divide_no_nan erf expm1 floor log log1p log_sigmoid reciprocal rsqrt softplus"),
    "is_finite": ops.isfinite,
    "is_nan": ops.isnan,
}
_TENSORS = {
    **{dtype: np.dtype(dtype) for dtype in ("bool", "float32", "float64", "int32", "int64", "uint8")},
    **_of(ops, "broadcast_to cast expand_dims eye ones ones_like shape squeeze stack stop_gradient where"),
    **_of(ops, "zeros zeros_like"),
    **_MATH,
    "clip_by_value": _renamed(ops.clip, t="x", clip_value_min="x_min", clip_value_max="x_max"),
    "concat": _renamed(ops.concatenate, values="xs"),
    "fill": lambda dims, value: constant(value, shape=dims),
    "gather": _gather,
    "identity": ops.convert_to_tensor,
    "matmul": _matmul,
    "norm": _norm,
    "one_hot": _renamed(ops.one_hot, indices="x", depth="num_classes"),
    "range": ops.arange,
    "reshape": _renamed(ops.reshape, tensor="x", shape="newshape"),
    "transpose": _renamed(ops.transpose, a="x", perm="axes"),
}
math = Namespace("math", _MATH | _ONLY_MATH)
nn = Namespace(
    "nn",
    {
        # those of ebbflow.activations, which a saved model knows by name
        **_of(activations, "elu gelu log_softmax relu relu6 selu sigmoid silu softmax softplus softsign swish tanh"),
        "batch_normalization": _batch_normalization,
        "bias_add": ops.add,
        "dropout": _dropout,
        "l2_loss": lambda t: ops.sum(ops.square(t)) / 2.0,
        "moments": ops.moments,
        "leaky_relu": _renamed(ops.leaky_relu, features="x", alpha="negative_slope"),
        "sigmoid_cross_entropy_with_logits": _from_logits(ops.binary_crossentropy),
        "softmax_cross_entropy_with_logits": _softmax_cross_entropy,
        "sparse_softmax_cross_entropy_with_logits": _from_logits(ops.sparse_categorical_crossentropy),
    },
)
random = Namespace("random", {"normal": _normal, "set_seed": utils.set_random_seed, "uniform": _uniform})
train = Namespace(
    "train",
    {
        "AdadeltaOptimizer": _adadelta,
        "AdagradOptimizer": _adagrad,
        "AdamOptimizer": _adam,
        "GradientDescentOptimizer": lambda learning_rate: optimizers.SGD(learning_rate),
        "MomentumOptimizer": _momentum,
        "RMSPropOptimizer": _rmsprop,
    },
)
config = Namespace("config", {"list_physical_devices": _list_physical_devices})
_MODELS = {"Model": Model, "Sequential": Sequential}
_OTHERS = {"Input": layers.Input, "Layer": layers.Layer, "Variable": Variable}
_KERAS = {
    **{
        module.__name__.split(".")[1]: {name: getattr(module, name) for name in module.__all__}
        for module in (activations, callbacks, constraints, initializers, layers, losses, metrics, ops, optimizers)
        + (_random, regularizers, utils)
    },
    "models": _MODELS | {"load_model": load_model},
}
keras = Namespace(
    "keras", {name: Namespace(f"keras.{name}", names) for name, names in _KERAS.items()} | _MODELS | _OTHERS
)
keras.optimizer = keras.optimizers  # as it is often written by mistake

_NAMESPACES = {"config": config, "math": math, "nn": nn, "random": random, "train": train, "keras": keras}
_NAMESPACES |= {f"keras.{name}": getattr(keras, name) for name in _KERAS}
_OWN = ("GradientTape", "Session", "Tensor", "Variable", "constant", "convert_to_tensor", "device")
__all__ = sorted([*_OWN, *_TENSORS, "config", "keras", "math", "nn", "random", "train"])
