"""Schedules that fall by powers, quotients, polynomials and steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...functions import array
from ...functions.arguments import expect, is_number
from ...functions.bounds import above_zero, not_negative
from ...functions.naming import expect_flag
from .base import NumbersSchedule

__all__ = ["ExponentialDecay", "InverseTimeDecay", "PiecewiseConstantDecay", "PolynomialDecay", "StepDecay"]


class ExponentialDecay(NumbersSchedule):
    """rate = initial_learning_rate decay_rate^(step / decay_steps); staircase: floor(step / decay_steps).

    Parameters:
        initial_learning_rate: of 0 or more.
        decay_steps: in how many steps the rate is multiplied by decay_rate, above 0.
        decay_rate: above 0.
        staircase: whether to change at multiples of decay_steps only.
        name: as printed.
    """

    initial_learning_rate, decay_steps, decay_rate = not_negative(), above_zero(), above_zero()
    _plain = ("staircase",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        super().__init__(name)
        self.staircase = expect_flag(type(self).__name__, "staircase", staircase)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate

    def __call__(self, step: Any) -> Tensor:
        done = array.cast(step, "float64") / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (array.floor(done) if self.staircase else done)


class StepDecay(NumbersSchedule):
    """rate = initial_learning_rate drop^floor(step / drop_steps): a drop by a factor every so many steps. Not in Keras.

    Parameters:
        initial_learning_rate: of 0 or more.
        drop_steps: steps between two drops, above 0.
        drop: the factor, above 0.
        name: as printed.
    """

    initial_learning_rate, drop_steps, drop = not_negative(), above_zero(), above_zero()

    def __init__(self, initial_learning_rate: float, drop_steps: float, drop: float = 0.5, name: str = "StepDecay"):
        super().__init__(name)
        self.initial_learning_rate, self.drop_steps, self.drop = initial_learning_rate, drop_steps, drop

    def __call__(self, step: Any) -> Tensor:
        drops = array.floor(array.cast(step, "float64") / self.drop_steps)
        return self.initial_learning_rate * self.drop**drops


class InverseTimeDecay(NumbersSchedule):
    """rate = initial_learning_rate / (1 + decay_rate step / decay_steps); staircase: floor(step / decay_steps).

    Parameters:
        initial_learning_rate, decay_rate: of 0 or more.
        decay_steps: above 0.
        staircase: whether to change at multiples of decay_steps only.
        name: as printed.
    """

    initial_learning_rate, decay_steps, decay_rate = not_negative(), above_zero(), not_negative()
    _plain = ("staircase",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        super().__init__(name)
        self.staircase = expect_flag(type(self).__name__, "staircase", staircase)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate

    def __call__(self, step: Any) -> Tensor:
        done = array.cast(step, "float64") / self.decay_steps
        return self.initial_learning_rate / (1.0 + self.decay_rate * (array.floor(done) if self.staircase else done))


class PolynomialDecay(NumbersSchedule):
    """From initial_learning_rate to end_learning_rate in decay_steps steps.

        rate = (initial_learning_rate - end_learning_rate) (1 - p)^power + end_learning_rate
        p = min(step, decay_steps) / decay_steps
        p = step / (decay_steps max(1, ceil(step / decay_steps)))    cycle: the rate rises again after each decay

    Parameters:
        initial_learning_rate, end_learning_rate, power: of 0 or more.
        decay_steps: above 0.
        cycle: whether to go on after decay_steps.
        name: as printed.
    """

    initial_learning_rate, end_learning_rate = not_negative(), not_negative()
    decay_steps, power = above_zero(), not_negative()
    _plain = ("cycle",)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        super().__init__(name)
        self.cycle = expect_flag(type(self).__name__, "cycle", cycle)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power = end_learning_rate, power

    def __call__(self, step: Any) -> Tensor:
        done = array.cast(step, "float64") / self.decay_steps
        done = done / array.maximum(array.ceil(done), 1.0) if self.cycle else array.minimum(done, 1.0)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * (1.0 - done) ** self.power + self.end_learning_rate


class PiecewiseConstantDecay(NumbersSchedule):
    """values[0] up to and including step boundaries[0], then values[1] up to boundaries[1], and so on.

    Parameters:
        boundaries: step numbers, rising.
        values: learning rates of 0 or more, one more than boundaries.
        name: as printed.

    Raises ArgumentError where their numbers or order do not fit.
    """

    _plain = ("boundaries", "values")

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        super().__init__(name)
        owner = type(self).__name__
        steps, rates = _numbers_of(boundaries), _numbers_of(values)
        rising = sorted(set(steps)) == steps
        expect(rising and bool(steps), owner, "boundaries", "rising step numbers", boundaries)
        fits = len(rates) == len(steps) + 1 and min(rates) >= 0.0
        expect(fits, owner, "values", f"{len(steps) + 1} numbers of 0 or more", values)
        self.boundaries, self.values = steps, rates

    def __call__(self, step: Any) -> Tensor:
        step = array.cast(step, "float64")
        rate = array.cast(np.float64(self.values[0]), "float64")
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = array.where(step > float(boundary), float(value), rate)
        return rate


def _numbers_of(given: Any) -> list[float]:
    """A sequence of finite numbers as a list, and an empty one for anything else."""
    several = isinstance(given, (list, tuple, np.ndarray)) and all(is_number(one) for one in given)
    return np.asarray(given).tolist() if several else []
