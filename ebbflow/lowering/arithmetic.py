"""Arithmetic on the values of the loop language, scalars and 16-lane vectors alike.

These are the methods that a primitive's lowering rule may call. The functions that processors lack are in numerics.py.
"""

from typing import Any

import numpy as np

from ..core.aval import dtype_name
from . import numerics
from .index import LANE, LANES, Clamp, Index
from .loops import INDEX, Builder, Constant, Value

FLOATS = ("float32", "float64")


class Arithmetic(Builder):
    """A builder with the operations of single elements; `lanes` is how many elements are computed at a time."""

    def __init__(self, lanes: int = LANES) -> None:
        super().__init__()
        self.lanes = lanes

    # constants and conversion
    def constant(self, number: Any, dtype: Any) -> Constant:
        name = dtype_name(dtype)
        return Constant(_number(number, name), (name, self.lanes))

    def like(self, x: Value, number: Any) -> Constant:
        """A constant of x's type."""
        return Constant(_number(number, x.dtype), x.type)

    def zero(self, x: Value) -> Constant:
        return self.like(x, 0)

    def splat(self, scalar: Value) -> Value:
        return scalar if self.lanes == 1 else self.op("splat", (scalar.dtype, self.lanes), scalar)

    def cast(self, x: Value, dtype: Any) -> Value:
        name = dtype_name(dtype)
        if name == x.dtype:
            return x
        if isinstance(x, Constant):
            return self.constant(np.dtype(name).type(x.number), name)
        if name == "bool":
            return self.compare("ne", x, self.zero(x))
        return self.op("cast", (name, x.lanes), x)

    def bitcast(self, x: Value, dtype: str) -> Value:
        return self.op("bitcast", (dtype, x.lanes), x)

    # arithmetic
    def _same(self, name: str, x: Value, y: Value) -> Value:
        assert x.type == y.type, f"{name} of {x.type} and {y.type}"
        return self.op(name, x.type, x, y)

    def add(self, x: Value, y: Value) -> Value:
        return self._same("add", x, y)

    def sub(self, x: Value, y: Value) -> Value:
        return self._same("sub", x, y)

    def mul(self, x: Value, y: Value) -> Value:
        return self._same("mul", x, y)

    def div(self, x: Value, y: Value) -> Value:
        return self._same("div", x, y)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """x * y + z, rounded once."""
        return self.op("fma", x.type, x, y, z)

    def neg(self, x: Value) -> Value:
        return self.op("neg", x.type, x)

    def abs(self, x: Value) -> Value:
        return self.op("abs", x.type, x)

    def sqrt(self, x: Value) -> Value:
        return self.op("sqrt", x.type, x)

    def floor(self, x: Value) -> Value:
        return self.op("floor", x.type, x)

    def rint(self, x: Value) -> Value:
        return self.op("rint", x.type, x)

    def maximum(self, x: Value, y: Value) -> Value:
        """The greater of two; NaN if either is NaN."""
        return self._keep_nan(y, self.select(self.compare("lt", x, y), y, x))

    def minimum(self, x: Value, y: Value) -> Value:
        return self._keep_nan(y, self.select(self.compare("lt", y, x), y, x))

    def _keep_nan(self, y: Value, result: Value) -> Value:
        if y.dtype not in FLOATS or isinstance(y, Constant):
            return result
        return self.select(self.compare("ne", y, y), y, result)

    def sign(self, x: Value) -> Value:
        negative = self.select(self.compare("lt", x, self.zero(x)), self.like(x, -1), x)
        return self.select(self.compare("gt", x, self.zero(x)), self.like(x, 1), negative)

    # comparison, logic, bits
    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        """'eq', 'ne', 'lt', 'le', 'gt', 'ge'; with NaN only 'ne' is true."""
        assert x.type == y.type, f"compare {x.type} and {y.type}"
        return self.op("compare", ("bool", x.lanes), x, y, attributes=predicate)

    def compare_index(self, predicate: str, x: Any, y: Any) -> Value:
        """A comparison of two index values or numbers."""
        x, y = (Constant(v, (INDEX, 1)) if isinstance(v, int) else v for v in (x, y))
        return self.op("compare", ("bool", 1), x, y, attributes=predicate)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        assert x.type == y.type, f"select of {x.type} and {y.type}"
        return x if x is y else self.op("select", x.type, condition, x, y)

    def bitwise_and(self, x: Value, y: Value) -> Value:
        return self._same("and", x, y)

    def bitwise_or(self, x: Value, y: Value) -> Value:
        return self._same("or", x, y)

    def bitwise_xor(self, x: Value, y: Value) -> Value:
        return self._same("xor", x, y)

    logical_and, logical_or = bitwise_and, bitwise_or

    def shift_left(self, x: Value, y: Value) -> Value:
        return self._same("shl", x, y)

    def shift_right(self, x: Value, y: Value) -> Value:
        return self._same("shr", x, y)

    def multiply_high(self, x: Value, y: Value) -> Value:
        """The upper 32 bits of the product of two uint32."""
        return self._same("mulhi", x, y)

    # vectors
    def shuffle(self, x: Value, y: Value, lanes: tuple[int, ...]) -> Value:
        """Lanes of x (0..15) and y (16..31) in the given order."""
        return self.op("shuffle", x.type, x, y, attributes=lanes)

    def extract(self, x: Value, lane: int) -> Value:
        return self.op("extract", (x.dtype, 1), x, attributes=lane)

    def insert(self, x: Value, scalar: Value, lane: int) -> Value:
        return self.op("insert", x.type, x, scalar, attributes=lane)

    def from_lanes(self, scalars: list[Value]) -> Value:
        """A vector of these scalars."""
        vector: Value = Constant(0, (scalars[0].dtype, LANES))
        for lane, scalar in enumerate(scalars):
            vector = self.insert(vector, scalar, lane)
        return vector

    # positions as values
    def index_value(self, index: Index, dtype: Any = "int32") -> Value:
        """The index of every lane as a number."""
        if not index.uses_lane:
            if not index.terms:
                return self.constant(index.constant, dtype)
            position = self.op("from_index", ("int32", 1), self.position(index))
            return self.cast(self.splat(position), dtype)
        total = self.index_value(Index({v: c for v, c in index.terms.items() if not v.uses_lane}, index.constant))
        for v, c in index.terms.items():
            if v.uses_lane:
                total = self.add(total, self.mul(self._lane_value(v), self.constant(c, "int32")))
        return self.cast(total, dtype)

    def _lane_value(self, v: Any) -> Value:
        if v is LANE:
            return self.op("lanes", ("int32", LANES)) if self.lanes > 1 else self.constant(0, "int32")
        inner = self.index_value(v.index)
        if isinstance(v, Clamp):
            low = self.constant(0, "int32")
            high = self.constant(v.size - 1, "int32")
            inner = self.select(self.compare("lt", inner, low), low, inner)
            return self.select(self.compare("gt", inner, high), high, inner)
        divisor = self.constant(v.divisor, "int32")
        return self._same("rem", inner, divisor) if v.remainder else self.div(inner, divisor)

    def index_at_least(self, index: Index, low: int) -> Value:
        if index.minimum >= low:
            return self.constant(True, "bool")
        return self.compare("ge", self.index_value(index), self.constant(low, "int32"))

    def index_below(self, index: Index, high: int) -> Value:
        if index.maximum < high:
            return self.constant(True, "bool")
        return self.compare("lt", self.index_value(index), self.constant(high, "int32"))

    def index_equal(self, index: Index, number: int) -> Value:
        return self.compare("eq", self.index_value(index), self.constant(number, "int32"))

    # functions
    def exp(self, x: Value) -> Value:
        return numerics.exp(self, x)

    def expm1(self, x: Value) -> Value:
        return numerics.expm1(self, x)

    def log(self, x: Value) -> Value:
        return numerics.log(self, x)

    def log1p(self, x: Value) -> Value:
        return numerics.log1p(self, x)

    def tanh(self, x: Value) -> Value:
        return numerics.tanh(self, x)

    def erf(self, x: Value) -> Value:
        return numerics.erf(self, x)

    def sin(self, x: Value) -> Value:
        return numerics.sin(self, x)

    def cos(self, x: Value) -> Value:
        return numerics.cos(self, x)

    def sigmoid(self, x: Value) -> Value:
        return numerics.sigmoid(self, x)

    def power(self, x: Value, y: Value) -> Value:
        return numerics.power(self, x, y)

    def philox(self, element: Index, seed: Value, member: Value, purpose: Value, step: Value) -> Value:
        return numerics.philox(self, element, (seed, member, purpose, step))

    def philox_block(self, block: Index, state: tuple[Value, ...]) -> list[Value]:
        return numerics.philox_block(self, block, state)


def _number(number: Any, dtype: str) -> float | bool | int:
    return float(number) if dtype in FLOATS else bool(number) if dtype == "bool" else int(number)
