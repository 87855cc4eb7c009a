"""The kinds of hyperparameters that layers, losses and optimizers share, by the numbers that they may be."""

from .hyperparameter import Hyperparameter


def not_negative(optional: bool = False) -> Hyperparameter:
    """x >= 0."""
    return Hyperparameter("a number of 0 or more", lambda x: x >= 0.0, optional)


def above_zero(optional: bool = False) -> Hyperparameter:
    """x > 0."""
    return Hyperparameter("a number above 0", lambda x: x > 0.0, optional)


def share() -> Hyperparameter:
    """0 <= x <= 1."""
    return Hyperparameter("a number between 0 and 1", lambda x: 0.0 <= x <= 1.0)


def share_below_one() -> Hyperparameter:
    """0 <= x < 1."""
    return Hyperparameter("a number from 0 up to, but not including, 1", lambda x: 0.0 <= x < 1.0)


def true_share() -> Hyperparameter:
    """0 < x < 1."""
    return Hyperparameter("a number above 0 and below 1", lambda x: 0.0 < x < 1.0)
