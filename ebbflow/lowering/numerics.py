"""exp, log, tanh and their like as polynomials, on scalars or vectors, in float32 or float64.

Written with fused multiply-adds in a fixed order and no table, so every processor gives the same bits.

Largest errors, in units of the last place of the result, as tests/lowering/test_numerics.py measures them:

               float32   float64
    exp           1.10      0.90
    log           0.90      0.90
    log1p         1.50      1.50
    tanh          1.40      1.40
    sigmoid       2.50      2.30
    power         0.51      1.00 + 2 |y log x|

Subnormal numbers, nearer to 0 than the smallest normal one, count as 0, as operands and as results. Infinities and NaN
are treated as in IEEE 754, except that -0 counts as +0 in tanh, log1p and power, and that a power of -inf to an
exponent that is not whole is NaN.

Sources: logarithm after Sun Microsystems' fdlibm (1993) and its float version; hyperbolic tangent after Moshier, Cephes
(1989); exponential by Cody and Waite's reduction (1980) with a least-squares (float32) or Taylor (float64) polynomial.
"""

import math
from typing import Any

from ..ops.random import KEY_STEPS, MULTIPLIERS, ROUNDS
from .index import Index
from .loops import Value

EXP = {
    "float32": (
        1.0,
        1.0000000361134809,
        0.4999999534818796,
        0.16666420847797442,
        0.04166772474977894,
        0.008374772205059697,
        0.0013859284772664295,
    ),
    "float64": tuple(1 / math.factorial(k) for k in range(14)),
}
LN2 = {"float32": (0.693359375, -2.12194440e-4), "float64": (0.6931471803691238, 1.9082149292705877e-10)}
EXP_RANGE = {"float32": (-104.0, 89.0), "float64": (-746.0, 710.0)}
FRACTION_BITS = {"float32": 23, "float64": 52}
BIAS = {"float32": 127, "float64": 1023}
INTEGER = {"float32": "int32", "float64": "int64"}
SMALLEST_NORMAL = {"float32": 2.0**-126, "float64": 2.0**-1022}
LOG = {
    "float32": (0.66666662693023682, 0.40000972151756287, 0.28498786687850952, 0.24279078841209412),
    "float64": (
        6.666666666666735130e-01,
        3.999999999940941908e-01,
        2.857142874366239149e-01,
        2.222219843214978396e-01,
        1.818357216161805012e-01,
        1.531383769920937332e-01,
        1.479819860511658591e-01,
    ),
}
LOG_LN2 = {
    "float32": (6.9313812256e-01, 9.0580006145e-06),
    "float64": (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
TANH32 = (-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3)
TANH64_P = (-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1)
TANH64_Q = (4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0)


def polynomial(b: Any, x: Value, coefficients: tuple[float, ...]) -> Value:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule."""
    result: Value = b.like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = b.fma(result, x, b.like(x, c))
    return result


def _power_of_two(b: Any, n: Value, dtype: str) -> Value:
    biased = b.add(n, b.like(n, BIAS[dtype]))
    return b.bitcast(b.shift_left(biased, b.like(n, FRACTION_BITS[dtype])), dtype)


def exp(b: Any, x: Value) -> Value:
    """e^x = 2^n e^r with n the nearest integer of x / ln 2."""
    dtype = x.dtype
    low, high = EXP_RANGE[dtype]
    x = b.select(b.compare("lt", x, b.like(x, low)), b.like(x, low), x)
    x = b.select(b.compare("gt", x, b.like(x, high)), b.like(x, high), x)
    n = b.rint(b.mul(x, b.like(x, 1 / math.log(2))))
    minus = b.neg(n)
    r = b.fma(minus, b.like(x, LN2[dtype][1]), b.fma(minus, b.like(x, LN2[dtype][0]), x))
    p = polynomial(b, r, EXP[dtype])
    whole = b.cast(n, INTEGER[dtype])
    half = b.op("sar", whole.type, whole, b.like(whole, 1))
    return b.mul(b.mul(p, _power_of_two(b, half, dtype)), _power_of_two(b, b.sub(whole, half), dtype))


def log(b: Any, x: Value) -> Value:
    """log x = e ln 2 + log(1 + f), sqrt(1/2) < 1 + f < sqrt(2), by a series in s = f / (2 + f)."""
    dtype, integer, bits = x.dtype, INTEGER[x.dtype], FRACTION_BITS[x.dtype]
    tiny = b.compare("lt", x, b.like(x, SMALLEST_NORMAL[dtype]))
    scaled = b.select(tiny, b.mul(x, b.like(x, 2.0**bits)), x)
    word = b.bitcast(scaled, integer)
    root_half = {"float32": 0x3F3504F3, "float64": 0x3FE6A09E667F3BCD}[dtype]
    e = b.op("sar", word.type, b.sub(word, b.like(word, root_half)), b.like(word, bits))
    m = b.bitcast(b.sub(word, b.shift_left(e, b.like(word, bits))), dtype)
    e = b.cast(b.sub(e, b.select(tiny, b.like(word, bits), b.zero(word))), dtype)
    f = b.sub(m, b.like(x, 1))
    s = b.div(f, b.add(f, b.like(x, 2)))
    z = b.mul(s, s)
    series = b.mul(z, polynomial(b, z, LOG[dtype]))
    half_square = b.mul(b.mul(f, f), b.like(x, 0.5))
    high, low = LOG_LN2[dtype]
    correction = b.fma(s, b.add(half_square, series), b.mul(e, b.like(x, low)))
    result = b.fma(e, b.like(x, high), b.sub(f, b.sub(half_square, correction)))
    result = b.select(b.compare("eq", x, b.like(x, math.inf)), x, result)
    result = b.select(b.compare("eq", x, b.zero(x)), b.like(x, -math.inf), result)
    return b.select(b.compare("ge", x, b.zero(x)), result, b.like(x, math.nan))


def log1p(b: Any, x: Value) -> Value:
    """log(1 + x), with what rounding 1 + x lost added again: log u + (x - (u - 1)) / u for u = 1 + x."""
    one = b.like(x, 1)
    u = b.add(one, x)
    result = b.add(log(b, u), b.div(b.sub(x, b.sub(u, one)), u))
    special = b.bitwise_or(b.compare("eq", u, b.zero(x)), b.compare("eq", u, b.like(x, math.inf)))
    return b.select(special, log(b, u), result)


def tanh(b: Any, x: Value) -> Value:
    """x + x^3 P(x^2) near zero, 1 - 2 / (e^(2|x|) + 1) with x's sign elsewhere."""
    z = b.mul(x, x)
    if x.dtype == "float32":
        near = polynomial(b, z, TANH32)
    else:
        near = b.div(polynomial(b, z, TANH64_P), polynomial(b, z, TANH64_Q))
    near = b.fma(b.mul(z, near), x, x)
    size = b.abs(x)
    one, two = b.like(x, 1), b.like(x, 2)
    far = b.sub(one, b.div(two, b.add(exp(b, b.mul(two, size)), one)))
    far = b.select(b.compare("lt", x, b.zero(x)), b.neg(far), far)
    return b.select(b.compare("lt", size, b.like(x, 0.625)), near, far)


def sigmoid(b: Any, x: Value) -> Value:
    """1 / (1 + e^-x), written with e^-|x|, which cannot overflow."""
    e = exp(b, b.neg(b.abs(x)))
    one = b.like(x, 1)
    return b.div(b.select(b.compare("lt", x, b.zero(x)), e, one), b.add(one, e))


def power(b: Any, x: Value, y: Value) -> Value:
    """x^y = e^(y log |x|) in float64; for x < 0 the sign follows whole exponents, other exponents give NaN."""
    dtype = x.dtype
    base, exponent = b.cast(x, "float64"), b.cast(y, "float64")
    distance = b.abs(base)
    size = exp(b, b.mul(exponent, log(b, distance)))
    size = b.select(b.compare("eq", distance, b.like(distance, 1)), distance, size)  # also to the power of infinity
    half = b.mul(exponent, b.like(exponent, 0.5))
    odd = b.compare("ne", b.floor(half), half)
    whole = b.compare("eq", b.floor(exponent), exponent)
    signed = b.select(whole, b.select(odd, b.neg(size), size), b.like(size, math.nan))
    result = b.select(b.compare("lt", base, b.zero(base)), signed, size)
    result = b.select(b.compare("eq", exponent, b.zero(exponent)), b.like(result, 1), result)
    return b.cast(result, dtype)


def philox(b: Any, element: Index, state: tuple[Value, ...]) -> Value:
    """The random word of every lane's element: word `element mod 4` of block `element div 4`."""
    seed, member, purpose, step = state
    block = b.index_value(element // 4, "uint32")
    c = [block, purpose, step, b.constant(0, "uint32")]
    k = [seed, member]
    for turn in range(ROUNDS):
        m0, m1 = (b.constant(m, "uint32") for m in MULTIPLIERS)
        high0, low0 = b.multiply_high(c[0], m0), b.mul(c[0], m0)
        high1, low1 = b.multiply_high(c[2], m1), b.mul(c[2], m1)
        c = [
            b.bitwise_xor(b.bitwise_xor(high1, c[1]), k[0]),
            low1,
            b.bitwise_xor(b.bitwise_xor(high0, c[3]), k[1]),
            low0,
        ]
        if turn + 1 < ROUNDS:
            k = [b.add(word, b.constant(s, "uint32")) for word, s in zip(k, KEY_STEPS, strict=True)]
    word = element % 4
    if not word.terms:
        return c[word.constant]
    which = b.index_value(word, "uint32")
    result = c[0]
    for position in range(1, 4):
        result = b.select(b.compare("eq", which, b.constant(position, "uint32")), c[position], result)
    return result
