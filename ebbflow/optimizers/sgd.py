"""Gradient descent, plain, with momentum, or with Nesterov's."""

from collections.abc import Sequence
from typing import Any

from ..core.errors import ArgumentError
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.bounds import share_below_one
from ..functions.hyperparameter import number
from ..functions.naming import expect_flag
from .arguments import with_common
from .base import Optimizer, as_type_of
from .clipping import global_norm

__all__ = ["SGD", "NormalizedSGD"]


class SGD(Optimizer):
    """Stochastic gradient descent.

        w <- w - lr g                                  momentum = 0
        m <- momentum m - lr g;  w <- w + m
        m <- momentum m - lr g;  w <- w + momentum m - lr g     nesterov

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        momentum: in [0, 1).
        nesterov: whether to look ahead along the momentum.
        weight_decay ... name: as of Optimizer.

    Whether there is a momentum is decided when the optimizer is built; changing it from 0 later raises ArgumentError.
    Sources: Polyak (1964), "Some methods of speeding up the convergence of iteration methods"; Sutskever, Martens,
    Dahl, Hinton (2013), "On the importance of initialization and momentum in deep learning".
    """

    momentum = share_below_one()

    @with_common(Optimizer.__init__)
    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **common: Any):
        super().__init__(learning_rate, **common)
        self.momentum = momentum
        self.nesterov = expect_flag("SGD", "nesterov", nesterov)

    def choose_slots(self) -> tuple[str, ...]:
        return ("momentum",) if number(self.momentum) != 0.0 else ()

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        step = learning_rate * gradient
        if "momentum" not in self.slot_names:
            require_none(self, "momentum")
            variable.assign_sub(step)
            return
        m, momentum = self.slot(variable, "momentum"), as_type_of(variable, self.momentum)
        m.assign(momentum * m - step)
        variable.assign_add(momentum * m - step if self.nesterov else m)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"nesterov": self.nesterov}


class NormalizedSGD(Optimizer):
    """Gradient descent by steps of one length: w <- w - lr g / |g|, |g| the norm over all weights together.

    Not in Keras. Where g = 0 nothing moves.

    Parameters:
        learning_rate: lr, the length of a step, of 0 or more, or a schedule.
        weight_decay ... name: as of Optimizer.

    Source: Nesterov (1984), "Minimization methods for nonsmooth convex and quasiconvex functions".
    """

    @with_common(Optimizer.__init__)
    def __init__(self, learning_rate: Any = 0.01, **common: Any):
        super().__init__(learning_rate, **common)

    def update_steps(self, gradients: Sequence[Tensor], variables: Sequence[Variable], loss: Any) -> None:
        rate = array.divide_no_nan(self.learning_rate, array.cast(global_norm(gradients), "float64"))
        for gradient, variable in zip(gradients, variables, strict=True):
            variable.assign_sub(as_type_of(variable, rate) * gradient)


def require_none(optimizer: Optimizer, name: str) -> None:
    """Raise ArgumentError if a hyperparameter that was 0 when the slots were made is not 0 any more."""
    if number(getattr(optimizer, name)) != 0.0:
        raise ArgumentError(
            f"{optimizer.name}: {name} was 0 when the optimizer was built, so nothing was remembered; make a new "
            f"optimizer with this {name}"
        )
