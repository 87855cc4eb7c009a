"""Random tensors as functions of a state: (seed, member, purpose, step) as uint32[4].

Interpreted and compiled code draw the same numbers, and a saved state continues where it stopped.
"""

import contextlib
import math
import random as _python_random
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.aval import Aval, floatx
from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor, eagerly
from ..core.variable import Deferred, Variable
from ..ops.elementwise import cast, equal, greater_equal, log, minimum, shift_right, sqrt, where
from ..ops.movement import broadcast_to, zeros_like
from ..ops.random import random_bits
from .arguments import expect_integer

__all__ = ["SeedGenerator", "dropout", "normal", "permutation", "set_random_seed", "truncated_normal", "uniform"]

_LARGEST = 2**32 - 1


class _Session:
    """The seed of generators that are made without one, and how many there were."""

    seed: int | None = None
    count = 0
    default: "SeedGenerator | None" = None


def set_random_seed(seed: int) -> None:
    """Let every generator made from here on follow from this seed (0 to 2^32 - 1); also seeds Python's and NumPy's.

    Without it, seeds come from the operating system. Raises ArgumentError for any other seed.
    """
    _Session.seed, _Session.count, _Session.default = _checked_seed("set_random_seed", seed), 0, None
    _python_random.seed(seed)
    np.random.seed(seed)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside this context all is as after `set_random_seed(seed)`; then it is as it was before."""
    session = _Session.seed, _Session.count, _Session.default
    others = _python_random.getstate(), np.random.get_state(legacy=False)
    waiting = np.random.get_bit_generator()  # to let it wait takes less time than to write its state back
    used = _spare.pop() if _spare else np.random.MT19937(0)
    np.random.set_bit_generator(used)
    try:
        set_random_seed(seed)
        yield
    finally:
        _Session.seed, _Session.count, _Session.default = session
        _python_random.setstate(others[0])
        np.random.set_bit_generator(waiting)
        if others[1]["has_gauss"]:  # half of a pair of normal numbers, which is no part of the generator
            np.random.set_state(others[1])
        _spare.append(used)


_spare: list[np.random.MT19937] = []  # for NumPy's global functions while another one waits


def _checked_seed(owner: str, seed: Any) -> int:
    seed = expect_integer(owner, "seed", seed, 0)
    if seed > _LARGEST:
        raise ArgumentError(f"{owner}: expected a seed below 2^32, got {seed}")
    return seed


def _session_seed() -> int:
    if _Session.seed is None:
        _Session.seed = secrets.randbits(32)
    return _Session.seed


class SeedGenerator:
    """A stream of states, each of which gives one tensor of random numbers.

    Parameters:
        seed: 0 to 2^32 - 1; equal seeds give equal streams. By default a stream of its own under `set_random_seed`.

    Attributes: state, the variable uint32[4] = (seed, member, purpose, step). Raises ArgumentError for a bad seed.
    """

    def __init__(self, seed: int | None = None, name: str = "seed_generator"):
        if seed is None:
            _Session.count += 1
            words = [_session_seed(), 0, _Session.count & _LARGEST, 0]
        else:
            words = [_checked_seed("SeedGenerator", seed), 0, 0, 0]
        self.name = name
        self.state = Variable(np.array(words, np.uint32), trainable=False, name=f"{name}/state")

    def next(self) -> Tensor:
        """The present state; the generator moves on by one step."""
        state = self.state.value
        self.state.assign(state + _ONE_STEP if state.is_traced else Tensor(state.numpy() + _ONE_STEP.numpy()))
        return state


_ONE_STEP = Tensor(np.array([0, 0, 0, 1], np.uint32))


def _default_generator() -> SeedGenerator:
    if _Session.default is None:
        generator = SeedGenerator(0, name="default_seed_generator")
        with eagerly():
            generator.state.assign(np.array([_session_seed(), 0, _LARGEST, 0], np.uint32))
        _Session.default = generator
    return _Session.default


def state_from(seed: "int | SeedGenerator | None") -> Tensor:
    """The state that a `seed` argument means: the same for the same number, the next one of a generator."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return _default_generator().next()
    return Tensor(np.array([_checked_seed("random", seed), 0, 0, 0], np.uint32))


def _shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)


def _shifted(state: Tensor, shape: tuple[int, ...], places: int) -> Tensor:
    bits = random_bits(state, shape)
    return shift_right(bits, broadcast_to(Tensor(np.array(places, np.uint32)), shape))


def uniform(
    shape: int | Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Numbers of equal probability in [minval, maxval), of 24 random bits each.

    Parameters:
        dtype: float32 or float64, by default `floatx()`.
        seed: a number (the same values at every call), a SeedGenerator, or None for the session's own.
    """
    return Uniform(shape, minval, maxval, dtype, seed).compute()


class Uniform(Deferred):
    """What `uniform` returns, not drawn before it is needed: the numbers follow from the state that it takes now.

    Attributes:
        rule: all that the numbers follow from but the state.
        state: uint32[4], as of SeedGenerator.
    """

    def __init__(
        self, shape: int | Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
    ):
        self.aval = Aval(_shape(shape), np.dtype(dtype or floatx()))
        self.rule = self.aval, minval, maxval
        self.state = state_from(seed)

    def compute(self) -> Tensor:
        return self.of(self.state)

    def of(self, state: Tensor) -> Tensor:
        """The numbers for this state; rounded nowhere but in the last two operations, so everywhere the same bits."""
        aval, minval, maxval = self.rule
        unit = cast(_shifted(state, aval.shape, 8), aval.dtype) * 2.0**-24
        return unit * (maxval - minval) + minval


def _symmetric(state: Tensor, shape: tuple[int, ...]) -> Tensor:
    """float32 in (-1, 1), neither end included: the odd multiples of 2^-23, which floats hold exactly."""
    return (cast(_shifted(state, shape, 9), "float32") + 0.5) * 2.0**-22 - 1.0


# Giles' polynomials in w - 2.5 for the centre (w < 5) and in sqrt(w) - 3 for the tails, highest power first.
_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 2.1858087e-04, -1.25372503e-03)
_CENTRE += (-4.17768164e-03, 2.46640727e-01, 1.50140941e00)
_TAIL = (-2.00214257e-04, 1.00950558e-04, 1.34934322e-03, -3.67342844e-03, 5.73950773e-03, -7.6224613e-03)
_TAIL += (9.43887047e-03, 1.00167406e00, 2.83297682e00)


def _polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    result = zeros_like(x) + coefficients[0]
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def inverse_error_function(x: Tensor) -> Tensor:
    """y with erf(y) = x for float32 x in (-1, 1), to about 2e-7 relative.

    Source: Giles (2010), "Approximating the erfinv function".
    """
    w = -log((1.0 - x) * (1.0 + x))
    centre = _polynomial(_CENTRE, w - 2.5)
    # the square root of a positive number in both branches, so that neither makes a NaN
    tail = _polynomial(_TAIL, sqrt(where(w < 5.0, zeros_like(w) + 5.0, w)) - 3.0)
    return where(w < 5.0, centre, tail) * x


def normal(
    shape: int | Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Normally distributed numbers, mean + stddev * sqrt(2) * erf^-1(u) with u uniform in (-1, 1).

    Computed in float32 from 23 random bits each, whatever the dtype (float32 or float64, by default `floatx()`).
    `seed` as for `uniform`.
    """
    standard = inverse_error_function(_symmetric(state_from(seed), _shape(shape))) * math.sqrt(2.0)
    return cast(standard, dtype or floatx()) * stddev + mean


def truncated_normal(
    shape: int | Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Tensor:
    """Numbers of the normal distribution cut off at two standard deviations; arguments as for `normal`."""
    within = _symmetric(state_from(seed), _shape(shape)) * math.erf(math.sqrt(2.0))
    standard = inverse_error_function(within) * math.sqrt(2.0)
    return cast(standard, dtype or floatx()) * stddev + mean


def dropout(inputs: Any, rate: Any, noise_shape: Sequence[int] | None = None, seed: Any = None) -> Tensor:
    """Each element is zero with probability `rate`, else x / (1 - rate), so that the expected value is kept.

    Parameters:
        rate: a number, or a scalar tensor or variable, in [0, 1]; 1 leaves zeros.
        noise_shape: the shape of the mask, which is broadcast; by default that of the inputs.
        seed: as for `uniform`.

    Source: Srivastava et al. (2014), "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".
    """
    x = as_tensor(inputs)
    rate = cast(as_tensor(rate), "float64")
    shape = x.shape if noise_shape is None else _shape(noise_shape)
    bits = random_bits(state_from(seed), shape)
    kept, nothing = 1.0 - rate, zeros_like(rate)
    scale = where(equal(kept, nothing), nothing, 1.0 / where(equal(kept, nothing), nothing + 1.0, kept))
    threshold = cast(minimum(rate * 2.0**32, nothing + (2.0**32 - 1.0)), "uint32")
    keep = broadcast_to(greater_equal(bits, broadcast_to(threshold, shape)), x.shape)
    scaled = x * cast(scale, x.dtype)
    return where(keep, scaled, zeros_like(x))


def permutation(state: Any, n: int) -> np.ndarray:
    """The order in which n rows are visited: p[i] and p[(w_i (i + 1)) >> 32] are swapped for i = n - 1 to 1.

    Parameters:
        state: uint32[4] that determines the order; w = random_bits(state, (n,)).

    Returns int64[n]. Source: Durstenfeld (1964), "Algorithm 235: Random permutation"; Lemire (2019), "Fast Random
    Integer Generation in an Interval".
    """
    with eagerly():
        words = random_bits(as_tensor(state), (n,)).numpy().astype(np.uint64)
    others = (words * np.arange(1, n + 1, dtype=np.uint64) >> np.uint64(32)).tolist()
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = others[i]
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.int64)
