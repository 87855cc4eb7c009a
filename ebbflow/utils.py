"""Small helpers around training: seeds and labels."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .core.aval import floatx
from .core.errors import ArgumentError
from .functions.arguments import expect
from .functions.catalog import custom_object_scope, register_custom_object
from .functions.naming import expect_name
from .functions.random import set_random_seed

__all__ = ["custom_object_scope", "register_keras_serializable", "set_random_seed", "to_categorical"]

_Thing = TypeVar("_Thing", bound=Callable[..., Any])


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[_Thing], _Thing]:
    """A decorator that lets files be loaded that use a class or function of your own, without custom_objects.

    Parameters:
        package: Keras' prefix of the name; files have no need of it.
        name: by which it is also known, besides its own.

    Raises ArgumentError unless name is a text, and for what has no name of its own.
    """
    expect(isinstance(package, str), "register_keras_serializable", "package", "a text", package)
    expect_name("register_keras_serializable", name)

    def decorate(thing: _Thing) -> _Thing:
        own = getattr(thing, "__name__", None)
        if own is None or own == "<lambda>":
            raise ArgumentError(f"register_keras_serializable: expected a class or function with a name, got {thing!r}")
        for known in {own, name or own}:
            register_custom_object(known, thing)
        return thing

    return decorate


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as rows with a one at the class: out[..., k] = 1 if x[...] = k else 0.

    Parameters:
        x: whole numbers from 0, of any shape; a last axis of length 1 is dropped.
        num_classes: length of the new last axis; by default one more than the largest class.

    Raises ArgumentError when x is not whole numbers, or lies outside 0 .. num_classes - 1.
    """
    given = np.asarray(x)
    classes = given.astype(np.int64) if given.dtype.kind in "biuf" and np.isfinite(given).all() else None
    if classes is None or (classes != given).any():
        raise ArgumentError(f"to_categorical: expected whole numbers, got an array of {given.dtype}")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = int(classes.max(initial=-1)) + 1 if num_classes is None else num_classes
    outside = classes[(classes < 0) | (classes >= count)]
    if outside.size:
        raise ArgumentError(f"to_categorical: expected classes from 0 to {count - 1}, got {outside[0]}")
    return (classes[..., None] == np.arange(count)).astype(floatx())
