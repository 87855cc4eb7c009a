"""Compiled functions against extended precision: errors stay within the table that their module states."""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (completes the registry)
from ebbflow.compile import Executable
from ebbflow.core.aval import aval_of
from ebbflow.core.primitive import registry
from ebbflow.core.tensor import bind, trace
from ebbflow.functions import nn
from ebbflow.lowering import numerics

Extended = np.longdouble


def erf(x: np.ndarray) -> np.ndarray:
    """2 / sqrt(pi) e^-x^2 sum_k 2^k x^(2k+1) / (2k+1)!!, whose terms all have one sign; 1 in float64 beyond 6."""
    size = np.minimum(np.abs(x), Extended(6.5))
    term = total = size * np.exp(-size * size) / np.sqrt(np.arctan(Extended(1)))
    for k in range(1, 140):
        term = term * (2 * size * size / (2 * k + 1))
        total = total + term
    return np.copysign(total, x)


EXACT: dict[str, Callable[..., np.ndarray]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "erf": erf,
    "power": np.power,
    "sin": np.sin,
    "cos": np.cos,
}
POINTS = 60_001

by_type = pytest.mark.parametrize("dtype", ["float32", "float64"])
by_function = pytest.mark.parametrize("name", [name for name in EXACT if name not in ("power", "sin", "cos")])


def compiled(name: str, *arrays: np.ndarray) -> np.ndarray:
    avals = [(f"x{k}", aval_of(x)) for k, x in enumerate(arrays)]
    function = nn.softplus if name == "softplus" else partial(bind, registry[name])
    return Executable(trace(function, avals, name).graph)(*arrays)[0]


def flushed(x: np.ndarray, tiny: float) -> np.ndarray:
    """Numbers nearer to 0 than the smallest normal one are 0 to compiled code."""
    return np.where(np.abs(x) < tiny, np.copysign(x.dtype.type(0), x), x)


def exact(name: str, *arrays: np.ndarray) -> np.ndarray:
    tiny = np.finfo(arrays[0].dtype).tiny
    with np.errstate(all="ignore"):
        return flushed(EXACT[name](*(flushed(x, tiny).astype(Extended) for x in arrays)), tiny)


def errors(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Distances in units of the last place of the result; infinite where only one of them is finite.

    At the edge below which numbers are 0, either side of it is right.
    """
    with np.errstate(all="ignore"):
        rounded = wanted.astype(got.dtype)
        distance = np.abs(got.astype(Extended) - wanted) / np.spacing(np.abs(rounded))
    same = (got == rounded) & ~np.isfinite(rounded)
    tiny, epsilon = np.finfo(got.dtype).tiny, np.finfo(got.dtype).eps
    same |= (np.minimum(np.abs(got), np.abs(wanted)) == 0) & (
        np.maximum(np.abs(got), np.abs(wanted)) < tiny * (1 + 4 * epsilon)
    )
    return np.where(same, 0, np.where(np.isfinite(rounded) & np.isfinite(got), distance, np.inf))


def errors_in_float64(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest distance of float32 numbers, none of them 0 or infinite, in units of the last place."""
    return float((np.abs(got - wanted) / np.spacing(np.abs(wanted).astype(np.float32))).max())


def stated(name: str, dtype: str) -> float:
    """The number in the table of the module's documentation."""
    row = re.search(rf"^    {name} +([\d.]+) +([\d.]+)", numerics.__doc__ or "", re.MULTILINE)
    assert row, f"{name} is not in the table"
    return float(row[1 if dtype == "float32" else 2])


def needs_extended_precision(dtype: str) -> None:
    if dtype == "float64" and np.finfo(Extended).nmant <= np.finfo("float64").nmant:
        pytest.skip("this machine has no type that is finer than float64")


def geometric(low: float, high: float) -> np.ndarray:
    return np.exp(np.linspace(np.log(low), np.log(high), POINTS))


def domain(name: str, dtype: str) -> np.ndarray:
    """Where the function does something, from its subnormal results to its overflow."""
    info = np.finfo(dtype)
    tiny, subnormal, largest = float(info.tiny), float(info.smallest_subnormal), float(info.max) * 0.999
    lowest, highest = np.log(subnormal), np.log(float(info.max))
    points = {
        "exp": [np.linspace(lowest - 2, highest, 3 * POINTS), np.linspace(-1, 1, POINTS)],
        "log": [geometric(tiny, largest), np.linspace(0.5, 2, POINTS), tiny * np.linspace(1e-6, 1, 1001)],
        "log1p": [np.linspace(-0.999, 4, POINTS), geometric(tiny, largest), -geometric(tiny, 0.9999)],
        "tanh": [
            np.linspace(-10, 10, POINTS),
            np.linspace(-1, 1, POINTS),
            geometric(tiny, 20),
            tiny * np.linspace(1e-6, 1, 1001),
        ],
        "sigmoid": [np.linspace(lowest, 40, 2 * POINTS), np.linspace(-10, 10, POINTS)],
        "softplus": [np.linspace(lowest, 40, 2 * POINTS), np.linspace(-10, 10, POINTS)],
        "expm1": [np.linspace(-60, highest, 2 * POINTS), np.linspace(-2, 2, POINTS), -geometric(tiny, 60)],
        "erf": [np.linspace(-7, 7, POINTS), np.linspace(-1, 1, POINTS), geometric(tiny, 7)],
    }
    return np.concatenate(points[name]).astype(dtype)


@by_type
@by_function
def test_error_is_as_stated(name: str, dtype: str) -> None:
    needs_extended_precision(dtype)
    x = domain(name, dtype)
    found = errors(compiled(name, x), exact(name, x))
    assert found.max() <= stated(name, dtype), f"{found.max():.2f} ulp at {x[found.argmax()]!r}"


@by_type
@by_function
def test_error_is_as_stated_at_every_scale(name: str, dtype: str) -> None:
    """Numbers of all exponents and both signs: a sample that is even in their bits, up to infinities and NaN."""
    needs_extended_precision(dtype)
    bits, points = (32, 1 << 17) if dtype == "float32" else (64, 1 << 15)
    step = (1 << bits) // points
    words = np.arange(points, dtype=np.uint64) * np.uint64(step)
    words += np.random.default_rng(8).integers(0, step, points, dtype=np.uint64)
    x = words.astype(f"uint{bits}").view(dtype)
    wanted, got = exact(name, x), compiled(name, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    found = np.where(np.isnan(got), 0, errors(got, wanted))
    assert found.max() <= stated(name, dtype), f"{found.max():.2f} ulp at {x[found.argmax()]!r}"


@by_function
def test_error_is_as_stated_for_every_number_between_one_half_and_one(name: str) -> None:
    """All 2^23 of float32; float64 is fine enough to judge them, but for erf, which has a sum of its own."""
    x = np.arange(0x3F000000, 0x3F800000, 16 if name == "erf" else 1, dtype=np.uint32).view(np.float32)
    wanted = EXACT[name](x.astype(np.float64))
    assert errors_in_float64(compiled(name, x), wanted) <= stated(name, "float32")


@by_type
def test_error_of_power_is_as_stated(dtype: str) -> None:
    """In float64 it grows with |y log x|, since log x is rounded before it is multiplied."""
    needs_extended_precision(dtype)
    rng = np.random.default_rng(2)
    x = np.exp(np.concatenate([rng.uniform(-5, 5, POINTS), rng.uniform(-80, 80, POINTS)])).astype(dtype)
    y = np.concatenate([rng.uniform(-8, 8, POINTS), rng.uniform(-1, 1, POINTS)]).astype(dtype)
    bound = stated("power", dtype) + (2 * np.abs(y * np.log(x)) if dtype == "float64" else 0)
    assert (errors(compiled("power", x, y), exact("power", x, y)) <= bound).all()


@by_type
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_error_of_sine_and_cosine_is_as_stated(name: str, dtype: str) -> None:
    """Near 0, over some turns, close to the multiples of a quarter turn, and up to where they are NaN."""
    needs_extended_precision(dtype)
    quarters = np.arange(1, POINTS) * (np.pi / 2)
    sizes = [np.linspace(0, 10, POINTS), np.linspace(0, 1e5, POINTS), quarters, geometric(1e-30, 2.0**40 * 0.999)]
    x = np.concatenate([sign * one for one in sizes for sign in (1, -1)]).astype(dtype)
    found = errors(compiled(name, x), exact(name, x))
    assert found.max() <= stated(name, dtype), f"{found.max():.2f} ulp at {x[found.argmax()]!r}"
    assert np.isnan(compiled(name, np.array([2.0**40, -(2.0**40), np.inf, -np.inf, np.nan], dtype))).all()


@by_type
def test_sine_of_minus_zero_stays(dtype: str) -> None:
    got = compiled("sin", np.array([-0.0, 0.0] * 9, dtype))
    assert (got == 0).all() and np.signbit(got).tolist() == [True, False] * 9


def special(dtype: str) -> np.ndarray:
    info = np.finfo(dtype)
    positive = [0.0, info.smallest_subnormal, info.tiny, 1.0, info.max, np.inf]
    return np.array([*positive, *(-x for x in positive), np.nan], dtype)


@by_type
@by_function
def test_special_values(name: str, dtype: str) -> None:
    x = special(dtype)
    wanted = exact(name, x).astype(dtype)
    np.testing.assert_array_max_ulp(compiled(name, x), wanted, 1)
    np.testing.assert_array_equal(
        compiled(name, x)[~np.isfinite(wanted) | (wanted == 0)], wanted[~np.isfinite(wanted) | (wanted == 0)]
    )


@by_type
@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf"])
def test_minus_zero_stays(name: str, dtype: str) -> None:
    got = compiled(name, np.array([-0.0, 0.0] * 9, dtype))
    assert (got == 0).all() and np.signbit(got).tolist() == [True, False] * 9


@by_type
def test_exp_overflows_and_vanishes_where_the_type_does(dtype: str) -> None:
    info = np.finfo(dtype)
    edge = np.log(info.max)
    below, above = np.nextafter(edge, info.dtype.type(0)), np.nextafter(edge, info.max) + 4 * np.spacing(edge)
    got = compiled("exp", np.array([below, above, 1e4, np.inf, -1e4, -np.inf], dtype))
    assert np.isfinite(got[0])
    np.testing.assert_array_equal(got[1:], [np.inf, np.inf, np.inf, 0, 0])


@by_type
def test_special_powers(dtype: str) -> None:
    """Zeros, infinities, NaN, whole and broken exponents, all pairs but those that the module names."""
    exponents = np.array([0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e30], dtype)
    x, y = (side.ravel() for side in np.meshgrid(flushed(special(dtype), np.finfo(dtype).tiny), exponents))
    kept = ~(np.signbit(x) & ((x == 0) | np.isinf(x)))
    x, y = x[kept], y[kept]
    with np.errstate(all="ignore"):
        wanted = flushed(np.power(x, y), np.finfo(dtype).tiny)
    np.testing.assert_allclose(compiled("power", x, y), wanted, rtol=1e-6 if dtype == "float32" else 1e-12, atol=0)


@by_function
def test_lanes_and_single_elements_agree(name: str) -> None:
    """One element for all, or 16 at a time, in the same bits."""
    x = np.array([0.3, 0.7, 1.9, 5.0], "float32")
    together = compiled(name, x)
    for k, one in enumerate(x):
        assert compiled(name, np.array(one)).tobytes() == together[k].tobytes()
