"""Operations of single elements: arithmetic, comparison, the exponential family, conversion.

Inputs have one shape; broadcasting is an operation of its own (movement.py), done by the operators of Tensor.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Pointwise, Primitive, Sample, register
from ..core.tensor import Tensor, bind
from .common import BOOL, FLOATS, INTEGERS, arrays, same_avals, several
from .movement import zeros_like

NUMBERS: tuple[np.dtype, ...] = (*FLOATS, *INTEGERS)


def _define(
    name: str,
    numpy: Callable[..., Any],
    emit: Callable[..., Any],
    vjp: tuple[Callable[..., Any] | None, ...],
    samples: Callable[..., Any],
    dtypes: tuple[np.dtype, ...] = NUMBERS,
    result: np.dtype | None = None,
    cost: int = 1,
) -> Primitive:
    def shape(*avals: Aval) -> Aval:
        aval = same_avals(name, *avals)
        if aval.dtype not in dtypes:
            raise ShapeError(f"{name}: expected {' or '.join(map(str, dtypes))}, got {aval}")
        return aval if result is None else Aval(aval.shape, result)

    return register(Primitive(name, shape, numpy, vjp, Pointwise(emit), samples, cost))


def _unary(name: str, numpy: Any, emit: Any, vjp: Any, low: float = -2.0, high: float = 2.0, cost: int = 1) -> Any:
    samples = several(
        arrays((3, 5), low=low, high=high), arrays((), low=low, high=high), arrays((37,), low=low, high=high)
    )
    primitive = _define(name, numpy, emit, (vjp,), samples, FLOATS, cost=cost)
    return lambda x: bind(primitive, x)


def _binary(name: str, numpy: Any, emit: Any, vjp: Any, dtypes: Any = NUMBERS, low: float = -2.0, cost: int = 1) -> Any:
    samples = several(arrays((3, 5), (3, 5), low=low), arrays((33,), (33,), low=low))
    primitive = _define(name, numpy, emit, vjp, samples, dtypes, cost=cost)
    return lambda x, y: bind(primitive, x, y)


def _comparison(name: str, numpy: Any, predicate: str) -> Any:
    def samples(rng: np.random.Generator) -> Any:
        for dtype in ("float64", "int32"):
            yield Sample(tuple(rng.integers(-2, 3, (4, 7)).astype(dtype) for _ in range(2)), {})

    def emit(b: Any, x: Any, y: Any) -> Any:
        return b.compare(predicate, x, y)

    primitive = _define(name, numpy, emit, (None, None), samples, (*NUMBERS, BOOL), BOOL)
    return lambda x, y: bind(primitive, x, y)


def _bitwise(name: str, numpy: Any, dtypes: tuple[np.dtype, ...]) -> Any:
    def samples(rng: np.random.Generator) -> Any:
        for dtype in dtypes[:1]:
            yield Sample(tuple(rng.integers(0, 2 if dtype == BOOL else 9, (4, 7)).astype(dtype) for _ in range(2)), {})

    primitive = _define(name, numpy, lambda b, x, y: getattr(b, name)(x, y), (None, None), samples, dtypes)
    return lambda x, y: bind(primitive, x, y)


# arithmetic
add = _binary("add", np.add, lambda b, x, y: b.add(x, y), (lambda g, z, x, y: g, lambda g, z, x, y: g))
subtract = _binary("subtract", np.subtract, lambda b, x, y: b.sub(x, y), (lambda g, z, x, y: g, lambda g, z, x, y: -g))
multiply = _binary(
    "multiply", np.multiply, lambda b, x, y: b.mul(x, y), (lambda g, z, x, y: g * y, lambda g, z, x, y: g * x)
)
divide = _binary(
    "divide",
    np.divide,
    lambda b, x, y: b.div(x, y),
    (lambda g, z, x, y: g / y, lambda g, z, x, y: -g * z / y),
    FLOATS,
    low=0.5,
    cost=8,
)
power: Callable[[Tensor, Tensor], Tensor] = _binary(
    "power",
    np.power,
    lambda b, x, y: b.power(x, y),
    (
        lambda g, z, x, y: g * y * power(x, y - 1.0),
        lambda g, z, x, y: g * z * log(where(x > 0.0, x, zeros_like(x) + 1.0)),
    ),
    FLOATS,
    low=0.5,
    cost=60,
)
maximum = _binary(
    "maximum",
    np.maximum,
    lambda b, x, y: b.maximum(x, y),
    (lambda g, z, x, y: where(x >= y, g, zeros_like(g)), lambda g, z, x, y: where(x >= y, zeros_like(g), g)),
)
minimum = _binary(
    "minimum",
    np.minimum,
    lambda b, x, y: b.minimum(x, y),
    (lambda g, z, x, y: where(x <= y, g, zeros_like(g)), lambda g, z, x, y: where(x <= y, zeros_like(g), g)),
)
negative = _unary("negative", np.negative, lambda b, x: b.neg(x), lambda g, y, x: -g)
absolute = _unary("absolute", np.abs, lambda b, x: b.abs(x), lambda g, y, x: g * sign(x))
sign: Callable[[Tensor], Tensor] = _unary(
    "sign", np.sign, lambda b, x: b.sign(x), lambda g, y, x: zeros_like(g), low=0.1, cost=3
)
floor = _unary("floor", np.floor, lambda b, x: b.floor(x), lambda g, y, x: zeros_like(g), low=0.1, high=0.9)
sqrt = _unary("sqrt", np.sqrt, lambda b, x: b.sqrt(x), lambda g, y, x: g * 0.5 / y, low=0.5, cost=8)

# the exponential family
exp = _unary("exp", np.exp, lambda b, x: b.exp(x), lambda g, y, x: g * y, cost=20)
expm1 = _unary("expm1", np.expm1, lambda b, x: b.expm1(x), lambda g, y, x: g * (y + 1.0), cost=25)
log: Callable[[Tensor], Tensor] = _unary("log", np.log, lambda b, x: b.log(x), lambda g, y, x: g / x, low=0.5, cost=25)
log1p = _unary("log1p", np.log1p, lambda b, x: b.log1p(x), lambda g, y, x: g / (1.0 + x), low=-0.5, cost=35)
tanh = _unary("tanh", np.tanh, lambda b, x: b.tanh(x), lambda g, y, x: g * (1.0 - y * y), cost=20)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


sigmoid = _unary("sigmoid", _sigmoid, lambda b, x: b.sigmoid(x), lambda g, y, x: g * y * (1.0 - y), cost=20)


def _erf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erf, otypes=["float64"])(x).astype(x.dtype)


# erf(x) = 2 / sqrt(pi) integral_0^x e^-t^2 dt
erf = _unary(
    "erf", _erf, lambda b, x: b.erf(x), lambda g, y, x: g * (2.0 / math.sqrt(math.pi)) * exp(-(x * x)), cost=45
)

# circular functions
sin: Callable[[Tensor], Tensor] = _unary(
    "sin", np.sin, lambda b, x: b.sin(x), lambda g, y, x: g * cos(x), low=-9.0, high=9.0, cost=30
)
cos: Callable[[Tensor], Tensor] = _unary(
    "cos", np.cos, lambda b, x: b.cos(x), lambda g, y, x: -g * sin(x), low=-9.0, high=9.0, cost=30
)

# rectified: its derivative reads the output alone, so the input need not be kept
relu = _unary(
    "relu",
    lambda x: np.maximum(x, np.zeros((), x.dtype)),
    lambda b, x: b.select(b.compare("lt", x, b.zero(x)), b.zero(x), x),
    lambda g, y, x: where(y > 0.0, g, zeros_like(g)),
    low=0.1,
)

# comparison and logic
equal = _comparison("equal", np.equal, "eq")
not_equal = _comparison("not_equal", np.not_equal, "ne")
less = _comparison("less", np.less, "lt")
less_equal = _comparison("less_equal", np.less_equal, "le")
greater = _comparison("greater", np.greater, "gt")
greater_equal = _comparison("greater_equal", np.greater_equal, "ge")
bitwise_and = _bitwise("bitwise_and", np.bitwise_and, (BOOL, *INTEGERS))
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, (BOOL, *INTEGERS))
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, (BOOL, *INTEGERS))
shift_left = _bitwise("shift_left", np.left_shift, INTEGERS)
shift_right = _bitwise("shift_right", np.right_shift, tuple(np.dtype(name) for name in ("uint32", "uint8")))


def _where_shape(condition: Aval, x: Aval, y: Aval) -> Aval:
    if condition.dtype != BOOL:
        raise ShapeError(f"where: expected a bool condition, got {condition}")
    if condition.shape != x.shape:
        raise ShapeError(f"where: expected a condition of shape {x.shape}, got {condition}")
    return same_avals("where", x, y)


def _where_samples(rng: np.random.Generator) -> Any:
    yield Sample((rng.random((3, 19)) > 0.5, rng.random((3, 19)), rng.random((3, 19))), {})


_where = register(
    Primitive(
        "where",
        _where_shape,
        np.where,
        (None, lambda g, z, c, x, y: where(c, g, zeros_like(g)), lambda g, z, c, x, y: where(c, zeros_like(g), g)),
        Pointwise(lambda b, c, x, y: b.select(c, x, y)),
        _where_samples,
    )
)


def where(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return bind(_where, condition, x, y)


def _cast_samples(rng: np.random.Generator) -> Any:
    for source, target in [("float64", "float32"), ("float32", "float64"), ("float64", "float64")]:
        yield Sample((rng.uniform(-2, 2, (3, 5)).astype(source),), {"dtype": np.dtype(target)})
    for source, target in [("int32", "float64"), ("uint32", "float32"), ("float64", "int32"), ("bool", "float32")]:
        yield Sample((rng.uniform(0, 9, (3, 5)).astype(source),), {"dtype": np.dtype(target)})
    for source, target in [("int64", "int32"), ("uint8", "int32"), ("int32", "uint8"), ("int32", "bool")]:
        yield Sample((rng.uniform(0, 9, (3, 5)).astype(source),), {"dtype": np.dtype(target)})


_cast = register(
    Primitive(
        "cast",
        lambda x, dtype: Aval(x.shape, dtype),
        lambda x, dtype: x.astype(dtype),
        (lambda g, y, x, dtype: cast(g, x.dtype),),
        Pointwise(lambda b, x, dtype: b.cast(x, dtype)),
        _cast_samples,
    )
)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """x converted to dtype; floats become integers by truncation toward zero."""
    dtype = np.dtype(dtype)
    return x if x.dtype == dtype else bind(_cast, x, dtype=dtype)


def _stop_samples(rng: np.random.Generator) -> Any:
    yield Sample((rng.random((3, 5)),), {})


_stop_gradient = register(
    Primitive("stop_gradient", lambda x: x, lambda x: x, (None,), Pointwise(lambda b, x: x), _stop_samples, cost=0)
)


def stop_gradient(x: Tensor) -> Tensor:
    """x, through which no derivative flows."""
    return bind(_stop_gradient, x)
