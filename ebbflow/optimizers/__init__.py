"""Optimizers: how weights follow their gradients."""

from typing import Any

from ..core.errors import ArgumentError
from ..functions.arguments import unknown
from .adam import Adam
from .base import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "deserialize", "get", "serialize"]

_CLASSES: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name ("adam", "RMSprop") or configuration; raises ArgumentError for anything else."""
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str) and identifier.lower() in _CLASSES:
        return _CLASSES[identifier.lower()]()
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    raise unknown("optimizers.get", "an Optimizer or one of", _CLASSES, identifier)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Class name and configuration, as plain JSON values."""
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """An optimizer from what `serialize` returned; raises ArgumentError for an unknown class."""
    classes = {cls.__name__: cls for cls in _CLASSES.values()} | (custom_objects or {})
    name = config.get("class_name")
    if name not in classes:
        raise ArgumentError(
            f"optimizers.deserialize: expected one of {', '.join(classes)}, got {name!r}; give a class of your own in "
            "custom_objects"
        )
    return classes[name].from_config(config.get("config", {}))
