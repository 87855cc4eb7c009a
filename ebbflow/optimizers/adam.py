"""Adam: momentum and scaling by the recent size of the gradient, both corrected for their start at 0."""

from typing import Any

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.arguments import expect
from ..functions.bounds import not_negative, share_below_one
from ..functions.naming import expect_flag
from .arguments import with_common
from .base import Optimizer, as_type_of

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adaptive moment estimation, in step t = 1, 2, ...

        m <- beta_1 m + (1 - beta_1) g
        v <- beta_2 v + (1 - beta_2) g^2
        u <- v                                      amsgrad: max(u, v)
        w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t)  m / (sqrt(u) + epsilon)

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        beta_1, beta_2: how much of the past m and v keep, in [0, 1).
        epsilon: the paper's "epsilon hat", of 0 or more.
        amsgrad: whether steps are divided by the greatest v so far.
        weight_decay ... name: as of Optimizer.

    Sources: Kingma, Ba (2015), "Adam: A Method for Stochastic Optimization", in the form that ends its section 2;
    Reddi, Kale, Kumar (2018), "On the convergence of Adam and beyond".
    """

    beta_1, beta_2, epsilon = share_below_one(), share_below_one(), not_negative()
    slot_names = ("momentum", "velocity")

    @with_common(Optimizer.__init__)
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.amsgrad = expect_flag(type(self).__name__, "amsgrad", amsgrad)

    def choose_slots(self) -> tuple[str, ...]:
        return (*self.slot_names, "velocity_hat") if self.amsgrad else self.slot_names

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        t = array.cast(self.iterations + 1, "float64")
        rate = self.learning_rate * array.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
        m, v = self.slot(variable, "momentum"), self.slot(variable, "velocity")
        m.assign_add((gradient - m) * as_type_of(variable, 1.0 - self.beta_1))
        v.assign_add((array.square(gradient) - v) * as_type_of(variable, 1.0 - self.beta_2))
        if self.amsgrad:
            v_hat = self.slot(variable, "velocity_hat")
            v = v_hat.assign(array.maximum(v_hat, v))
        scale = array.sqrt(v) + as_type_of(variable, self.epsilon)
        variable.assign_sub(m * as_type_of(variable, rate) / scale)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"amsgrad": self.amsgrad}


class AdamW(Adam):
    """Adam with weight decay: w <- w - weight_decay lr w before each of Adam's steps.

    The paper decays by a schedule of its own instead of by the learning rate.

    Parameters:
        weight_decay: of 0 or more.
        learning_rate, beta_1 ... name: as of Adam.

    Source: Loshchilov, Hutter (2019), "Decoupled weight decay regularization".
    """

    @with_common(Adam.__init__)
    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ):
        expect(weight_decay is not None, "AdamW", "weight_decay", "a number of 0 or more", weight_decay)
        moments = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon, "amsgrad": amsgrad}
        super().__init__(learning_rate, weight_decay=weight_decay, **moments, **common)
