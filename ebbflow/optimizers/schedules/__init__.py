"""Schedules: the learning rate as a formula of the number of steps made so far, traced into the training step."""

from typing import Any

from ...functions.arguments import unknown
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

_CLASSES = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        OneCycle,
        PiecewiseConstantDecay,
        PolynomialDecay,
        StepDecay,
    )
}


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Class name and configuration, as plain JSON values."""
    schedule = learning_rate_schedule
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LearningRateSchedule:
    """A schedule from what `serialize` returned.

    Parameters:
        custom_objects: by name, classes of your own, which go before those here.

    Raises ArgumentError for an unknown class.
    """
    classes: dict[str, Any] = _CLASSES | (custom_objects or {})
    name = config.get("class_name")
    if name not in classes:
        raise unknown("schedules.deserialize", "a class of custom_objects or one of", _CLASSES, name)
    return classes[name].from_config(config.get("config", {}))
