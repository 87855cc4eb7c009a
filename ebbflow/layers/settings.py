"""The settings of weights: what a layer was given for each, such as beta_initializer, kept, used and described."""

from collections.abc import Sequence
from typing import Any

from .. import activations, constraints, initializers, regularizers
from ..core.errors import ArgumentError
from ..core.variable import Variable

_RULES: dict[str, Any] = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
_KINDS: dict[str, Any] = {"activation": activations, **_RULES}


def setting(owner: str, name: str, given: Any, kind: str = "") -> Any:
    """The object or function that was meant by an argument such as kernel_initializer="zeros".

    Its kind is the last word of the name, unless it is given. Raises ArgumentError, with the names of owner and
    argument, where there is no such thing.
    """
    try:
        return _KINDS[kind or name.rpartition("_")[2]].get(given)
    except ArgumentError as error:
        raise ArgumentError(f"{owner}: for {name}, {error}") from None


def hold_settings(layer: Any, **settings: Any) -> None:
    """Keep what was given for weights, such as beta_initializer="zeros", as attributes of these names."""
    for name, given in settings.items():
        setattr(layer, name, setting(type(layer).__name__, name, given))


def _settings_of(layer: Any, weight: str) -> dict[str, Any]:
    """The settings of a weight by their kind."""
    held = {kind: f"{weight}_{kind}" for kind in _RULES}
    return {kind: getattr(layer, name) for kind, name in held.items() if hasattr(layer, name)}


def add_weight(layer: Any, name: str, shape: Sequence[int], trainable: bool = True) -> Variable:
    """The weight of this name, made with the settings that the layer holds for it."""
    return layer.add_weight(shape, name=name, trainable=trainable, **_settings_of(layer, name))


def describe_settings(layer: Any, *weights: str) -> dict[str, Any]:
    """The settings of these weights as plain JSON values."""
    return {
        f"{weight}_{kind}": _RULES[kind].serialize(rule)
        for weight in weights
        for kind, rule in _settings_of(layer, weight).items()
    }
