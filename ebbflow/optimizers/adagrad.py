"""Adagrad and Adadelta: every weight's step divided by the size of all its gradients, or of the recent ones."""

from typing import Any

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.arguments import expect_number
from ..functions.bounds import not_negative, share_below_one
from .arguments import with_common
from .base import Optimizer, as_type_of

__all__ = ["Adadelta", "Adagrad"]


class Adagrad(Optimizer):
    """Adaptive gradient: a <- a + g^2;  w <- w - lr g / sqrt(a + epsilon).

    The paper adds epsilon to the root, and its a begins at 0.

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        initial_accumulator_value: a at first, of 0 or more.
        epsilon: of 0 or more.
        weight_decay ... name: as of Optimizer.

    Source: Duchi, Hazan, Singer (2011), "Adaptive subgradient methods for online learning and stochastic optimization".
    """

    epsilon = not_negative()
    slot_names = ("accumulator",)

    @with_common(Optimizer.__init__)
    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Any,
    ):
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value = expect_number(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value, low=0.0
        )
        self.epsilon = epsilon

    def initial_value(self, slot_name: str) -> float:
        return self.initial_accumulator_value if slot_name == "accumulator" else 0.0

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        a = self.slot(variable, "accumulator")
        a.assign_add(array.square(gradient))
        variable.assign_sub(learning_rate * gradient / array.sqrt(a + as_type_of(variable, self.epsilon)))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"initial_accumulator_value": self.initial_accumulator_value}


class Adadelta(Optimizer):
    """Adaptive steps in the units of the weights.

        a <- rho a + (1 - rho) g^2
        s = g sqrt(d + epsilon) / sqrt(a + epsilon)
        d <- rho d + (1 - rho) s^2
        w <- w - lr s

    In the paper lr is 1.

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        rho: how much of the past a and d keep, in [0, 1).
        epsilon: of 0 or more.
        weight_decay ... name: as of Optimizer.

    Source: Zeiler (2012), "ADADELTA: An adaptive learning rate method".
    """

    rho, epsilon = share_below_one(), not_negative()
    slot_names = ("accumulated_grad", "accumulated_delta_var")

    @with_common(Optimizer.__init__)
    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **common: Any):
        super().__init__(learning_rate, **common)
        self.rho, self.epsilon = rho, epsilon

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        rho, rest = as_type_of(variable, self.rho), as_type_of(variable, 1.0 - self.rho)
        epsilon = as_type_of(variable, self.epsilon)
        a, d = self.slot(variable, "accumulated_grad"), self.slot(variable, "accumulated_delta_var")
        a.assign(rho * a + rest * array.square(gradient))
        step = gradient * array.sqrt(d + epsilon) / array.sqrt(a + epsilon)
        d.assign(rho * d + rest * array.square(step))
        variable.assign_sub(learning_rate * step)
