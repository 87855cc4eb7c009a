"""Variables: named tensors that can be assigned."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .aval import Aval, aval_of
from .errors import ShapeError
from .operand import Operand
from .tensor import Tensor, as_array, as_tensor, current_trace, eagerly, recorders

_counts: dict[str, int] = {}


def unique_name(stem: str) -> str:
    """`stem`, then `stem_1`, `stem_2`, ..."""
    count = _counts.get(stem, 0)
    _counts[stem] = count + 1
    return stem if count == 0 else f"{stem}_{count}"


def _frozen(array: np.ndarray) -> Tensor:
    """A tensor whose array nobody can write to: a variable changes by `assign` alone, so that everyone notices."""
    array.setflags(write=False)
    return Tensor(array)


def _initial(value: Any, dtype: Any) -> Tensor:
    """A tensor of a copy of the value, or of what it returns."""
    if not isinstance(value, (np.ndarray, int, float)):
        with eagerly():
            value = value() if callable(value) else value
            if isinstance(value, Tensor) or hasattr(value, "__ebbflow_tensor__"):
                value = as_tensor(value).numpy()
    return _frozen(np.array(as_array(value, dtype), order="C"))


class Deferred:
    """A value that is computed when it is first needed: what depends on nothing that may change until then.

    Attributes: aval, its shape and element type.
    """

    aval: Aval

    def compute(self) -> Tensor:
        """The value."""
        raise NotImplementedError(f"{type(self).__name__}: define compute(self)")


class Filled(Deferred):
    """One number everywhere: what many variables begin with, and most are given other values before they are read."""

    def __init__(self, aval: Aval, number: float = 0.0):
        self.aval, self.number = aval, number

    def compute(self) -> Tensor:
        values = np.zeros(self.aval.shape, self.aval.dtype)
        values.fill(self.number)
        return Tensor(values)


class Variable(Operand):
    """A tensor that can be assigned: a weight, an optimizer's slot, a hyperparameter, a running sum.

    Parameters:
        initial_value: an array, a tensor, a number, or a Deferred.
        trainable: whether a gradient tape watches it by itself.
        dtype: element type; by default that of the value.
        name: as printed.

    Attributes:
        regularizer: the penalty of its value that `Layer.losses` adds, a function, or None.
        constraint: what the optimizer projects it to after each update, a function of its value, or None.
        deferred: what its value will be computed from when it is first needed, None once it is there.
    """

    def __init__(self, initial_value: Any, trainable: bool = True, dtype: Any = None, name: str = "variable"):
        self.deferred = initial_value if isinstance(initial_value, Deferred) else None
        self._tensor: Tensor | None = None if self.deferred else _initial(initial_value, dtype)
        self.aval: Aval = initial_value.aval if self._tensor is None else self._tensor.aval
        self.trainable, self.name = trainable, name
        self.regularizer: Callable[[Any], Any] | None = None
        self.constraint: Callable[[Any], Any] | None = None

    @property
    def value(self) -> Tensor:
        """The present value; inside a trace, the traced one."""
        trace = current_trace()
        tensor = self.held if trace is None else trace.read(self)
        for recorder in recorders():
            recorder.read(self, tensor)
        return tensor

    @property
    def held(self) -> Tensor:
        """The value outside of any trace, which no tape notices being read."""
        if self._tensor is None:
            assert self.deferred is not None
            self._hold(_initial(self.deferred.compute, self.aval.dtype))
        assert self._tensor is not None
        return self._tensor

    def _hold(self, tensor: Tensor) -> None:
        self._tensor, self.deferred = tensor, None

    @property
    def assigned(self) -> Tensor | None:
        """What it was last assigned, inside a trace None before that: to see whether it was, without reading it."""
        trace = current_trace()
        return self.held if trace is None else trace.assigned(self)

    def swap(self, array: np.ndarray) -> None:
        """Take over an array as it is; for those who carried out the assignments elsewhere."""
        assert aval_of(array) == self.aval
        self._hold(_frozen(array))

    def __ebbflow_tensor__(self) -> Tensor:
        return self.value

    @property
    def path(self) -> str:
        """The name, `{layer}/{weight}`, as Keras calls it."""
        return self.name

    def numpy(self) -> np.ndarray:
        """The value as an array that cannot be written to; change it with `assign`."""
        return self.value.numpy()

    def assign(self, value: Any) -> "Variable":
        """Give it a new value of the same shape and element type; a number or array is converted."""
        is_tensor = isinstance(value, Tensor) or hasattr(value, "__ebbflow_tensor__")
        tensor = as_tensor(value) if is_tensor else Tensor(as_array(value, self.dtype))
        if tensor.aval != self.aval:
            raise ShapeError(f"Variable {self.name}: expected {self.aval}, got {tensor.aval}")
        trace = current_trace()
        if trace is not None:
            trace.assign(self, tensor)
        else:
            self._hold(_frozen(tensor.numpy().copy()))
        return self

    def assign_add(self, value: Any) -> "Variable":
        return self.assign(self.value + value)

    def assign_sub(self, value: Any) -> "Variable":
        return self.assign(self.value - value)

    def __repr__(self) -> str:
        return f"<Variable {self.name}: {self.aval}>"
