"""Layers as plain JSON and back, by the names of their classes."""

from typing import Any, TypeVar

from ..core.errors import ArgumentError
from ..functions.catalog import custom_object_scope
from ..functions.catalog import custom_objects as known_now
from .base import Layer

__all__ = ["deserialize", "get", "register", "serialize"]

_Class = TypeVar("_Class", bound=type[Layer])
_classes: dict[str, type[Layer]] = {}


def register(cls: _Class) -> _Class:
    """Let `deserialize` know a class by its name; also usable as a decorator.

    Raises ArgumentError if another class already has the name.
    """
    known = _classes.setdefault(cls.__name__, cls)
    if known is not cls and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ArgumentError(f"layers.register: the name {cls.__name__} is taken by {known!r}; rename your class")
    _classes[cls.__name__] = cls
    return cls


def serialize(layer: Layer) -> dict[str, Any]:
    """Class name and configuration, as plain JSON values."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Layer:
    """An untrained layer from what `serialize` returned.

    Parameters:
        custom_objects: classes by name, which go before the registered ones.

    Raises ArgumentError for an unknown class.
    """
    with custom_object_scope(custom_objects or {}):  # which the layers inside may need, too
        return _class_of(config.get("class_name")).from_config(config.get("config", {}))


def _class_of(name: Any) -> type[Layer]:
    cls = known_now().get(name) or _classes.get(str(name))
    if cls is None:
        raise ArgumentError(
            f"layers.deserialize: expected a layer among {', '.join(sorted(_classes))}, got {name!r}; give a class of "
            f'your own as custom_objects={{"{name}": {name}}}'
        )
    return cls


def get(identifier: Any) -> Layer:
    """A layer from a layer or from what `serialize` returned; raises ArgumentError for anything else."""
    if isinstance(identifier, Layer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise ArgumentError(f"layers.get: expected a layer or its configuration, got {identifier!r}")
