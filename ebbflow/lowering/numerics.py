"""exp, log, tanh, erf and their like as polynomials, on scalars or vectors, in float32 or float64.

Written with fused multiply-adds in a fixed order and no table, so every processor gives the same bits.

Largest errors, in units of the last place of the result, as tests/lowering/test_numerics.py measures them:

               float32   float64
    exp           1.10      0.90
    expm1         1.70      1.90
    log           0.90      0.90
    log1p         1.50      1.50
    tanh          2.50      2.50
    sigmoid       2.20      2.20
    softplus      2.20      2.20
    erf           1.10      1.00
    sin           0.51      1.50
    cos           0.51      1.50
    power         0.51      1.00 + 2 |y log x|

Subnormal numbers, nearer to 0 than the smallest normal one, count as 0, as operands and as results. Infinities and NaN
are treated as in IEEE 754, except that -0 counts as +0 in power, and that a power of -inf to an exponent that is not
whole is NaN. sin and cos are NaN of numbers from 2^40 on. softplus is no function of this module but its formula in
functions/nn.py, max(x, 0) + log1p(e^-|x|).

Sources: logarithm, sine and cosine after Sun Microsystems' fdlibm (1993), the logarithm also after its float version;
exponential, and what is left of an angle, by Cody and Waite's (1980), with a least-squares (float32) or Taylor
(float64) polynomial for the former; error function by our own polynomials, fitted to mpmath's with Lawson's weights
(1961) for the least largest error.
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
EXPM1 = {  # (e^r - 1 - r) / r^2
    "float32": (0.49999998162562004, 0.16666543764917033, 0.04166719104614343, 0.008366502944586232, 0.00138832017081),
    "float64": EXP["float64"][2:],
}
LN2 = {"float32": (0.693359375, -2.12194440e-4), "float64": (0.6931471803691238, 1.9082149292705877e-10)}
EXP_RANGE = {"float32": (-104.0, 89.0), "float64": (-746.0, 710.0)}
FRACTION_BITS = {"float32": 23, "float64": 52}
BIAS = {"float32": 127, "float64": 1023}
INTEGER = {"float32": "int32", "float64": "int64"}
SIGN_BIT = {"float32": -(1 << 31), "float64": -(1 << 63)}
SIGMOID_EDGE = {"float32": 88.0, "float64": 709.0}  # beyond it sigmoid is 0 or 1
TANH_EDGE = {"float32": 9.1, "float64": 19.1}  # from here on tanh is 1
EXPM1_LOWEST = -50.0  # from here on down e^x - 1 is -1
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
ERF_EDGE = 0.875
ERF_LARGEST = {"float32": 4.0, "float64": 6.0}  # from here on erf is 1
ERF_NEAR = {  # erf(x) / x - 1 in powers of x^2, up to the edge
    "float32": (
        0.12837915852739873,
        -0.37612557074932473,
        0.11282523394435802,
        -0.026793926607199054,
        0.00503583054180787,
        -0.0006222207471207267,
    ),
    "float64": (
        0.1283791670955126,
        -0.3761263890318374,
        0.11283791670954367,
        -0.026866170644945453,
        0.005223977623089312,
        -0.0008548326847510202,
        0.00012055324630830895,
        -1.492538888785344e-05,
        1.6456634018140259e-06,
        -1.6289499669898608e-07,
        1.4124191052690258e-08,
        -8.669632445249078e-10,
    ),
}
ERF_FAR = {  # log(1 - erf(x)) in powers of x - 1, from the edge on
    "float32": (
        -1.8496055140726084,
        -2.638967739031263,
        -0.8431065143306414,
        -0.041548003347340996,
        0.00996945751541019,
        -0.0018824058932707666,
        0.00019982402299910076,
    ),
    "float64": (
        -1.8496055099332482,
        -2.6389675142347917,
        -0.8431072563585011,
        -0.04156109804642702,
        0.010033825435899976,
        -0.0019779030348504208,
        0.00023732470213128954,
        2.627082268330224e-05,
        -2.7143492873687634e-05,
        9.584063042521825e-06,
        -2.0308812061224087e-06,
        1.1804036927900277e-07,
        1.1336394441630663e-07,
        -5.945919119223949e-08,
        1.7437274356251017e-08,
        -3.4690901555859706e-09,
        4.647651183823405e-10,
        -3.8002056995102034e-11,
        1.4331227503937291e-12,
    ),
}
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)  # their sum, to 160 bits
CIRCULAR_EDGE = 2.0**40  # from here on sin and cos are NaN
SIN = (  # (sin(r) - r) / r^3 in powers of r^2
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
)
COS = (  # (cos(r) - 1 + r^2 / 2) / r^4 in powers of r^2
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
)


def polynomial(b: Any, x: Value, coefficients: tuple[float, ...]) -> Value:
    """c0 + c1 x + c2 x^2 + ... by Horner's rule."""
    result: Value = b.like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = b.fma(result, x, b.like(x, c))
    return result


def _power_of_two(b: Any, n: Value, dtype: str) -> Value:
    biased = b.add(n, b.like(n, BIAS[dtype]))
    return b.bitcast(b.shift_left(biased, b.like(n, FRACTION_BITS[dtype])), dtype)


def _with_sign(b: Any, y: Value, x: Value) -> Value:
    """y, which is not of the other sign, with the sign of x, also of -0."""
    word = b.bitcast(x, INTEGER[x.dtype])
    sign = b.bitwise_and(word, b.like(word, SIGN_BIT[x.dtype]))
    return b.bitcast(b.bitwise_or(b.bitcast(y, word.dtype), sign), x.dtype)


def _reduced(b: Any, x: Value, low: float) -> tuple[Value, Value]:
    """(n, r) with x = n ln 2 + r and n the nearest integer of x / ln 2; x counts as no less than low."""
    dtype, high = x.dtype, EXP_RANGE[x.dtype][1]
    x = b.select(b.compare("lt", x, b.like(x, low)), b.like(x, low), x)
    x = b.select(b.compare("gt", x, b.like(x, high)), b.like(x, high), x)
    n = b.rint(b.mul(x, b.like(x, 1 / math.log(2))))
    minus = b.neg(n)
    r = b.fma(minus, b.like(x, LN2[dtype][1]), b.fma(minus, b.like(x, LN2[dtype][0]), x))
    return b.cast(n, INTEGER[dtype]), r


def _rounded(b: Any, x: Value, factor: float, more: int) -> tuple[Value, Value]:
    """(n, 2^(n + more)) for the integer n nearest to factor x; the power of two must be a normal number, or 0.

    A number whose last place is 1, added, rounds to n, and then holds n + more + bias in its last bits.
    """
    bits = FRACTION_BITS[x.dtype]
    places = b.like(x, 1.5 * 2.0**bits + BIAS[x.dtype] + more)
    shifted = b.fma(x, b.like(x, factor), places)
    word = b.bitcast(shifted, INTEGER[x.dtype])
    return b.sub(shifted, places), b.bitcast(b.shift_left(word, b.like(word, bits)), x.dtype)


def exp(b: Any, x: Value) -> Value:
    """e^x = 2^n e^r."""
    dtype = x.dtype
    whole, r = _reduced(b, x, EXP_RANGE[dtype][0])
    p = polynomial(b, r, EXP[dtype])
    half = b.op("sar", whole.type, whole, b.like(whole, 1))
    return b.mul(b.mul(p, _power_of_two(b, half, dtype)), _power_of_two(b, b.sub(whole, half), dtype))


def expm1(b: Any, x: Value) -> Value:
    """e^x - 1 = 2^n (e^r - 1) + (2^n - 1), with half of the largest 2^n, which has no number."""
    dtype = x.dtype
    whole, r = _reduced(b, x, EXPM1_LOWEST)
    p = b.fma(b.mul(r, r), polynomial(b, r, EXPM1[dtype]), r)
    most = b.like(whole, BIAS[dtype])
    less = b.select(b.compare("gt", whole, most), most, whole)
    scale = _power_of_two(b, less, dtype)
    result = b.fma(p, scale, b.sub(scale, b.like(x, 1)))
    return _with_sign(b, b.mul(result, _power_of_two(b, b.sub(whole, less), dtype)), x)


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
    return _with_sign(b, b.select(special, log(b, u), result), x)


def tanh(b: Any, x: Value) -> Value:
    """For x >= 0: u / (2 - u) with u = 1 - e^-2x; an odd function.

    With -2x = n ln 2 - 2h and n the nearest integer, u = (1 - 2^n) + 2^n (1 - e^-2h).
    """
    dtype = x.dtype
    size, edge = b.abs(x), b.like(x, TANH_EDGE[dtype])
    size = b.select(b.compare("gt", size, edge), edge, size)
    n, twice = _rounded(b, size, -2 / math.log(2), 1)
    h = b.fma(n, b.like(x, math.log(2) / 2), size)  # ln 2 in one piece: where n is large, 2^n is next to nothing
    rest = polynomial(b, h, tuple(-2 * c * (-2) ** k for k, c in enumerate(EXPM1[dtype])))
    half = b.fma(b.mul(h, h), rest, h)
    u = b.fma(half, twice, b.fma(twice, b.like(x, -0.5), b.like(x, 1)))
    return _with_sign(b, b.div(u, b.sub(b.like(x, 2), u)), x)


def erf(b: Any, x: Value) -> Value:
    """For x >= 0: x + x P(x^2) near zero, 1 - e^Q(x - 1) elsewhere; an odd function."""
    dtype, one = x.dtype, b.like(x, 1)
    size, largest = b.abs(x), b.like(x, ERF_LARGEST[dtype])
    size = b.select(b.compare("gt", size, largest), largest, size)
    near = b.fma(size, polynomial(b, b.mul(size, size), ERF_NEAR[dtype]), size)
    far = b.sub(one, exp(b, polynomial(b, b.sub(size, one), ERF_FAR[dtype])))
    return _with_sign(b, b.select(b.compare("lt", size, b.like(x, ERF_EDGE)), near, far), x)


def sin(b: Any, x: Value) -> Value:
    """sin(x) in float64; -0 stays."""
    result = b.cast(_sine(b, b.cast(x, "float64"), 0.0), x.dtype)
    return b.select(b.compare("eq", x, b.zero(x)), x, result)


def cos(b: Any, x: Value) -> Value:
    """cos(x) = sin(x + pi / 2) in float64."""
    return b.cast(_sine(b, b.cast(x, "float64"), 1.0), x.dtype)


def _sine(b: Any, x: Value, quarters: float) -> Value:
    """sin(x + quarters pi / 2), where x = n pi / 2 + r and n is the nearest integer.

    With m = n + quarters it is sin(r) or cos(r) for m even or odd, and minus that where floor(m / 2) is odd. x - n p
    for the first part p of pi / 2 is exact: both are multiples of the last place of p.
    """
    n = b.rint(b.mul(x, b.like(x, 2 / math.pi)))
    minus, r = b.neg(n), x
    for part in HALF_PI:
        r = b.fma(minus, b.like(x, part), r)
    z = b.mul(r, r)
    sine = b.fma(b.mul(z, r), polynomial(b, z, SIN), r)
    half_z, one = b.mul(z, b.like(x, 0.5)), b.like(x, 1)
    near = b.sub(one, half_z)
    lost = b.sub(b.sub(one, near), half_z)  # what rounding took from near
    cosine = b.add(near, b.fma(b.mul(z, z), polynomial(b, z, COS), lost))
    half = b.mul(b.add(n, b.like(x, quarters)), b.like(x, 0.5))
    turns = b.floor(half)
    half_turns = b.mul(turns, b.like(x, 0.5))
    size = b.select(b.compare("ne", turns, half), cosine, sine)
    result = b.select(b.compare("ne", b.floor(half_turns), half_turns), b.neg(size), size)
    return b.select(b.compare("lt", b.abs(x), b.like(x, CIRCULAR_EDGE)), result, b.like(x, math.nan))


def sigmoid(b: Any, x: Value) -> Value:
    """1 / (1 + e^-x), where -x = n ln 2 - r and n is the nearest integer, so that e^-x = 2^n e^-r.

    Where e^-x is too small for a normal number it counts as 0; where it is too large, so does the result.
    """
    dtype, edge = x.dtype, SIGMOID_EDGE[x.dtype]
    x = b.select(b.compare("lt", x, b.like(x, -edge)), b.like(x, -edge), x)
    x = b.select(b.compare("gt", x, b.like(x, edge)), b.like(x, edge), x)
    n, scale = _rounded(b, x, -1 / math.log(2), 0)
    high, low = LN2[dtype]
    r = b.fma(n, b.like(x, low), b.fma(n, b.like(x, high), x))
    p = polynomial(b, r, tuple(c * (-1) ** k for k, c in enumerate(EXP[dtype])))
    return b.div(b.like(x, 1), b.fma(p, scale, b.like(x, 1)))


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


def philox_block(b: Any, block: Index, state: tuple[Value, ...]) -> list[Value]:
    """The four random words of every lane's block."""
    seed, member, purpose, step = (b.cast(word, "int64") for word in state)
    counter, key = philox_counter(b, block, purpose, step), [seed, member]
    for turn in range(ROUNDS):
        counter = philox_round(b, counter, key)
        if turn + 1 < ROUNDS:
            key = next_philox_key(b, key)
    return [b.cast(x, "uint32") for x in counter]


def philox_counter(b: Any, block: Index, purpose: Value, step: Value) -> list[Value]:
    """The words that become random in rounds.

    Each word is the lower half of 64 bits whose upper half counts for nothing: so a product needs no second half put
    together, and its upper word is a shift away.
    """
    return [b.cast(b.index_value(block, "uint32"), "int64"), purpose, step, b.like(step, 0)]


def philox_round(b: Any, counter: list[Value], key: list[Value]) -> list[Value]:
    """The four words after a round."""
    word, half = b.like(counter[0], (1 << 32) - 1), b.like(counter[0], 32)
    p0, p1 = (b.mul(b.bitwise_and(x, word), b.like(x, m)) for x, m in zip(counter[::2], MULTIPLIERS, strict=True))
    return [
        b.bitwise_xor(b.bitwise_xor(b.shift_right(p1, half), counter[1]), key[0]),
        p1,
        b.bitwise_xor(b.bitwise_xor(b.shift_right(p0, half), counter[3]), key[1]),
        p0,
    ]


def next_philox_key(b: Any, key: list[Value]) -> list[Value]:
    """The key of the next round."""
    return [b.add(word, b.like(word, step)) for word, step in zip(key, KEY_STEPS, strict=True)]


def philox(b: Any, element: Index, state: tuple[Value, ...]) -> Value:
    """The random word of every lane's element: word `element mod 4` of block `element div 4`."""
    c = philox_block(b, element // 4, state)
    word = element % 4
    if not word.terms:
        return c[word.constant]
    which = b.index_value(word, "uint32")
    result = c[0]
    for position in range(1, 4):
        result = b.select(b.compare("eq", which, b.constant(position, "uint32")), c[position], result)
    return result
