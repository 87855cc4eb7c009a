"""Draws: the first weights of members, drawn by native code where the members are trained."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...compile import Step
from ...core.tensor import trace
from ...core.variable import Deferred, Filled, Variable
from ...functions.random import Uniform

__all__ = ["Draws", "computed", "follows", "is_zero"]


def computed(value: np.ndarray | Deferred) -> np.ndarray:
    """A value, or what was promised to be one."""
    return value.compute().numpy() if isinstance(value, Deferred) else value


def is_zero(value: np.ndarray | Deferred) -> bool:
    """Whether a value was promised to be 0 everywhere."""
    return isinstance(value, Filled) and value.number == 0.0


def follows(value: Any, rule: Any) -> bool:
    """Whether a value was promised by this rule of a `Uniform`."""
    return isinstance(value, Uniform) and value.rule == rule


class Draws:
    """A step of a program that draws what the variables of its first model were promised, from states of its own.

    Parameters: the variables of the model, as `variables_of` lists them.

    Attributes:
        rules: for each place among the variables whose value is drawn, the rule of the first model's.
        states: for each of these places, uint32[4], to be set to the member's.
    """

    def __init__(self, variables: Sequence[Variable]):
        # kept here, as the variables may be given values by who trains the first member meanwhile
        self._promised = {
            place: (variable, variable.deferred)
            for place, variable in enumerate(variables)
            if isinstance(variable.deferred, Uniform)
        }
        self.rules = {place: promised.rule for place, (_, promised) in self._promised.items()}
        self.states = {place: Variable(np.zeros(4, np.uint32), trainable=False, name="draw") for place in self.rules}

    def step(self) -> Step:
        """The step; it assigns the variables."""

        def draw() -> None:
            for place, (variable, promised) in self._promised.items():
                variable.assign(promised.of(self.states[place].value))

        return Step(trace(draw, [], "draw"))
