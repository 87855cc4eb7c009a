"""Schedules made of half cosines, with warm-up, restarts, or one cycle up and down."""

import math
from typing import Any

from ...core.tensor import Tensor
from ...functions import array
from ...functions.arguments import expect, expect_integer, is_number
from ...functions.bounds import above_zero, not_negative, true_share
from .base import NumbersSchedule

__all__ = ["CosineDecay", "CosineDecayRestarts", "OneCycle"]


class CosineDecay(NumbersSchedule):
    """Half a cosine from the initial rate down to alpha times it in decay_steps steps, after a linear warm-up.

        rate = peak ((1 - alpha) (1 + cos(pi p)) / 2 + alpha),  p = min(step - warmup_steps, decay_steps) / decay_steps
        rate = initial_learning_rate + (warmup_target - initial_learning_rate) step / warmup_steps    while warming up

    The peak is warmup_target; where that is None there is no warm-up and the peak is initial_learning_rate.

    Parameters:
        initial_learning_rate, warmup_target: of 0 or more.
        decay_steps: above 0, not counting the warm-up.
        alpha: the lowest rate as a share of the peak, of 0 or more.
        name: as printed.
        warmup_steps: of 0 or more.

    Source: Loshchilov, Hutter (2017), "SGDR: Stochastic gradient descent with warm restarts".
    """

    initial_learning_rate, decay_steps, alpha = not_negative(), above_zero(), not_negative()
    warmup_target, warmup_steps = not_negative(optional=True), not_negative()

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ):
        super().__init__(name)
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> Tensor:
        step = array.cast(step, "float64")
        if self.warmup_target is None:
            return self._decayed(self.initial_learning_rate, step)
        share = step / array.maximum(self.warmup_steps, 1.0)  # unused where warmup_steps is 0
        warming = self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * share
        decayed = self._decayed(self.warmup_target, step - self.warmup_steps)
        return array.where(step < self.warmup_steps, warming, decayed)

    def _decayed(self, peak: Any, step: Tensor) -> Tensor:
        done = array.clip(step / self.decay_steps, 0.0, 1.0)
        return peak * ((1.0 - self.alpha) * _half_cosine(done) + self.alpha)


class CosineDecayRestarts(NumbersSchedule):
    """CosineDecay again and again: period i has first_decay_steps t_mul^i steps and begins at m_mul^i times the rate.

        rate = initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(pi p)) / 2 + alpha),  p the done share of period i

    Parameters:
        initial_learning_rate: of 0 or more.
        first_decay_steps: above 0.
        t_mul: of 1 or more; written into the compiled code.
        m_mul: above 0.
        alpha: of 0 or more.
        name: as printed.

    Source: Loshchilov, Hutter (2017), "SGDR: Stochastic gradient descent with warm restarts".
    """

    initial_learning_rate, first_decay_steps, m_mul, alpha = not_negative(), above_zero(), above_zero(), not_negative()
    _plain = ("t_mul",)

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        expect(is_number(t_mul) and t_mul >= 1, type(self).__name__, "t_mul", "a number of 1 or more", t_mul)
        super().__init__(name)
        self.t_mul = float(t_mul)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.m_mul, self.alpha = m_mul, alpha

    def __call__(self, step: Any) -> Tensor:
        step = array.cast(step, "float64")
        done = step / self.first_decay_steps
        # a millionth of a step later, so that rounding does not move a restart to the next step
        later = (step + 1e-6) / self.first_decay_steps
        if self.t_mul == 1.0:
            period = array.floor(later)
            share = done - period
        else:  # the sum of i periods is (t^i - 1) / (t - 1)
            t = self.t_mul
            period = array.floor(array.log(1.0 + later * (t - 1.0)) / math.log(t))
            length = array.exp(period * math.log(t))
            share = (done - (length - 1.0) / (t - 1.0)) / length
        cosine = self.m_mul**period * _half_cosine(array.clip(share, 0.0, 1.0))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)


class OneCycle(NumbersSchedule):
    """Up along half a cosine from max / div_factor to max, then down to max / div_factor / final_div_factor.

    Not in Keras; the meaning is that of PyTorch's OneCycleLR. The top is at step warmup_fraction total_steps - 1, the
    lowest rate at step total_steps - 1 and after it.

    Parameters:
        max_learning_rate: of 0 or more.
        total_steps: of the whole training, at least 2.
        warmup_fraction: share of the steps that go up, above 0 and below 1; it must be more than one step.
        div_factor, final_div_factor: above 0.
        name: as printed.

    Source: Smith (2018), "A disciplined approach to neural network hyper-parameters, part 1".
    """

    max_learning_rate, div_factor, final_div_factor = not_negative(), above_zero(), above_zero()
    warmup_fraction = true_share()
    _plain = ("total_steps",)

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        warmup_fraction: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        name: str = "OneCycle",
    ):
        super().__init__(name)
        self.total_steps = expect_integer(type(self).__name__, "total_steps", total_steps, 2)
        self.max_learning_rate, self.warmup_fraction = max_learning_rate, warmup_fraction
        self.div_factor, self.final_div_factor = div_factor, final_div_factor

    def __call__(self, step: Any) -> Tensor:
        step, top = array.cast(step, "float64"), self.warmup_fraction * float(self.total_steps) - 1.0
        low = self.max_learning_rate / self.div_factor
        rising = _half_cosine(1.0 - array.clip(step / array.maximum(top, 1e-9), 0.0, 1.0))
        falling = _half_cosine(array.clip((step - top) / (self.total_steps - 1.0 - top), 0.0, 1.0))
        upward, downward = low, low / self.final_div_factor
        floor = array.where(step <= top, upward, downward)
        return floor + (self.max_learning_rate - floor) * array.where(step <= top, rising, falling)


def _half_cosine(x: Tensor) -> Tensor:
    """(1 + cos(pi x)) / 2 for x in [0, 1], as (1 - sin u) / 2 with u = pi (x - 1/2) and the series of the sine."""
    u = (x - 0.5) * math.pi
    square, series = u * u, 0.0 * u
    for power in range(21, 0, -2):
        series = series * square + (-1.0) ** (power // 2) / math.factorial(power)
    return array.clip(0.5 - 0.5 * u * series, 0.0, 1.0)
