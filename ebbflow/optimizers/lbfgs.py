"""L-BFGS: Newton's method with a curvature guessed from the last steps; one evaluation of the loss is one step."""

import functools
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor
from ..core.variable import Variable
from ..functions import array, shapes
from ..functions.arguments import expect, expect_integer
from ..functions.bounds import true_share
from ..functions.hyperparameter import Hyperparameter, number
from .base import Optimizer

__all__ = ["LBFGS"]

# slots: of each weight, of the remembered pairs, and single numbers
_OF_WEIGHTS = ("point", "point_gradient", "direction")
_NUMBERS = ("point_loss", "slope", "rate", "low", "low_loss", "low_slope", "high", "high_loss", "trials", "scale")
_COUNTS = ("pairs", "oldest")
_ONE = Tensor(np.array(1.0))
_NARROW = 16
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
            line t is at most 1 / |g|.
        history_size: pairs remembered, at least 1; memory and time of a step grow with it.
        max_trials: evaluations on one line, at least 2, after which the history is dropped and the line of steepest
            descent is tried.
        armijo, curvature: between 0 and 1, armijo below curvature.
        name: as printed.

    Sources: Liu, Nocedal (1989), "On the limited memory BFGS method for large scale optimization"; Byrd, Nocedal,
    Schnabel (1994), "Representations of quasi-Newton matrices and their use in limited memory methods"; Wolfe (1969),
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
        history = self.history_size
        for variable in self.optimized:
            self._add(variable, "trial", np.full(variable.shape, np.nan, variable.dtype))
            shape = _wide(variable.value).shape
            for name in _OF_WEIGHTS:
                self._add(variable, name, np.zeros(shape))
            for name in ("changes", "gradient_changes"):
                self._add(variable, name, np.zeros((history, *shape)))
        for name in ("inverse", "squares"):
            self._add(None, name, np.zeros((history, history)))
        self._add(None, "curvatures", np.zeros(history))
        for name in _NUMBERS + _COUNTS:
            self._add(None, name, np.float64(1.0 if name == "scale" else 0.0))

    def update_steps(self, gradients: Sequence[Tensor], variables: Sequence[Variable], loss: Any) -> None:
        found, variables = dict(zip(variables, gradients, strict=True)), self.optimized
        missing = ", ".join(variable.name for variable in variables if variable not in found)
        if missing:
            raise ArgumentError(f"{self.name}: expected a gradient for each weight, got none for {missing}")
        g = [_wide(found[variable]) for variable in variables]
        f = array.cast(as_tensor(loss), "float64")
        f = array.where(array.isfinite(f), f, math.inf)  # NaN, too, is where the line leads too high
        is_new = self._is_new()
        slope = _dot(g, self._of_weights("direction"))
        too_far, too_short = self._verdict(f, slope, np.finfo(as_tensor(loss).dtype).eps)
        accepted = array.logical_or(is_new, array.logical_not(array.logical_or(too_far, too_short)))
        failed = array.logical_and(array.logical_not(accepted), self._old("trials") >= float(self.max_trials))
        next_line = array.logical_or(accepted, failed)

        on_line = self._next_rate(f, slope, too_far)
        s, y = self._take_point(accepted, g)
        self._choose("point_loss", accepted, f)
        self._remember(s, y, array.logical_and(accepted, array.logical_not(is_new)), failed)
        self._begin_line(next_line, on_line)
        self._move()

    def _is_new(self) -> Tensor:
        """Whether the weights are not where the last step put them: at first, or changed by another hand since."""
        differ = [array.any(array.not_equal(v.value, self._old("trial", v))) for v in self.optimized]
        return functools.reduce(array.logical_or, differ)

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

    def _take_point(self, accepted: Tensor, g: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Go on from the present weights, if they are accepted; returns the changes of weights and gradient."""
        x = [_wide(variable.value) for variable in self.optimized]
        changes = []
        for name, values in (("point", x), ("point_gradient", g)):
            before = self._of_weights(name)
            for variable, value in zip(self.optimized, values, strict=True):
                self._choose(name, accepted, value, variable)
            changes.append([new - old for new, old in zip(self._of_weights(name), before, strict=True)])
        return changes[0], changes[1]

    def _remember(self, s: list[Tensor], y: list[Tensor], accepted: Tensor, failed: Tensor) -> None:
        """Put the newest pair in the place of the oldest, or drop all."""
        sy, yy = _dot(s, y), _dot(y, y)
        keep = array.logical_and(accepted, sy > _LEAST_CURVATURE * yy)
        oldest, last = self._old("oldest"), float(self.history_size - 1)
        here = array.logical_and(array.equal(Tensor(np.arange(self.history_size, dtype=np.float64)), oldest), keep)
        self._know(here, s, y, sy, yy)
        for k, variable in enumerate(self.optimized):
            place = shapes.reshape(here, (-1, *[1] * s[k].ndim))
            self._choose("changes", place, s[k], variable)
            self._choose("gradient_changes", place, y[k], variable)
        self._choose("oldest", keep, array.where(oldest < last, oldest + 1.0, 0.0))
        self._choose("pairs", keep, array.minimum(self._old("pairs") + 1.0, last + 1.0))
        self._choose("scale", keep, _ratio(sy, yy, 1.0))
        for name, none in {"inverse": 0.0, "pairs": 0.0, "scale": 1.0}.items():
            self._choose(name, failed, none)

    def _know(self, here: Tensor, s: list[Tensor], y: list[Tensor], sy: Tensor, yy: Tensor) -> None:
        """What is kept of the products of remembered pairs, with the newest pair in this place:

            inverse = R^-1, R_ij = s_i.y_j where pair i is not newer than j, else 0
            squares_ij = y_i.y_j
            curvatures_i = s_i.y_i

        A triangular matrix without its first row and column has the inverse without its first row and column.
        """
        row, column = here[:, None], here[None, :]
        squares = array.where(here, yy, self._products("gradient_changes", y))
        self._choose("squares", column, squares[:, None])
        self._choose("squares", row, squares[None, :])
        self._choose("curvatures", here, sy)
        self._choose("inverse", array.logical_or(row, column), 0.0)
        above = _apply(self._old("inverse"), array.where(here, 0.0, self._products("changes", y)))
        self._choose("inverse", column, (_ratio(_ONE, sy, 0.0) * array.where(here, 1.0, -above))[:, None])

    def _products(self, name: str, vectors: list[Tensor]) -> Tensor:
        """The products of all remembered changes with a vector."""
        pairs = zip(self._of_weights(name), vectors, strict=True)
        return functools.reduce(operator.add, [array.sum(a * x, axis=tuple(range(1, a.ndim))) for a, x in pairs])

    def _begin_line(self, next_line: Tensor, on_line: Tensor) -> None:
        g = self._of_weights("point_gradient")
        direction = self._quasi_newton(g)
        slope = _dot(g, direction)
        shortened = array.minimum(1.0, _ratio(_ONE, array.sqrt(_dot(g, g)), 1.0))
        first = self.learning_rate * array.where(self._old("pairs") > 0.0, 1.0, shortened)
        for variable, one in zip(self.optimized, direction, strict=True):
            self._choose("direction", next_line, one, variable)
        start: dict[str, Any] = {"slope": slope, "low_slope": slope, "low_loss": self._old("point_loss")}
        start |= {"low": 0.0, "high": 0.0, "trials": 0.0}
        for name, value in start.items():
            self._choose(name, next_line, value)
        self.slot(None, "rate").assign(array.where(next_line, first, on_line))
        self.slot(None, "trials").assign_add(1.0)

    def _quasi_newton(self, g: list[Tensor]) -> list[Tensor]:
        """-H g = -(scale g + S a - scale Y b), b = R^-1 S'g, a = R^-T ((D + scale Y'Y) b - scale Y'g).

        S and Y have the pairs as columns. A place without a pair has zeros in R^-1, so that it changes nothing.
        """
        inverse, scale = self._old("inverse"), self._old("scale")
        b = _apply(inverse, self._products("changes", g))
        bent = self._old("curvatures") * b + scale * _apply(self._old("squares"), b)
        a = _apply(shapes.transpose(inverse), bent - scale * self._products("gradient_changes", g))
        result = []
        for one, s, y in zip(g, self._of_weights("changes"), self._of_weights("gradient_changes"), strict=True):
            each = (-1, *[1] * one.ndim)
            steps = array.sum(shapes.reshape(a, each) * s - shapes.reshape(scale * b, each) * y, axis=0)
            result.append(-scale * one - steps)
        return result

    def _move(self) -> None:
        """Set the weights to the point plus t times the direction, and note where that is in their own type."""
        for variable in self.optimized:
            target = self._old("point", variable) + self._old("rate") * self._old("direction", variable)
            variable.assign(_back(target, variable))
            self.slot(variable, "trial").assign(variable.value)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Set the weights to the near end of the present interval; from there a later fit begins a new line."""
        if number(self.steps) == 0:
            return
        low = self.slot(None, "low").held.numpy()
        for variable in self.optimized:
            point, direction = (self.slot(variable, name).held.numpy() for name in ("point", "direction"))
            best = point + low * direction
            variable.assign(np.ascontiguousarray(best.T if _is_narrow(variable.shape) else best))

    def _old(self, name: str, owner: Variable | None = None) -> Tensor:
        return self.slot(owner, name).value

    def _of_weights(self, name: str) -> list[Tensor]:
        return [self._old(name, variable) for variable in self.optimized]

    def _choose(self, name: str, condition: Tensor, value: Any, owner: Variable | None = None) -> None:
        slot = self.slot(owner, name)
        slot.assign(array.where(condition, value, slot.value))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        taken = ("name", "learning_rate", "armijo", "curvature")
        plain = {"history_size": self.history_size, "max_trials": self.max_trials}
        return {name: config[name] for name in taken} | plain


def _is_narrow(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[1] < _NARROW <= shape[0]


def _wide(x: Tensor) -> Tensor:
    """A weight or its gradient in float64; a tall, narrow matrix transposed, since vectors are cut from rows."""
    return array.cast(shapes.transpose(x) if _is_narrow(x.shape) else x, "float64")


def _back(x: Tensor, variable: Variable) -> Tensor:
    """The inverse of _wide."""
    return array.cast(shapes.transpose(x) if _is_narrow(variable.shape) else x, variable.dtype)


def _dot(a: list[Tensor], b: list[Tensor]) -> Tensor:
    """The product of two vectors, each in parts."""
    return functools.reduce(operator.add, [array.sum(x * y) for x, y in zip(a, b, strict=True)])


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    """A small matrix times a vector, as a sum: no product to be divided among threads."""
    return array.sum(matrix * vector[None, :], axis=1)


def _ratio(x: Tensor, y: Tensor, otherwise: float) -> Tensor:
    """x / y where y > 0."""
    usable = y > 0.0
    return array.where(usable, x / array.where(usable, y, 1.0), otherwise)
