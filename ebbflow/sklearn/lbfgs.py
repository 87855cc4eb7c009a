"""L-BFGS that knows by itself when to stop, so that a whole fit is one call of native code."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.hyperparameter import Hyperparameter
from ..metrics import Metric
from ..optimizers import LBFGS

LEAST_FALL = 2.220446049250313e-09  # of the loss in an iteration, relative to it; the factor 1e7 of the paper's code
FLAT, SETTLED, ABNORMAL, LIMIT = 1.0, 2.0, 3.0, 4.0
Values = Callable[[list[Variable]], list[np.ndarray]]  # of variables after a training, as Network has it
_OUTCOMES = ("accepted", "stuck", "status", "active")


class StoppingLBFGS(LBFGS):
    """LBFGS with a verdict after each evaluation: slot "status" is 0 while there is more to do, then one of

        FLAT        max |g| <= tol
        SETTLED     (L' - L) / max(|L'|, |L|, 1) <= LEAST_FALL for the last two points
        ABNORMAL    not even the line of steepest descent leads lower
        LIMIT       max_iter points were accepted

    Slot "active" counts evaluations until then; "accepted" the points.
    Source: Byrd, Lu, Nocedal, Zhu (1995), "A limited memory algorithm for bound constrained optimization".
    """

    tol = Hyperparameter("a number of 0 or more", lambda value: value >= 0.0)
    max_iter = Hyperparameter("a number of at least 1", lambda value: value >= 1.0)

    def __init__(self, tol: float = 1e-4, max_iter: int = 200):
        super().__init__()
        self.tol, self.max_iter = tol, max_iter

    def build(self, variables: Iterable[Variable]) -> None:
        was_built = self.built
        super().build(variables)
        if not was_built:
            for name in _OUTCOMES:
                self._add(None, name, np.float64(0.0))

    def update_steps(self, gradients: Sequence[Tensor], variables: Sequence[Variable], loss: Any) -> None:
        accepted, before = self._old("accepted"), self._old("point_loss")
        super().update_steps(gradients, variables, loss)
        after = self._old("point_loss")
        moved = self._old("accepted") > accepted
        fall = (before - after) / array.maximum(array.maximum(array.abs(before), array.abs(after)), 1.0)
        steepest = [array.max(array.abs(one)) for one in self._of_weights("point_gradient")]
        flat = functools.reduce(array.maximum, steepest) <= self.tol
        status = array.where(self._old("stuck") > 0.0, ABNORMAL, 0.0)
        status = array.where(array.logical_and(moved, fall <= LEAST_FALL), SETTLED, status)
        status = array.where(flat, FLAT, status)
        status = array.where(array.logical_and(moved, self._old("accepted") >= self.max_iter), LIMIT, status)
        status = array.where(self._old("status") > 0.0, self._old("status"), status)
        self.slot(None, "status").assign(status)
        self.slot(None, "active").assign_add(array.where(status > 0.0, 0.0, 1.0))

    def _remember(self, s: list[Tensor], y: list[Tensor], accepted: Tensor, failed: Tensor) -> None:
        is_steepest = array.logical_not(self._old("pairs") > 0.0)
        self._choose("stuck", array.logical_and(failed, is_steepest), 1.0)
        self.slot(None, "accepted").assign_add(array.cast(accepted, "float64"))
        super()._remember(s, y, accepted, failed)

    def continue_with(self, memory: Sequence[np.ndarray]) -> None:
        """Take over the memory of one for the same weights in another type, but for where it put them."""
        for variable, value in zip(self.variables, memory, strict=True):
            if not variable.name.endswith("/trial"):
                variable.assign(value)
        for name in ("status", "stuck"):
            self.slot(None, name).assign(0.0)

    def numbers(self, values: Values, *names: str) -> list[float]:
        """The numbers in slots after a training of which `values` tells."""
        return [float(array) for array in values([self.slot(None, name) for name in names])]

    def finalized(self, values: Values, variables: Sequence[Variable]) -> list[np.ndarray]:
        """The values of these; of weights, what `finalize_variable_values` would set them to after that training."""
        (low,) = self.numbers(values, "low")
        return [self._nearest(low, values, one) if one.trainable else values([one])[0] for one in variables]

    def _nearest(self, low: float, values: Values, weight: Variable) -> np.ndarray:
        """At the near end of the present interval."""
        point, direction = values([self.slot(weight, "point"), self.slot(weight, "direction")])
        best = point + low * direction
        return (best if best.shape == weight.shape else best.T).astype(weight.dtype, order="C")


class Active(Metric):
    """How many evaluations there were until the optimizer had its verdict: it grows, then stays, and so stops a fit."""

    def __init__(self, optimizer: StoppingLBFGS):
        super().__init__(name="active")
        self.optimizer = optimizer

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the optimizer counts."""

    def result(self) -> Tensor:
        return self.optimizer.slot(None, "active").value
