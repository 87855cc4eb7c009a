"""Large margins: linear models with hinge loss, on the features themselves or on their closeness to centers."""

from typing import Any

from ..core.errors import ShapeError
from ..functions.arguments import expect, expect_integer, expect_number
from ..layers import RBF
from ..training.sequential import Sequential
from .checks import numbers, optimizer_of, seed_of
from .regression import linear_model

__all__ = ["hinge_machine", "kernel_machine"]


def hinge_machine(penalty: float = 0.01, optimizer: Any = "adam") -> Sequential:
    """Linear support vector machine: min mean max(1 - t (x W + b), 0) + penalty ||W||^2, t = -1 or 1 for y = 0 or 1.

    `predict` gives f = x W + b (rows, 1): class 1 where f > 0, at least 1 / ||W|| from the border where |f| > 1.
    In the terms of other programs, C = 1 / (2 rows penalty).

    Parameters: penalty, of 0 or more; optimizer, name or Optimizer.
    Raises ArgumentError for a bad argument. Source: Cortes, Vapnik (1995), "Support-Vector Networks".
    """
    model = linear_model(1, expect_number("hinge_machine", "penalty", penalty, 0.0))
    model.compile(optimizer_of("hinge_machine", optimizer), "hinge")
    return model


def kernel_machine(
    x: Any,
    centers: int = 50,
    gamma: float | None = None,
    penalty: float = 1e-4,
    optimizer: Any = "adam",
    seed: int | None = None,
) -> Sequential:
    """A `hinge_machine` on RBF features: f(x) = sum_j w_j exp(-gamma ||x - c_j||^2) + b, with centers c_j amid the x.

    A support vector machine chooses its centers by optimization and penalizes w K w; this one is given them, and
    penalizes ||w||^2, as a network does.

    Parameters: x, (rows, features), where the centers are put (k-means); centers, how many; gamma, above 0, by default
    as `RBF.adapt` finds it; penalty, optimizer, as of `hinge_machine`; seed, of the choice of centers.
    Raises ArgumentError for a bad argument. Source: Cortes, Vapnik (1995), "Support-Vector Networks".
    """
    owner = "kernel_machine"
    rows, centers = numbers(owner, "x", x), expect_integer(owner, "centers", centers, 1)
    if rows.ndim != 2:
        raise ShapeError(f"{owner}: expected x of shape (rows, features), got shape {rows.shape}")
    if gamma is not None:
        gamma = expect_number(owner, "gamma", gamma)
        expect(gamma > 0, owner, "gamma", "a number above 0", gamma)
    penalty, optimizer = expect_number(owner, "penalty", penalty, 0.0), optimizer_of(owner, optimizer)
    features = RBF(centers, learn_centers=False, seed=seed_of(owner, seed))
    features.adapt(rows)
    if gamma is not None:
        features.gamma = gamma
    model = linear_model(1, penalty, below=[features])
    model.compile(optimizer, "hinge")
    return model
