"""Adam: momentum and scaling by the recent size of the gradient, both corrected for their start at 0."""

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from .base import Optimizer, as_type_of, fraction, positive

__all__ = ["Adam"]


class Adam(Optimizer):
    """Adaptive moment estimation, in step t = 1, 2, ...

        m <- beta_1 m + (1 - beta_1) g
        v <- beta_2 v + (1 - beta_2) g^2
        w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t)  m / (sqrt(v) + epsilon)

    Parameters:
        learning_rate: lr, of 0 or more.
        beta_1, beta_2: how much of the past m and v keep, in [0, 1).
        epsilon: the paper's "epsilon hat", of 0 or more.
        name: as printed.

    Source: Kingma, Ba (2015), "Adam: A Method for Stochastic Optimization", in the form that ends its section 2.
    """

    beta_1, beta_2, epsilon = fraction(), fraction(), positive()
    slot_names = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str | None = None,
    ):
        super().__init__(learning_rate, name)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        t = array.cast(self.iterations.value + 1, "float64")
        rate = self.learning_rate * array.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
        m, v = self.slot(variable, "momentum"), self.slot(variable, "velocity")
        m.assign_add((gradient - m) * as_type_of(variable, 1.0 - self.beta_1))
        v.assign_add((array.square(gradient) - v) * as_type_of(variable, 1.0 - self.beta_2))
        scale = array.sqrt(v) + as_type_of(variable, self.epsilon)
        variable.assign_sub(m * as_type_of(variable, rate) / scale)
