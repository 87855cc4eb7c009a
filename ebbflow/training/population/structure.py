"""Structure: what two models must share to be trained by one program."""

import types
from collections.abc import Hashable
from functools import partial
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...core.variable import Variable
from ..steps import BOOKKEEPING, Same

__all__ = ["portrait", "variables_of"]


def variables_of(model: Any) -> list[Variable]:
    """Every variable that a compiled step of the model may read or assign; alike in models of the same structure."""
    found = [*model.training_state(), *model.hyperparameters]
    for part in (model.optimizer, model.loss, *model.metrics):
        found += getattr(part, "hyperparameters", [])
    return found


def portrait(model: Any, variables: list[Variable]) -> Hashable:
    """What of a model is written into compiled code, equal for models that differ only in the values of variables.

    Parameters: the model, and its variables as `variables_of` lists them.

    Numbers and texts count by value, lists and dicts by what they hold, variables by type and by which is which,
    functions by their code and what they close over, other objects by their class and attributes. Two models whose
    portraits differ may still be alike; then they are compiled apart.
    """
    schedule = getattr(model.optimizer, "schedule", None)
    parts = [model, model.loss, *model.metrics, model.optimizer, schedule]
    return _Portrait().of([*parts, variables])


class _Portrait:
    """A walk through a model, which numbers what it meets, so that meeting it again can be told."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}

    def of(self, value: Any) -> Hashable:
        if isinstance(value, (bool, int, float, str, bytes, type(None))):
            return type(value), repr(value)
        if isinstance(value, (list, tuple)):
            return type(value), *map(self.of, value)
        if isinstance(value, dict):
            return dict, *((self.of(key), self.of(one)) for key, one in value.items())
        if isinstance(value, (np.ndarray, np.generic, Tensor)):
            array = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
            return "array", str(array.dtype), array.shape, array.tobytes()
        if id(value) in self._met:
            return "again", self._met[id(value)]
        self._met[id(value)] = len(self._met)
        return self._of_object(value)

    def _of_object(self, value: Any) -> Hashable:
        if isinstance(value, Variable):
            return "variable", value.aval, value.trainable, self.of(value.regularizer), self.of(value.constraint)
        if isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            return (
                "function",
                value.__code__,
                self.of(value.__defaults__),
                self.of(value.__kwdefaults__),
                self.of(cells),
            )
        if isinstance(value, types.MethodType):
            return "method", self.of(value.__func__), self.of(value.__self__)
        if isinstance(value, partial):
            return "partial", self.of(value.func), self.of(value.args), self.of(value.keywords)
        if isinstance(value, type) or not hasattr(value, "__dict__"):
            return Same(value)
        attributes = ((name, self.of(one)) for name, one in vars(value).items() if name not in BOOKKEEPING)
        return type(value), *attributes
