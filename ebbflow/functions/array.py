"""Arithmetic, comparison and reductions, in NumPy's and Keras' names; they convert, promote and broadcast.

Where an argument is called `x`, anything that becomes a tensor is taken: tensors, variables, arrays, nested lists,
numbers. `axis` and `keepdims` mean what they mean in NumPy. All of them raise ShapeError where shapes do not fit.
"""

import math
from typing import Any

import numpy as np

from .. import operators
from ..core.tensor import Tensor, as_tensor
from ..operators import apply, as_float, axes_of, promoted, reduced
from ..ops import elementwise, movement, reduction


def convert_to_tensor(x: Any, dtype: Any = None) -> Tensor:
    """x as a tensor, converted to dtype where one is given."""
    if dtype is None:
        return as_tensor(x)
    is_tensor = isinstance(x, Tensor) or hasattr(x, "__ebbflow_tensor__")
    return cast(x, dtype) if is_tensor else as_tensor(x, dtype)  # numbers without a detour through float32


def array(x: Any, dtype: Any = None) -> Tensor:
    """x as a tensor, converted to dtype where one is given."""
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """The value of x as a NumPy array; raises TracedValueError while tracing."""
    return np.array(as_tensor(x).numpy())


def cast(x: Any, dtype: Any) -> Tensor:
    """x converted to dtype; floats become integers by truncation toward zero."""
    return elementwise.cast(as_tensor(x), dtype)


def stop_gradient(x: Any) -> Tensor:
    """x, through which no derivative flows."""
    return elementwise.stop_gradient(as_tensor(x))


def shape(x: Any) -> tuple[int, ...]:
    """The lengths of x's axes."""
    return as_tensor(x).shape


# arithmetic of two operands


def add(x1: Any, x2: Any) -> Tensor:
    """x1 + x2."""
    return apply(elementwise.add, "add", x1, x2)


def subtract(x1: Any, x2: Any) -> Tensor:
    """x1 - x2."""
    return apply(elementwise.subtract, "subtract", x1, x2)


def multiply(x1: Any, x2: Any) -> Tensor:
    """x1 * x2."""
    return apply(elementwise.multiply, "multiply", x1, x2)


def divide(x1: Any, x2: Any) -> Tensor:
    """x1 / x2; integers become floats."""
    return apply(operators.divide, "divide", x1, x2)


def floor_divide(x1: Any, x2: Any) -> Tensor:
    """floor(x1 / x2), x1 // x2; of whole numbers exact below 2^53, and 0 where x2 is 0."""
    return operators.floor_divide(x1, x2)


def mod(x1: Any, x2: Any) -> Tensor:
    """x1 - x2 floor(x1 / x2), x1 % x2, which has the sign of x2; of whole numbers 0 where x2 is 0."""
    return operators.mod(x1, x2)


def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    """x1 / x2, and 0 where x2 is 0, with derivatives that are finite there."""
    x1, x2 = operators.broadcast("divide_no_nan", *map(as_float, promoted(x1, x2)))
    nothing = equal(x2, 0.0)
    return where(nothing, 0.0, divide(x1, where(nothing, 1.0, x2)))


def power(x1: Any, x2: Any) -> Tensor:
    """x1 raised to x2; integers become floats, except for the exponents 1 to 4, which are products."""
    return operators.raised(x1, x2) if isinstance(x2, (int, float)) else apply(operators.power, "power", x1, x2)


def maximum(x1: Any, x2: Any) -> Tensor:
    """The greater of x1 and x2; the derivative at a tie is x1's."""
    return apply(elementwise.maximum, "maximum", x1, x2)


def minimum(x1: Any, x2: Any) -> Tensor:
    """The lesser of x1 and x2; the derivative at a tie is x1's."""
    return apply(elementwise.minimum, "minimum", x1, x2)


# comparison and logic


def equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 == x2."""
    return apply(elementwise.equal, "equal", x1, x2)


def not_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 != x2."""
    return apply(elementwise.not_equal, "not_equal", x1, x2)


def less(x1: Any, x2: Any) -> Tensor:
    """Whether x1 < x2."""
    return apply(elementwise.less, "less", x1, x2)


def less_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 <= x2."""
    return apply(elementwise.less_equal, "less_equal", x1, x2)


def greater(x1: Any, x2: Any) -> Tensor:
    """Whether x1 > x2."""
    return apply(elementwise.greater, "greater", x1, x2)


def greater_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 >= x2."""
    return apply(elementwise.greater_equal, "greater_equal", x1, x2)


def logical_and(x1: Any, x2: Any) -> Tensor:
    """Whether both are true (not zero)."""
    return apply(elementwise.bitwise_and, "logical_and", cast(x1, "bool"), cast(x2, "bool"))


def logical_or(x1: Any, x2: Any) -> Tensor:
    """Whether one or both are true (not zero)."""
    return apply(elementwise.bitwise_or, "logical_or", cast(x1, "bool"), cast(x2, "bool"))


def logical_xor(x1: Any, x2: Any) -> Tensor:
    """Whether exactly one is true (not zero)."""
    return apply(elementwise.bitwise_xor, "logical_xor", cast(x1, "bool"), cast(x2, "bool"))


def logical_not(x: Any) -> Tensor:
    """Whether x is false (zero)."""
    return logical_xor(x, True)


def where(condition: Any, x1: Any, x2: Any) -> Tensor:
    """x1 where the condition holds, x2 elsewhere; neither branch's derivative reaches the other's elements."""
    condition, (x1, x2) = cast(condition, "bool"), promoted(x1, x2)
    return elementwise.where(*operators.broadcast("where", condition, x1, x2))


def isnan(x: Any) -> Tensor:
    """Whether x is not a number."""
    return not_equal(x, x)


def isfinite(x: Any) -> Tensor:
    """Whether x is neither infinite nor NaN."""
    x = as_float(x)
    return less(abs(x), math.inf)


def isinf(x: Any) -> Tensor:
    """Whether x is infinite."""
    return equal(abs(x), math.inf)


# single elements


def negative(x: Any) -> Tensor:
    """-x."""
    return elementwise.negative(as_float(x))


def abs(x: Any) -> Tensor:
    """The absolute value; its derivative at 0 is 0."""
    return elementwise.absolute(as_float(x))


absolute = abs


def square(x: Any) -> Tensor:
    """x * x."""
    x = as_tensor(x)
    return elementwise.multiply(x, x)


def sqrt(x: Any) -> Tensor:
    """The square root."""
    return elementwise.sqrt(as_float(x))


def rsqrt(x: Any) -> Tensor:
    """1 / sqrt(x)."""
    return divide(1.0, sqrt(x))


def reciprocal(x: Any) -> Tensor:
    """1 / x."""
    return divide(1.0, x)


def exp(x: Any) -> Tensor:
    """e to the power x."""
    return elementwise.exp(as_float(x))


def expm1(x: Any) -> Tensor:
    """e^x - 1, exact also for small x."""
    return elementwise.expm1(as_float(x))


def erf(x: Any) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x."""
    return elementwise.erf(as_float(x))


def sin(x: Any) -> Tensor:
    """The sine of x, in radians; compiled code gives NaN from 2^40 on."""
    return elementwise.sin(as_float(x))


def cos(x: Any) -> Tensor:
    """The cosine of x, in radians; compiled code gives NaN from 2^40 on."""
    return elementwise.cos(as_float(x))


def log(x: Any) -> Tensor:
    """The natural logarithm."""
    return elementwise.log(as_float(x))


def log1p(x: Any) -> Tensor:
    """log(1 + x), exact also for small x."""
    return elementwise.log1p(as_float(x))


def sign(x: Any) -> Tensor:
    """-1, 0 or 1."""
    return elementwise.sign(as_float(x))


def floor(x: Any) -> Tensor:
    """The greatest whole number not above x."""
    return elementwise.floor(as_float(x))


def ceil(x: Any) -> Tensor:
    """The least whole number not below x."""
    return negative(floor(negative(x)))


def round(x: Any, decimals: int = 0) -> Tensor:
    """The nearest number of so many decimals (of the nearest 10, 100, ... for -1, -2, ...), an even one of two."""
    x = as_tensor(x)
    if not x.aval.is_float and decimals >= 0:
        return x
    scaled = as_float(x) if decimals == 0 else as_float(x) * 10.0**decimals
    low = floor(scaled)
    rest, odd = subtract(scaled, low), not_equal(mod(low, 2.0), 0.0)
    up = logical_or(greater(rest, 0.5), logical_and(equal(rest, 0.5), odd))
    whole = where(up, low + 1.0, low)
    return cast(whole if decimals == 0 else whole / 10.0**decimals, x.dtype)


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """x, but at least x_min and at most x_max; the derivative outside is 0."""
    return minimum(maximum(x, x_min), x_max)


# reductions


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes."""
    return reduced(reduction.sum_, "sum", x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes divided by the number of elements."""
    return operators.mean(x, axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """mean((x - mean(x))^2): the variance of these elements (divided by n, not n - 1)."""
    x = as_float(x)
    return mean(square(subtract(x, mean(x, axis, keepdims=True))), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The square root of the variance."""
    return sqrt(var(x, axis, keepdims))


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The greatest element; ties share the derivative."""
    return reduced(reduction.max_, "max", x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The least element; ties share the derivative."""
    return reduced(reduction.min_, "min", x, axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element is true (not zero)."""
    return cast(max(cast(cast(x, "bool"), "int32"), axis, keepdims), "bool")


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (not zero)."""
    return cast(min(cast(cast(x, "bool"), "int32"), axis, keepdims), "bool")


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position (int32) of the greatest element, of the first if there are several."""
    x = as_tensor(x)
    if axis is None:
        x, axis = movement.reshape(x, (-1,)), 0
    (axis,) = axes_of(x, axis, "argmax")
    position = reduction.argmax(x, axis)
    kept = [1 if k == axis else n for k, n in enumerate(x.shape)]
    return movement.reshape(position, kept) if keepdims else position


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position (int32) of the least element, of the first if there are several."""
    return argmax(-as_tensor(x), axis, keepdims)


def matmul(x1: Any, x2: Any) -> Tensor:
    """The matrix product over x1's last and x2's second to last (or only) axis; leading axes broadcast."""
    return operators.matmul(x1, x2)


def dot(x1: Any, x2: Any) -> Tensor:
    """The matrix product of vectors and matrices; with a number, the product."""
    x1, x2 = promoted(x1, x2)
    return multiply(x1, x2) if 0 in (x1.ndim, x2.ndim) else matmul(x1, x2)
