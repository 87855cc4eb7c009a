"""Gives Tensor (and Variable) their operators and methods: conversion and broadcasting happen here, once.

Python numbers take the other operand's type; float32 with float64 gives float64, integers with floats give floats.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .core.aval import floatx
from .core.errors import ShapeError
from .core.operand import Operand
from .core.tensor import Tensor, as_tensor
from .core.variable import Variable
from .ops import contraction, elementwise, indexing, movement, reduction


def promoted(*operands: Any) -> list[Tensor]:
    """The operands as tensors of one element type; numbers give way to tensors."""
    tensors = [x if _is_number(x) else as_tensor(x) for x in operands]
    dtypes = [x.dtype for x in tensors if isinstance(x, Tensor)]
    numbers = [x for x in tensors if not isinstance(x, Tensor)]
    if not dtypes:
        return (
            [as_tensor(x) for x in numbers] if len(operands) == 1 else promoted(as_tensor(operands[0]), *operands[1:])
        )
    dtype = _common(dtypes)
    if dtype.kind != "f" and any(isinstance(x, float) for x in numbers):
        dtype = floatx()
    elif dtype == np.bool_ and any(not isinstance(x, bool) for x in numbers):
        dtype = np.dtype("int32")
    return [elementwise.cast(x, dtype) if isinstance(x, Tensor) else Tensor(np.asarray(x, dtype)) for x in tensors]


def _is_number(x: Any) -> bool:
    return isinstance(x, (bool, int, float)) and not isinstance(x, np.generic)


def _common(dtypes: Sequence[np.dtype]) -> np.dtype:
    floats = [d for d in dtypes if d.kind == "f"]
    if floats:
        return max(floats, key=lambda d: d.itemsize)
    result = dtypes[0]
    for dtype in dtypes[1:]:
        result = np.promote_types(result, dtype)
    return result if result.kind != "f" else np.dtype("int64")


def broadcast(name: str, *tensors: Tensor) -> list[Tensor]:
    """The tensors repeated to their common shape."""
    shape = movement.broadcast_shapes(name, *(x.shape for x in tensors))
    return [movement.broadcast_to(x, shape) for x in tensors]


def apply(operation: Callable[..., Tensor], name: str, *operands: Any) -> Tensor:
    """An elementwise operation on operands that are first promoted and broadcast."""
    return operation(*broadcast(name, *promoted(*operands)))


def as_float(x: Any) -> Tensor:
    """x as a tensor of floats: integers and booleans become the default float type."""
    tensor = as_tensor(x)
    return tensor if tensor.aval.is_float else elementwise.cast(tensor, floatx())


def axes_of(x: Tensor, axis: int | Sequence[int] | None, name: str) -> tuple[int, ...]:
    """The axes meant by a NumPy-like `axis` argument, sorted, none negative."""
    if axis is None:
        return tuple(range(x.ndim))
    given = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    if any(not -x.ndim <= a < x.ndim for a in given):
        raise ShapeError(f"{name}: expected an axis between {-x.ndim} and {x.ndim - 1} of {x.aval}, got {axis}")
    return tuple(sorted({int(a) % x.ndim for a in given}))


def reduced(operation: Callable[..., Tensor], name: str, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A reduction with NumPy's axis and keepdims arguments."""
    x = as_tensor(x)
    if x.dtype == np.bool_:
        x = elementwise.cast(x, np.int32)
    axes = axes_of(x, axis, name)
    y = operation(x, axes)
    return movement.reshape(y, [1 if k in axes else n for k, n in enumerate(x.shape)]) if keepdims else y


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes divided by the number of elements."""
    x = as_float(x)
    count = int(np.prod([x.shape[a] for a in axes_of(x, axis, "mean")]))
    return reduced(reduction.sum_, "mean", x, axis, keepdims) / float(count)


def matmul(a: Any, b: Any) -> Tensor:
    """NumPy's `@`: the last axis of a against the second to last (or only) axis of b, leading axes broadcast."""
    a, b = promoted(a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError(f"matmul: expected tensors with at least one axis, got {a.aval} and {b.aval}")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError(f"matmul: the last axis of {a.aval} does not fit {b.aval}")
    if not a.aval.is_float:
        a, b = as_float(a), as_float(b)
    batch = "cdefghjklm"
    if b.ndim <= 2:
        left = batch[: a.ndim - 1]
        right = "io"[: b.ndim]
        return contraction.contract(a, b, f"{left}i,{right}->{left}{right[1:]}")
    if a.ndim == 1:
        return contraction.contract(a, b, f"i,{batch[: b.ndim - 2]}io->{batch[: b.ndim - 2]}o")
    lead = movement.broadcast_shapes("matmul", a.shape[:-2], b.shape[:-2])
    a = movement.broadcast_to(a, lead + a.shape[-2:])
    b = movement.broadcast_to(b, lead + b.shape[-2:])
    axes = batch[: len(lead)]
    return contraction.contract(a, b, f"{axes}ri,{axes}io->{axes}ro")


def _rows(x: Tensor, key: Tensor) -> Tensor:
    """Rows by their positions, negative ones from the end, or what lies where a mask of x's first axes is true."""
    if key.dtype == np.bool_:
        return _chosen(x, key)
    if key.dtype.kind == "i" and x.ndim:
        negative = elementwise.less(key, movement.zeros_like(key))
        key = elementwise.where(negative, apply(elementwise.add, "indexing", key, x.shape[0]), key)
    return indexing.take(x, key)


def _chosen(x: Tensor, mask: Tensor) -> Tensor:
    """The elements of x, or its rows, where the mask is true; how many these are must be known."""
    if mask.data is None:
        raise ShapeError(
            f"indexing: how many elements a traced mask {mask.aval} chooses is not known before the program runs; "
            "write ops.where(mask, x, 0.0)"
        )
    if not 0 < mask.ndim <= x.ndim or mask.shape != x.shape[: mask.ndim]:
        raise ShapeError(f"indexing: expected a mask of the first axes of {x.aval}, got {mask.aval}")
    positions = np.flatnonzero(mask.numpy()).astype(np.int32)
    return indexing.take(movement.reshape(x, (mask.size, *x.shape[mask.ndim :])), Tensor(positions))


def getitem(x: Tensor, key: Any) -> Tensor:
    """Basic indexing (integers, slices, None, ...) as in NumPy, and rows by an array of integers or of truth values."""
    if isinstance(key, (Tensor, Variable, np.ndarray, list)):
        return _rows(x, as_tensor(key))
    keys = list(key) if isinstance(key, tuple) else [key]
    given = sum(k is not None and k is not Ellipsis for k in keys)
    if given > x.ndim:
        raise ShapeError(f"indexing: {given} indices for {x.aval}")
    if Ellipsis not in keys:
        keys.append(Ellipsis)
    at = keys.index(Ellipsis)
    keys[at : at + 1] = [slice(None)] * (x.ndim - given)
    starts, stops, steps, shape, flipped = [], [], [], [], []
    for k in keys:
        if k is None:
            shape.append(1)
            continue
        n = x.shape[len(starts)]
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            count = len(range(start, stop, step))
            if step < 0:
                flipped.append(len(starts))
                start, step = start + (count - 1) * step, -step
            starts.append(start if count else 0)
            stops.append(start + (count - 1) * step + 1 if count else 0)
            steps.append(step)
            shape.append(count)
        elif isinstance(k, (int, np.integer)):
            if not -n <= k < n:
                raise ShapeError(f"indexing: index {k} is outside axis {len(starts)} of {x.aval}")
            starts.append(int(k) % n)
            stops.append(int(k) % n + 1)
            steps.append(1)
        else:
            raise ShapeError(f"indexing: expected integers, slices, None or ..., got {type(k).__name__}")
    if stops != list(x.shape) or any(starts) or steps != [1] * x.ndim:
        x = movement.slice_(x, starts, stops, steps)
    if flipped:
        x = movement.reverse(x, flipped)
    return movement.reshape(x, shape)


def _iterate(x: Any) -> Any:
    if x.ndim == 0:
        raise TypeError("iteration over a tensor without axes")
    return (x[i] for i in range(x.shape[0]))


def transpose(x: Any, *axes: Any) -> Tensor:
    """Axis i of the result is axis axes[i] of x, given one by one or as a tuple; by default the order is reversed."""
    x = as_tensor(x)
    given = axes[0] if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)) else axes or None
    return movement.transpose(x, None if given is None else [a + x.ndim if a < 0 else a for a in given])


def _numpy_function(x: Any, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
    """numpy.mean(x) and its like work on values; they raise TracedValueError while tracing."""
    return function(*_values(args), **_values(kwargs))


def _values(given: Any) -> Any:
    """Arrays in place of the tensors in nested lists, tuples and dicts."""
    if isinstance(given, dict):
        return {key: _values(value) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)(map(_values, given))
    return as_tensor(given).numpy() if isinstance(given, Operand) else given


def _number(kind: type) -> Callable[[Any], Any]:
    return lambda x: kind(as_tensor(x).numpy().item() if as_tensor(x).size == 1 else as_tensor(x).numpy())


def _formatted(x: Any, spec: str) -> str:
    """f"{x:.3f}" of a tensor of one number; without a format as str(x)."""
    if not spec:
        return str(x)
    value = as_tensor(x).numpy()
    return format(value.item() if value.size == 1 else value, spec)


def _left(operation: Callable[..., Tensor], name: str) -> Callable[[Any, Any], Tensor]:
    return lambda x, y: apply(operation, name, x, y)


def _right(operation: Callable[..., Tensor], name: str) -> Callable[[Any, Any], Tensor]:
    return lambda x, y: apply(operation, name, y, x)


def _float_operation(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def on_floats(*operands: Tensor) -> Tensor:
        return operation(*(as_float(x) for x in operands))

    return on_floats


divide = _float_operation(elementwise.divide)
power = _float_operation(elementwise.power)


def raised(x: Any, y: Any) -> Tensor:
    """x ** y; whole small exponents are products, exact and differentiable everywhere."""
    if isinstance(y, (int, float)) and y == int(y) and 1 <= y <= 4:
        x = as_tensor(x)
        result = x
        for _ in range(int(y) - 1):
            result = elementwise.multiply(result, x)
        return result
    return apply(power, "power", x, y)


def _floor_divide(x: Tensor, y: Tensor) -> Tensor:
    """floor(x / y), of whole numbers exact below 2^53, and 0 for those by 0."""
    if x.aval.is_float:
        return elementwise.floor(elementwise.divide(x, y))
    x, y, dtype = elementwise.cast(x, "float64"), elementwise.cast(y, "float64"), x.dtype
    nothing = elementwise.equal(y, movement.zeros_like(y))
    quotient = elementwise.divide(x, elementwise.where(nothing, movement.zeros_like(y) + 1.0, y))
    quotient = elementwise.where(nothing, movement.zeros_like(y), elementwise.floor(quotient))
    return elementwise.cast(quotient, dtype)


def floor_divide(x: Any, y: Any) -> Tensor:
    """x // y."""
    x, y = _counted(*broadcast("floor_divide", *promoted(x, y)))
    return _floor_divide(x, y)


def mod(x: Any, y: Any) -> Tensor:
    """x % y = x - y (x // y), which has the sign of y; of whole numbers 0 where y is 0."""
    x, y = _counted(*broadcast("mod", *promoted(x, y)))
    rest = elementwise.subtract(x, elementwise.multiply(y, _floor_divide(x, y)))
    if x.aval.is_float:
        return rest
    nothing = movement.zeros_like(y)
    return elementwise.where(elementwise.equal(y, nothing), nothing, rest)


def _counted(*tensors: Tensor) -> list[Tensor]:
    """Truth values as 0 and 1."""
    return [elementwise.cast(x, "int32") if x.dtype == np.bool_ else x for x in tensors]


_BINARY = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": divide,
    "and": elementwise.bitwise_and,
    "or": elementwise.bitwise_or,
    "xor": elementwise.bitwise_xor,
    "lshift": elementwise.shift_left,
    "rshift": elementwise.shift_right,
}
_COMPARISONS = {
    "eq": elementwise.equal,
    "ne": elementwise.not_equal,
    "lt": elementwise.less,
    "le": elementwise.less_equal,
    "gt": elementwise.greater,
    "ge": elementwise.greater_equal,
}
_METHODS: dict[str, Any] = {
    "__pow__": raised,
    "__rpow__": lambda x, y: apply(power, "power", y, x),
    "__floordiv__": floor_divide,
    "__rfloordiv__": lambda x, y: floor_divide(y, x),
    "__mod__": mod,
    "__rmod__": lambda x, y: mod(y, x),
    "__matmul__": matmul,
    "__rmatmul__": lambda x, y: matmul(y, x),
    "__neg__": lambda x: elementwise.negative(as_tensor(x)),
    "__abs__": lambda x: elementwise.absolute(as_tensor(x)),
    "__invert__": lambda x: apply(elementwise.bitwise_xor, "invert", x, True),
    "__getitem__": lambda x, key: getitem(as_tensor(x), key),
    "__iter__": _iterate,
    "__len__": lambda x: x.shape[0],
    "__bool__": _number(bool),
    "__float__": _number(float),
    "__int__": _number(int),
    "__format__": _formatted,
    "__array_function__": _numpy_function,
    "__array__": lambda x, dtype=None, copy=None: np.array(as_tensor(x).numpy(), dtype=dtype, copy=copy),
    "sum": lambda x, axis=None, keepdims=False: reduced(reduction.sum_, "sum", x, axis, keepdims),
    "max": lambda x, axis=None, keepdims=False: reduced(reduction.max_, "max", x, axis, keepdims),
    "min": lambda x, axis=None, keepdims=False: reduced(reduction.min_, "min", x, axis, keepdims),
    "mean": mean,
    "reshape": lambda x, *shape: movement.reshape(as_tensor(x), shape[0] if isinstance(shape[0], Sequence) else shape),
    "transpose": transpose,
    "astype": lambda x, dtype: elementwise.cast(as_tensor(x), dtype),
    "item": lambda x: as_tensor(x).numpy().item(),
    "T": property(lambda x: movement.transpose(as_tensor(x))),
}


def _variable_comparison(name: str) -> Callable[[Any, Any], Any]:
    """== or != of a variable: of its value with a tensor or numbers, and of the objects with another variable.

    Variables are keys of dictionaries, where only one and the same may be equal.
    """
    compared = _left(_COMPARISONS[name], name)

    def compare(x: Any, y: Any) -> Any:
        numbers = isinstance(y, (Tensor, np.ndarray, np.generic, bool, int, float, list, tuple))
        return compared(x, y) if numbers else NotImplemented

    return compare


def _install() -> None:
    for name, operation in _BINARY.items():
        setattr(Operand, f"__{name}__", _left(operation, name))
        setattr(Operand, f"__r{name}__", _right(operation, name))
    for name, operation in _COMPARISONS.items():
        setattr(Operand, f"__{name}__", _left(operation, name))
    for name, method in _METHODS.items():
        setattr(Operand, name, method)
    Variable.__eq__ = _variable_comparison("eq")  # type: ignore[method-assign]
    Variable.__ne__ = _variable_comparison("ne")  # type: ignore[method-assign]
    Tensor.__hash__ = Variable.__hash__ = object.__hash__  # type: ignore[method-assign]


_install()
