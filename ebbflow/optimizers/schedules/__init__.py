"""Schedules: the learning rate as a formula of the number of steps made so far, traced into the training step."""

from typing import Any

from ...functions.catalog import Catalog
from .base import LearningRateSchedule
from .cosines import CosineDecay, CosineDecayRestarts, OneCycle
from .decays import ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, StepDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "StepDecay",
    "deserialize",
    "serialize",
]

_CLASSES: tuple[type[LearningRateSchedule], ...] = (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)
_CATALOG = Catalog("schedules", LearningRateSchedule, {cls.__name__: cls for cls in _CLASSES})


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values."""
    return _CATALOG.serialize(learning_rate_schedule)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LearningRateSchedule:
    """A schedule from what `serialize` returned.

    Parameters:
        custom_objects: by name, classes of your own, which go before those here.

    Raises ArgumentError for an unknown class.
    """
    return _CATALOG.deserialize(config, custom_objects)
