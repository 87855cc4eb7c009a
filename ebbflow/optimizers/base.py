"""Optimizer: how weights follow their gradients."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor
from ..core.variable import Variable
from ..functions.hyperparameter import Hyperparameter, held_by, number
from ..ops.elementwise import cast

__all__ = ["Optimizer", "as_type_of", "fraction", "positive"]


def fraction() -> Hyperparameter:
    """A hyperparameter in [0, 1)."""
    return Hyperparameter("a number from 0 up to, but not including, 1", lambda value: 0.0 <= value < 1.0)


def positive() -> Hyperparameter:
    """A hyperparameter of 0 or more."""
    return Hyperparameter("a number of 0 or more", lambda value: value >= 0.0)


class Optimizer:
    """Base of optimizers: a subclass defines `update_step`, its paper's formula for one weight.

        class Momentum(ebbflow.optimizers.Optimizer):
            slot_names = ("momentum",)

            def update_step(self, gradient, variable, learning_rate):
                momentum = self.slot(variable, "momentum")
                momentum.assign(0.9 * momentum - learning_rate * gradient)
                variable.assign_add(momentum)

    Parameters:
        learning_rate: step size.
        name: as printed.

    Attributes:
        learning_rate: a float64 variable; set it with `=` or `.assign`. So is every Hyperparameter of a subclass.
        iterations: int64 variable, how many updates were made.
        slot_names: what is remembered for each weight, beginning at 0.
        built: whether `build` has run. optimized: the weights it was built for.

    Scalars are computed in float64 and take the weight's type where they meet it.
    """

    learning_rate = positive()
    slot_names: tuple[str, ...] = ()

    def __init__(self, learning_rate: float, name: str | None = None):
        self.name = name or type(self).__name__.lower()
        self.learning_rate = learning_rate
        self.iterations = Variable(np.int64(0), trainable=False, name=f"{self.name}/iterations")
        self.optimized: list[Variable] = []
        self.built = False
        self._slots: dict[tuple[Variable, str], Variable] = {}

    # what a subclass writes

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Assign the variable its new value; the gradient and the learning rate have the variable's type."""
        raise NotImplementedError(f"{type(self).__name__}: define update_step(self, gradient, variable, learning_rate)")

    def slot(self, variable: Variable, name: str) -> Variable:
        """What is remembered under a name for a weight."""
        return self._slots[variable, name]

    def add_variable_from_reference(self, variable: Variable, name: str) -> Variable:
        """A new slot `{variable.name}/{name}`, zeros of the weight's shape and type."""
        zeros = np.zeros(variable.shape, variable.dtype)
        self._slots[variable, name] = Variable(zeros, trainable=False, name=f"{variable.name}/{name}")
        return self._slots[variable, name]

    # use

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of these weights; those that exist are kept."""
        known = set(self.optimized)
        for variable in variables:
            if variable in known:
                continue
            self.optimized.append(variable)
            for name in self.slot_names:
                self.add_variable_from_reference(variable, name)
        self.built = True

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """One update from pairs of gradient and weight, as from `zip(gradients, weights)`."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """One update of the weights, by default of those that it was built for.

        A weight whose gradient is None is left as it is, with a warning.
        Raises ArgumentError when there are not as many gradients as weights, or when all gradients are None.
        """
        variables = self.optimized if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables):
            raise ArgumentError(f"{self.name}: expected {len(variables)} gradients, one per weight, got {len(grads)}")
        pairs = self._with_gradients(list(zip(grads, variables, strict=True)))
        self.build(variables)
        for gradient, variable in pairs:
            gradient = cast(as_tensor(gradient), variable.dtype)
            self.update_step(gradient, variable, cast(self.learning_rate.value, variable.dtype))
        self.iterations.assign_add(1)

    def _with_gradients(self, pairs: list[tuple[Any, Variable]]) -> list[tuple[Any, Variable]]:
        missing = ", ".join(variable.name for gradient, variable in pairs if gradient is None)
        found = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
        if not found:
            raise ArgumentError(
                f"{self.name}: expected a gradient for at least one weight, got none for {missing or 'no weights'}; "
                "does the loss depend on them, and was it computed inside the tape?"
            )
        if missing:
            warnings.warn(f"{self.name}: no gradient for {missing}; left as they are", stacklevel=4)
        return found

    def _refuse(self, value: Any) -> None:
        raise ArgumentError(
            f"{self.name}: expected the step size as learning_rate, got lr; set learning_rate = {value}"
        )

    lr = property(fset=_refuse)  # an attribute of one's own would change nothing

    @property
    def variables(self) -> list[Variable]:
        """`iterations`, then the slots, weight by weight."""
        return [self.iterations, *self._slots.values()]

    @property
    def hyperparameters(self) -> list[Variable]:
        """The scalars that a compiled program reads when it runs."""
        return list(held_by(self).values())

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal optimizer without memory, as plain JSON values."""
        values = {name: number(variable) for name, variable in held_by(self).items()}
        return {"name": self.name, **values}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Optimizer":
        """An optimizer from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.get_config()}>"


def as_type_of(variable: Variable, scalar: Any) -> Tensor:
    """A float64 scalar in the weight's type."""
    return cast(as_tensor(scalar), variable.dtype)
