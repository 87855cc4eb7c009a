"""Lion: steps of one size in every weight, in the direction of a momentum."""

from typing import Any

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.bounds import share_below_one
from ..functions.hyperparameter import Hyperparameter
from .arguments import with_common
from .base import Optimizer, as_type_of

__all__ = ["Lion"]


class Lion(Optimizer):
    """Evolved sign momentum.

        w <- w - lr sign(beta_1 m + (1 - beta_1) g)
        m <- beta_2 m + (1 - beta_2) g

    Parameters:
        learning_rate: lr, of 0 or more, or a schedule; best 3 to 10 times smaller than Adam's.
        beta_1: share of the momentum in the direction, above 0 and up to 1.
        beta_2: how much of the past m keeps, in [0, 1).
        weight_decay ... name: as of Optimizer.

    Source: Chen et al. (2023), "Symbolic discovery of optimization algorithms".
    """

    beta_1 = Hyperparameter("a number above 0 and up to 1", lambda value: 0.0 < value <= 1.0)
    beta_2 = share_below_one()
    slot_names = ("momentum",)

    @with_common(Optimizer.__init__)
    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **common: Any):
        super().__init__(learning_rate, **common)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        m = self.slot(variable, "momentum")
        beta_1, beta_2 = as_type_of(variable, self.beta_1), as_type_of(variable, self.beta_2)
        rest_1, rest_2 = as_type_of(variable, 1.0 - self.beta_1), as_type_of(variable, 1.0 - self.beta_2)
        variable.assign_sub(learning_rate * array.sign(beta_1 * m + rest_1 * gradient))
        m.assign(beta_2 * m + rest_2 * gradient)
