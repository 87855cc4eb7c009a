"""Draws: the first weights of members, drawn by native code where the members are trained."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...compile import Step
from ...core.tensor import trace
from ...core.variable import Deferred, Variable
from ...functions.random import Uniform

__all__ = ["Draws", "computed"]


def computed(value: np.ndarray | Deferred) -> np.ndarray:
    """A value, or what was promised to be one."""
    return value.compute().numpy() if isinstance(value, Deferred) else value


class Draws:
    """A step of a program that draws what the variables of its first model were promised, from states of its own.

    Parameters: the variables of the model, as `variables_of` lists them.

    Attributes:
        states: for each place among the variables whose value is drawn, uint32[4], to be set to the member's.
    """

    def __init__(self, variables: Sequence[Variable]):
        promised = {place: variable for place, variable in enumerate(variables) if variable.deferred is not None}
        self._rules = {
            place: variable.deferred.rule
            for place, variable in promised.items()
            if isinstance(variable.deferred, Uniform)
        }
        self.states = {place: Variable(np.zeros(4, np.uint32), trainable=False, name="draw") for place in self._rules}
        self._variables = variables

    def step(self) -> Step:
        """The step; it assigns the variables."""

        def draw() -> None:
            for place, state in self.states.items():
                variable = self._variables[place]
                assert isinstance(variable.deferred, Uniform)
                variable.assign(variable.deferred.of(state.value))

        return Step(trace(draw, [], "draw"))

    def makes(self, place: int, value: Any) -> bool:
        """Whether the step draws a value that was promised for this place: it has the rule of the first model's."""
        return place in self._rules and isinstance(value, Uniform) and value.rule == self._rules[place]
