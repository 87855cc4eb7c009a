"""What a schedule is: the learning rate as a formula of the number of steps made so far, traced into the step."""

from typing import Any

from ...core.errors import ArgumentError
from ...core.tensor import Tensor
from ...functions import array
from ...functions.hyperparameter import Hyperparameter, held_by, number
from ...functions.naming import expect_name

__all__ = ["LearningRateSchedule", "NumbersSchedule", "value_at"]


class LearningRateSchedule:
    """Base of schedules: a subclass defines `__call__(step)`, its formula.

        class Root(ebbflow.optimizers.schedules.LearningRateSchedule):
            def __init__(self, initial):
                self.initial = initial

            def __call__(self, step):
                return self.initial / ebbflow.ops.sqrt(step + 1.0)

            def get_config(self):
                return {"initial": self.initial}

    step is a tensor of one whole number, how many steps the optimizer made before this one; the result is the learning
    rate. The formula becomes part of the compiled program; those of its numbers that are `Hyperparameter`s, as in the
    schedules below, are read when it runs, so that changing them compiles nothing.
    """

    name: str

    def __call__(self, step: Any) -> Tensor:
        """The learning rate of a step."""
        raise NotImplementedError(f"{type(self).__name__}: define __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal schedule, as plain JSON values."""
        if type(self).__init__ is object.__init__:
            return {}
        raise NotImplementedError(f"{type(self).__name__}: define get_config(self) to save it")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRateSchedule":
        """A schedule from what `get_config` returned."""
        return cls(**config)


def value_at(schedule: LearningRateSchedule, step: Any) -> Tensor:
    """The learning rate of a step as a float64 number; raises ArgumentError if the schedule gives something else."""
    rate = array.cast(schedule(step), "float64")
    if rate.shape != ():
        raise ArgumentError(f"{type(schedule).__name__}: expected one number as the learning rate, got {rate.aval}")
    return rate


class NumbersSchedule(LearningRateSchedule):
    """A schedule whose numbers are hyperparameters; what else its constructor takes stands in `_plain`."""

    _plain: tuple[str, ...] = ()

    def __init__(self, name: str | None):
        owner = type(self).__name__
        self.name = expect_name(owner, name) or owner

    def get_config(self) -> dict[str, Any]:
        numbers = {name: None if getattr(self, name) is None else number(getattr(self, name)) for name in held_by(self)}
        absent = {name: None for name, kind in vars(type(self)).items() if isinstance(kind, Hyperparameter)}
        return {"name": self.name, **absent, **numbers, **{name: getattr(self, name) for name in self._plain}}
