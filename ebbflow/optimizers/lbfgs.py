"""L-BFGS: Newton's method with a curvature guessed from the last steps; one evaluation of the loss is one step."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor, eagerly
from ..core.variable import Variable
from ..functions import array, shapes
from ..functions.arguments import expect, expect_integer
from ..functions.bounds import true_share
from ..functions.hyperparameter import Hyperparameter, number
from .base import Optimizer

__all__ = ["LBFGS"]

# slots: vectors of all weights together, then numbers
_VECTORS = ("trial", "point", "point_gradient", "direction")
_NUMBERS = ("point_loss", "slope", "rate", "low", "low_loss", "low_slope", "high", "high_loss", "trials", "scale")
_ONE = Tensor(np.array(1.0))
_LEAST_CURVATURE = 1e-10  # of s.y / y.y, for a pair to be remembered


class LBFGS(Optimizer):
    """Limited-memory BFGS, for small problems: fit with all rows in one batch and a loss without random numbers.

        d = -H g,  H the inverse Hessian guessed from the last history_size pairs s = change of w, y = change of g
        w <- w + t d,  t such that     L(w + t d) <= L(w) + armijo t g.d      and     g(w + t d).d >= curvature g.d

    One step of training is one evaluation of the loss L and its gradient g. A step either tries another t on the same
    line, between the two ends of an interval that encloses good ones, or accepts the present t, remembers s and y, and
    tries the first t of the next line. So a loss that rises for a step is a trial, not a mistake; when a fit ends, the
    weights are those of the lowest point on the line (`finalize_variable_values`). Near the minimum, where L is lost in
    rounding, slopes decide instead (Hager, Zhang). All is computed in float64, as exact as loss and weights are.

    Not in Keras. Clipping, decay, averages and accumulation would make the gradient another function's: it has none.

    Parameters:
        learning_rate: the first t of each line, above 0; only 1 gives the fast steps of Newton's method. On the first
            line t is at most 1 / |g|_1.
        history_size: pairs remembered, at least 1; memory and time of a step grow with it.
        max_trials: evaluations on one line, at least 2, after which the history is dropped and the line of steepest
            descent is tried.
        armijo, curvature: between 0 and 1, armijo below curvature.
        name: as printed.

    Sources: Liu, Nocedal (1989), "On the limited memory BFGS method for large scale optimization"; Wolfe (1969),
    "Convergence conditions for ascent methods"; Hager, Zhang (2005), "A new conjugate gradient method with guaranteed
    descent and an efficient line search".
    """

    needs_loss = True
    armijo = Hyperparameter("a number between 0 and 1/2", lambda value: 0.0 < value < 0.5)
    curvature = true_share()

    def __init__(
        self,
        learning_rate: Any = 1.0,
        history_size: int = 10,
        max_trials: int = 20,
        armijo: float = 1e-4,
        curvature: float = 0.9,
        name: str | None = None,
    ):
        super().__init__(learning_rate, name=name)
        moves = self.schedule is not None or number(self.learning_rate) > 0.0
        expect(moves, "LBFGS", "learning_rate", "a number above 0", learning_rate)
        self.history_size = expect_integer("LBFGS", "history_size", history_size, 1)
        self.max_trials = expect_integer("LBFGS", "max_trials", max_trials, 2)
        self.armijo, self.curvature = armijo, curvature

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the memory for these weights; raises ArgumentError when weights join later."""
        added = [variable for variable in variables if variable not in set(self.optimized)]
        if added and self.built:
            raise ArgumentError(
                f"{self.name}: expected the weights that it was built for, got also {added[0].name}; make a new one"
            )
        super().build(added)
        if not added:
            return
        size = sum(math.prod(variable.shape) for variable in self.optimized)
        for name in _VECTORS:
            self._add(None, name, np.full(size, np.nan if name == "trial" else 0.0))
        for name in ("changes", "gradient_changes"):
            self._add(None, name, np.zeros((self.history_size, size)))
        self._add(None, "curvatures", np.zeros(self.history_size))
        for name in _NUMBERS:
            self._add(None, name, np.float64(1.0 if name == "scale" else 0.0))

    def update_steps(self, gradients: Sequence[Tensor], variables: Sequence[Variable], loss: Any) -> None:
        found, variables = dict(zip(variables, gradients, strict=True)), self.optimized
        missing = ", ".join(variable.name for variable in variables if variable not in found)
        if missing:
            raise ArgumentError(f"{self.name}: expected a gradient for each weight, got none for {missing}")
        x, g = _flat([v.value for v in variables]), _flat([found[v] for v in variables])
        f = array.cast(as_tensor(loss), "float64")
        f = array.where(array.isfinite(f), f, math.inf)  # NaN, too, is where the line leads too high
        is_new = array.any(array.not_equal(x, self._old("trial")))  # the first, or changed by another hand since
        slope = array.sum(g * self._old("direction"))
        too_far, too_short = self._verdict(f, slope, np.finfo(as_tensor(loss).dtype).eps)
        accepted = array.logical_or(is_new, array.logical_not(array.logical_or(too_far, too_short)))
        failed = array.logical_and(array.logical_not(accepted), self._old("trials") >= float(self.max_trials))
        next_line = array.logical_or(accepted, failed)

        on_line = self._next_rate(f, slope, too_far)
        self._remember(x, g, array.logical_and(accepted, array.logical_not(is_new)), failed)
        for name, value in {"point": x, "point_gradient": g, "point_loss": f}.items():
            self._choose(name, accepted, value)
        self._begin_line(next_line, on_line)
        self._move(variables)

    def reported_loss(self, loss: Tensor) -> Tensor:
        """The loss; where a trial went so far that it is not finite, that of the point from which the line began."""
        return array.where(array.isfinite(loss), loss, array.cast(self._old("point_loss"), loss.dtype))

    def _verdict(self, f: Tensor, slope: Tensor, rounding: float) -> tuple[Tensor, Tensor]:
        """Whether the present t is too large, and whether it is too small."""
        before, downhill = self._old("point_loss"), self._old("slope")
        enough = before + self.armijo * self._old("rate") * downhill
        falls = f <= array.minimum(enough, self._old("low_loss"))
        level = f <= before + 64.0 * float(rounding) * array.abs(before)
        flat = array.logical_and(level, slope <= (2.0 * self.armijo - 1.0) * downhill)
        too_far = array.logical_not(array.logical_or(falls, flat))
        return too_far, array.logical_and(array.logical_not(too_far), slope < self.curvature * downhill)

    def _next_rate(self, f: Tensor, slope: Tensor, too_far: Tensor) -> Tensor:
        """Another t on the same line, if the present one is not accepted; moves the ends of the interval."""
        t, low, low_slope = self._old("rate"), self._old("low"), self._old("low_slope")
        secant = t + slope * _ratio(t - low, low_slope - slope, 1e300)  # where the slope, if it is a line, is 0
        outer = array.clip(array.where(slope > low_slope, secant, 10.0 * t), 2.0 * t, 10.0 * t)
        self._choose("high", too_far, t)
        self._choose("high_loss", too_far, f)
        for name, value in {"low": t, "low_loss": f, "low_slope": slope}.items():
            self._choose(name, array.logical_not(too_far), value)
        low, low_slope, high = self._old("low"), self._old("low_slope"), self._old("high")
        width = high - low
        bend = self._old("high_loss") - self._old("low_loss") - low_slope * width
        parabola = -0.5 * low_slope * width * _ratio(width, bend, 0.5)  # its minimum, counted from low
        inner = low + array.clip(parabola, 0.1 * width, 0.9 * width)
        return array.where(high > 0.0, inner, outer)  # high is 0 until there is one

    def _remember(self, x: Tensor, g: Tensor, accepted: Tensor, failed: Tensor) -> None:
        """Put the newest pair at the end of the history, or drop all."""
        s, y = x - self._old("point"), g - self._old("point_gradient")
        sy, yy = array.sum(s * y), array.sum(y * y)
        keep = array.logical_and(accepted, sy > _LEAST_CURVATURE * yy)
        newest = {"changes": s, "gradient_changes": y, "curvatures": _ratio(_ONE, sy, 0.0)}
        for name, value in newest.items():
            old = self._old(name)
            row = shapes.reshape(value, (1, *old.shape[1:]))
            self._choose(name, keep, shapes.concatenate([old[1:], row], axis=0))
            self._choose(name, failed, 0.0)
        self._choose("scale", keep, _ratio(sy, yy, 1.0))
        self._choose("scale", failed, 1.0)

    def _begin_line(self, next_line: Tensor, on_line: Tensor) -> None:
        g, curvatures = self._old("point_gradient"), self._old("curvatures")
        direction = self._quasi_newton(g)
        slope = array.sum(g * direction)
        shortened = array.minimum(1.0, _ratio(_ONE, array.sum(array.abs(g)), 1.0))
        first = self.learning_rate * array.where(curvatures[-1] > 0.0, 1.0, shortened)
        start: dict[str, Any] = {
            "direction": direction,
            "slope": slope,
            "low_slope": slope,
            "low_loss": self._old("point_loss"),
        }
        start |= {"low": 0.0, "high": 0.0, "trials": 0.0}
        for name, value in start.items():
            self._choose(name, next_line, value)
        self.slot(None, "rate").assign(array.where(next_line, first, on_line))
        self.slot(None, "trials").assign_add(1.0)

    def _quasi_newton(self, g: Tensor) -> Tensor:
        """-H g by the two-loop recursion; unused rows of the history have curvature 0 and change nothing."""
        changes, gradient_changes, curvatures = map(self._old, ("changes", "gradient_changes", "curvatures"))
        rows = [(changes[k], gradient_changes[k], curvatures[k]) for k in range(self.history_size)]
        q, shares = -g, []
        for s, y, rho in reversed(rows):
            share = rho * array.sum(s * q)
            q = q - share * y
            shares.append(share)
        q = self._old("scale") * q
        for (s, y, rho), share in zip(rows, reversed(shares), strict=True):
            q = q + s * (share - rho * array.sum(y * q))
        return q

    def _move(self, variables: Sequence[Variable]) -> None:
        """Set the weights to the point plus t times the direction, and note where that is in their own type."""
        target = self._old("point") + self._old("rate") * self._old("direction")
        for variable, value in zip(variables, _apart(target, variables), strict=True):
            variable.assign(value)
        self.slot(None, "trial").assign(_flat([variable.value for variable in variables]))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Set the weights to the near end of the present interval; from there a later fit begins a new line."""
        if number(self.steps) == 0:
            return
        with eagerly():
            best = self._old("point") + self._old("low") * self._old("direction")
            for variable, value in zip(self.optimized, _apart(best, self.optimized), strict=True):
                variable.assign(value)

    def _old(self, name: str) -> Tensor:
        return self.slot(None, name).value

    def _choose(self, name: str, condition: Tensor, value: Any) -> None:
        slot = self.slot(None, name)
        slot.assign(array.where(condition, value, slot.value))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        taken = ("name", "learning_rate", "armijo", "curvature")
        plain = {"history_size": self.history_size, "max_trials": self.max_trials}
        return {name: config[name] for name in taken} | plain


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    """One float64 vector of all elements."""
    return shapes.concatenate([array.cast(shapes.reshape(x, (-1,)), "float64") for x in tensors], axis=0)


def _apart(vector: Tensor, variables: Sequence[Variable]) -> list[Tensor]:
    """The parts of a vector that belong to each variable, in its shape and type."""
    parts, start = [], 0
    for variable in variables:
        stop = start + math.prod(variable.shape)
        parts.append(array.cast(shapes.reshape(vector[start:stop], variable.shape), variable.dtype))
        start = stop
    return parts


def _ratio(x: Tensor, y: Tensor, otherwise: float) -> Tensor:
    """x / y where y > 0."""
    usable = y > 0.0
    return array.where(usable, x / array.where(usable, y, 1.0), otherwise)
