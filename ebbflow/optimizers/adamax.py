"""Adam's relatives: Adamax, with the greatest recent gradient, and Nadam, which looks ahead along the momentum."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.bounds import not_negative, share_below_one
from .arguments import with_common
from .base import Optimizer, as_type_of

__all__ = ["Adamax", "Nadam"]

DECAY = 0.96  # of the distance between Nadam's momentum and beta_1


class Adamax(Optimizer):
    """Adam with the infinity norm, in step t = 1, 2, ...

        m <- beta_1 m + (1 - beta_1) g
        u <- max(beta_2 u, |g|)
        w <- w - lr / (1 - beta_1^t)  m / (u + epsilon)

    The paper has no epsilon.

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        beta_1, beta_2: how much of the past m and u keep, in [0, 1).
        epsilon: of 0 or more.
        weight_decay ... name: as of Optimizer.

    Source: Kingma, Ba (2015), "Adam: A Method for Stochastic Optimization", section 7.1.
    """

    beta_1, beta_2, epsilon = share_below_one(), share_below_one(), not_negative()
    slot_names = ("momentum", "norm")

    @with_common(Optimizer.__init__)
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Any,
    ):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        rate = self.learning_rate / (1.0 - self.beta_1 ** array.cast(self.iterations + 1, "float64"))
        m, u = self.slot(variable, "momentum"), self.slot(variable, "norm")
        m.assign_add((gradient - m) * as_type_of(variable, 1.0 - self.beta_1))
        u.assign(array.maximum(as_type_of(variable, self.beta_2) * u, array.abs(gradient)))
        variable.assign_sub(as_type_of(variable, rate) * m / (u + as_type_of(variable, self.epsilon)))


class Nadam(Optimizer):
    """Adam with Nesterov's momentum, in step t = 1, 2, ...

        b_t = beta_1 (1 - 0.96^t / 2),  p <- p b_t (from p = 1)
        m <- beta_1 m + (1 - beta_1) g
        v <- beta_2 v + (1 - beta_2) g^2
        w <- w - lr (b_(t+1) m / (1 - p b_(t+1)) + (1 - b_t) g / (1 - p)) / (sqrt(v / (1 - beta_2^t)) + epsilon)

    The paper's 0.96^(0.004 t) is 0.96^t in Keras and here.

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule.
        beta_1, beta_2: how much of the past m and v keep, in [0, 1).
        epsilon: of 0 or more.
        weight_decay ... name: as of Optimizer.

    Source: Dozat (2016), "Incorporating Nesterov momentum into Adam".
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
        **common: Any,
    ):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Iterable[Variable]) -> None:
        if not self.built:
            self._add(None, "u_product", np.float64(1.0))
        super().build(variables)

    def update_steps(self, gradients: Sequence[Tensor], variables: Sequence[Variable], loss: Any) -> None:
        product = self.slot(None, "u_product")
        product.assign(product * self._momentum(self.iterations + 1))
        super().update_steps(gradients, variables, loss)

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        t, product = array.cast(self.iterations + 1, "float64"), self.slot(None, "u_product")
        now, following = self._momentum(t), self._momentum(t + 1.0)
        of_momentum = self.learning_rate * following / (1.0 - product * following)
        of_gradient = self.learning_rate * (1.0 - now) / (1.0 - product)
        m, v = self.slot(variable, "momentum"), self.slot(variable, "velocity")
        m.assign_add((gradient - m) * as_type_of(variable, 1.0 - self.beta_1))
        v.assign_add((array.square(gradient) - v) * as_type_of(variable, 1.0 - self.beta_2))
        step = as_type_of(variable, of_momentum) * m + as_type_of(variable, of_gradient) * gradient
        scale = array.sqrt(v / as_type_of(variable, 1.0 - self.beta_2**t)) + as_type_of(variable, self.epsilon)
        variable.assign_sub(step / scale)

    def _momentum(self, t: Any) -> Tensor:
        return self.beta_1 * (1.0 - 0.5 * DECAY ** array.cast(t, "float64"))
