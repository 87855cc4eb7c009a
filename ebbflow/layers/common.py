"""What several layers ask of their inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import constraints, initializers, regularizers
from ..core.errors import ArgumentError, ShapeError
from ..core.variable import Variable
from ..functions import array
from ..functions.arguments import expect
from .base import Layer

_KINDS: dict[str, Any] = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


def hold_settings(layer: Layer, **settings: Any) -> None:
    """Keep what was given for weights, such as beta_initializer="zeros", as attributes of these names."""
    for name, given in settings.items():
        setattr(layer, name, _KINDS[name.rpartition("_")[2]].get(given))


def _settings_of(layer: Layer, weight: str) -> dict[str, Any]:
    """The settings of a weight by their kind."""
    held = {kind: f"{weight}_{kind}" for kind in _KINDS}
    return {kind: getattr(layer, name) for kind, name in held.items() if hasattr(layer, name)}


def add_weight(layer: Layer, name: str, shape: Sequence[int], trainable: bool = True) -> Variable:
    """The weight of this name, made with the settings that the layer holds for it."""
    return layer.add_weight(shape, name=name, trainable=trainable, **_settings_of(layer, name))


def describe_settings(layer: Layer, *weights: str) -> dict[str, Any]:
    """The settings of these weights as plain JSON values."""
    return {
        f"{weight}_{kind}": _KINDS[kind].serialize(setting)
        for weight in weights
        for kind, setting in _settings_of(layer, weight).items()
    }


def expect_axes(owner: str, name: str, axis: Any) -> int | tuple[int, ...]:
    """A whole number, or several as a tuple; raises ArgumentError for anything else."""
    several = isinstance(axis, (list, tuple))
    axes = tuple(axis) if several else (axis,)
    whole = all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in axes)
    expect(whole and len(axes) > 0, owner, name, "a whole number or a list of them", axis)
    return tuple(map(int, axes)) if several else int(axis)


def places_of(layer: Layer, axis: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    """The axes that `axis` means of inputs with ndim axes, sorted, none negative; raises ShapeError for others."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if not all(-ndim <= a < ndim for a in axes):
        raise ShapeError(f"{layer}: expected inputs with an axis {axis}, got inputs of {ndim} axes")
    return tuple(sorted({a % ndim for a in axes}))


def expect_lengths(layer: Layer, inputs: Any, axes: Sequence[int], lengths: Sequence[int]) -> None:
    """Raise ShapeError unless these axes of the inputs have the lengths that the layer was built for."""
    if max(axes, default=0) >= inputs.ndim or tuple(inputs.shape[a] for a in axes) != tuple(lengths):
        raise ShapeError(
            f"{layer}: expected axes {tuple(axes)} of lengths {tuple(lengths)} (as built), got {inputs.aval}"
        )


def finite_rows(layer: Layer, data: Any) -> np.ndarray:
    """Data to adapt to, as float64 of shape (rows, ...).

    Raises ShapeError for data without rows, ArgumentError for NaN and infinity.
    """
    values = np.asarray(array.convert_to_numpy(data), np.float64)
    if values.ndim == 0 or not values.size:
        raise ShapeError(f"{layer}: adapt expected rows of data, got an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ArgumentError(f"{layer}: adapt expected finite data, got NaN or infinity; fill missing values first")
    return values
