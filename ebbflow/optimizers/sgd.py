"""Gradient descent, plain, with momentum, or with Nesterov's."""

from typing import Any

from ..core.errors import ArgumentError
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions.hyperparameter import number
from .base import Optimizer, as_type_of, fraction

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent.

        w <- w - lr g                                  momentum = 0
        m <- momentum m - lr g;  w <- w + m
        m <- momentum m - lr g;  w <- w + momentum m - lr g     nesterov

    Parameters:
        learning_rate: lr, of 0 or more.
        momentum: in [0, 1).
        nesterov: whether to look ahead along the momentum.
        name: as printed.

    Whether there is a momentum is decided when the optimizer is built; changing it from 0 later raises ArgumentError.
    Sources: Polyak (1964), "Some methods of speeding up the convergence of iteration methods"; Sutskever, Martens,
    Dahl, Hinton (2013), "On the importance of initialization and momentum in deep learning".
    """

    momentum = fraction()

    def __init__(
        self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False, name: str | None = None
    ):
        super().__init__(learning_rate, name)
        self.momentum = momentum
        self.nesterov = bool(nesterov)

    def build(self, variables: Any) -> None:
        if not self.built and number(self.momentum) != 0.0:
            self.slot_names = ("momentum",)
        super().build(variables)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        step = learning_rate * gradient
        if not self.slot_names:
            require_none(self, "momentum")
            variable.assign_sub(step)
            return
        m, momentum = self.slot(variable, "momentum"), as_type_of(variable, self.momentum)
        m.assign(momentum * m - step)
        variable.assign_add(momentum * m - step if self.nesterov else m)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"nesterov": self.nesterov}


def require_none(optimizer: Optimizer, name: str) -> None:
    """Raise ArgumentError if a hyperparameter that was 0 when the slots were made is not 0 any more."""
    if number(getattr(optimizer, name)) != 0.0:
        raise ArgumentError(
            f"{optimizer.name}: {name} was 0 when the optimizer was built, so nothing was remembered; make a new "
            f"optimizer with this {name}"
        )
