"""Optimizers: how weights follow their gradients."""

from collections.abc import Callable
from typing import Any

from ..functions.arguments import unknown
from ..functions.catalog import Catalog
from . import schedules
from .adagrad import Adadelta, Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax, Nadam
from .base import Optimizer
from .lbfgs import LBFGS
from .lion import Lion
from .rmsprop import RMSprop
from .sgd import SGD, NormalizedSGD

__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Nadam",
    "NormalizedSGD",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_CLASSES: tuple[type[Optimizer], ...] = (
    SGD,
    RMSprop,
    Adam,
    AdamW,
    Adamax,
    Nadam,
    Adagrad,
    Adadelta,
    Lion,
    NormalizedSGD,
    LBFGS,
)
_NAMES: dict[str, Callable[[], Optimizer]] = {
    **{cls.__name__.lower(): cls for cls in _CLASSES},
    "momentum": lambda: SGD(momentum=0.9),
    "nesterov": lambda: SGD(momentum=0.9, nesterov=True),
}
_SPELLED = {cls.__name__.lower(): cls.__name__ for cls in _CLASSES}
_CATALOG = Catalog("optimizers", Optimizer, {cls.__name__: cls for cls in _CLASSES})


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name ("adam", "RMSprop"), class or configuration; raises ArgumentError for anything else.

    "momentum" and "nesterov" are SGD with a momentum of 0.9.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        return _NAMES[identifier.lower()]()
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    raise unknown("optimizers.get", "an Optimizer or one of", _NAMES, identifier)


def serialize(optimizer: Optimizer) -> dict[str, Any] | None:
    """Class name and configuration, as plain JSON values."""
    return _CATALOG.serialize(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """An optimizer from what `serialize` returned.

    Parameters:
        custom_objects: by name, classes of your own, of optimizers and of learning rate schedules.

    Raises ArgumentError for an unknown class.
    """
    if isinstance(config, dict) and isinstance(name := config.get("class_name"), str):  # in any case, as in Keras
        config = config | {"class_name": _SPELLED.get(name.lower(), name)}
    return _CATALOG.deserialize(config, custom_objects)
