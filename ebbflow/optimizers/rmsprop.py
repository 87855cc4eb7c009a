"""RMSprop: every weight's step divided by the recent size of its gradient."""

from typing import Any

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.bounds import not_negative, share_below_one
from ..functions.hyperparameter import number
from ..functions.naming import expect_flag
from .arguments import with_common
from .base import Optimizer, as_type_of
from .sgd import require_none

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Root mean square propagation.

        v <- rho v + (1 - rho) g^2
        a <- rho a + (1 - rho) g                   centered
        s = lr g / sqrt(v + epsilon)               centered: sqrt(v - a^2 + epsilon)
        w <- w - s                                 momentum = 0
        m <- momentum m + s;  w <- w - m

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        rho: how much of the past is kept, in [0, 1).
        momentum: in [0, 1).
        epsilon: of 0 or more.
        centered: whether v is reduced to the variance.
        weight_decay ... name: as of Optimizer.

    Whether there is a momentum is decided when the optimizer is built; changing it from 0 later raises ArgumentError.
    Source: Tieleman, Hinton (2012), "Lecture 6.5: rmsprop", Neural Networks for Machine Learning.
    """

    rho, momentum, epsilon = share_below_one(), share_below_one(), not_negative()

    @with_common(Optimizer.__init__)
    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Any,
    ):
        super().__init__(learning_rate, **common)
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon
        self.centered = expect_flag("RMSprop", "centered", centered)

    def choose_slots(self) -> tuple[str, ...]:
        own = {"velocity": True, "momentum": number(self.momentum) != 0.0, "average_gradient": self.centered}
        return tuple(name for name, used in own.items() if used)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        rho, rest = as_type_of(variable, self.rho), as_type_of(variable, 1.0 - self.rho)
        epsilon = as_type_of(variable, self.epsilon)
        v = self.slot(variable, "velocity")
        v.assign(rho * v + rest * array.square(gradient))
        variance = v.value
        if self.centered:
            a = self.slot(variable, "average_gradient")
            a.assign(rho * a + rest * gradient)
            variance = v - array.square(a)
        step = learning_rate * gradient / array.sqrt(variance + epsilon)
        if "momentum" not in self.slot_names:
            require_none(self, "momentum")
            variable.assign_sub(step)
            return
        m = self.slot(variable, "momentum")
        m.assign(as_type_of(variable, self.momentum) * m + step)
        variable.assign_sub(m)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"centered": self.centered}
