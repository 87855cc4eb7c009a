"""Hyperparameters: numbers that a compiled program reads when it runs, so that changing one compiles nothing."""

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor, eagerly
from ..core.variable import Variable
from ..ops.elementwise import cast
from .arguments import expect, is_number


class Hyperparameter:
    """An attribute of a layer or optimizer: a number to whoever sets it, a float64 variable to whoever reads it.

        class Scale(Layer):
            factor = Hyperparameter("a positive number", lambda factor: factor > 0)

        scale.factor = 2.0          # also scale.factor.assign(2.0)
        y = x * cast(scale.factor, x.dtype)

    Parameters:
        allowed: in words, what a value must be.
        accepts: whether a number is allowed.
        optional: whether None is allowed, too. Reading then gives None; whether there is a number is code, not input.

    Setting it raises ArgumentError when the value is not allowed.
    """

    def __init__(
        self,
        allowed: str = "a number",
        accepts: Callable[[float], bool] = lambda value: True,
        optional: bool = False,
    ):
        self._allowed, self._accepts, self._optional, self._name = allowed, accepts, optional, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if self._name in vars(instance):
            return None
        try:
            return held_by(instance)[self._name]
        except KeyError:
            raise AttributeError(f"{type(instance).__name__} has no {self._name} yet") from None

    def __set__(self, instance: Any, value: Any) -> None:
        if value is None and self._optional:
            vars(instance)[self._name] = None  # an attribute like others, by which compiled code notices
            return
        if isinstance(value, Variable):
            value = value.value
        if isinstance(value, Tensor):
            value = cast(value, "float64")
        elif not (is_number(value) and self._accepts(value)):
            allowed = f"{self._allowed} or None" if self._optional else self._allowed
            expect(False, type(instance).__name__, self._name, allowed, value)
        vars(instance).pop(self._name, None)
        held = held_by(instance)
        if self._name in held:
            held[self._name].assign(value)
        else:
            label = f"{instance.name}/{self._name}"
            held[self._name] = Variable(value, trainable=False, dtype="float64", name=label)


def held_by(instance: Any) -> dict[str, Variable]:
    """The hyperparameters of a layer or optimizer, by name."""
    return vars(instance).setdefault("_hyperparameters", {})


def number(variable: Variable) -> float:
    """The stored value of a hyperparameter, also in the middle of a trace: for descriptions and for structure."""
    with eagerly():
        return float(variable.numpy())
