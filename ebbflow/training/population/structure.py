"""Structure: what two models must share to be trained by one program."""

import types
from collections.abc import Hashable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ...core.aval import DTYPES
from ...core.tensor import Tensor
from ...core.variable import Variable
from ..steps import BOOKKEEPING, Same

__all__ = ["portrait", "variables_of"]

_NUMBERS_AND_TEXTS = (bool, int, float, str, bytes)
# types of which equal ones mean the same, unlike 0.0 and -0.0
_PLAIN = {bool, int, str, bytes, type(None), *map(type, DTYPES)}


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
    compilation = model.compilation("portrait")
    schedule = getattr(model.optimizer, "schedule", None)
    parts = [model, model.loss, *model.metrics, model.optimizer, schedule]
    told = [compilation.loss_weight, len(compilation.weighted), model.metrics_names]
    walk = _Portrait()
    walk.add([parts, variables, told])
    return tuple(walk.words)


class _Portrait:
    """A walk through a model, which numbers the objects that it meets, so that meeting one again can be told.

    Attributes:
        words: the types of what was met, each time followed by what else there is to say of every one of them.
    """

    def __init__(self) -> None:
        self.words: list[Hashable] = []
        self._met: dict[int, int] = {}

    def add(self, values: Sequence[Any]) -> None:
        """Meet these."""
        kinds = [*map(type, values)]
        words = self.words
        words += kinds
        for kind, value in zip(kinds, values, strict=True):
            if kind in _PLAIN:
                words.append(value)
            elif _is_value(kind):
                self._add_value(value)
            elif id(value) in self._met:
                words += "again", self._met[id(value)]
            else:
                self._met[id(value)] = len(self._met)
                self._add_object(value)

    def _add_value(self, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            self.words.append(len(value))
            self.add(value)
        elif isinstance(value, dict):
            self.words.append(len(value))
            self.add([*value.keys(), *value.values()])
        elif isinstance(value, _NUMBERS_AND_TEXTS):
            self.words.append(repr(value))
        else:
            array = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
            self.words += array.dtype, array.shape, array.tobytes()

    def _add_object(self, value: Any) -> None:
        if isinstance(value, Variable):
            rules = value.regularizer, value.constraint
            self.words += value.aval.shape, value.aval.dtype, value.trainable, rules != (None, None)
            if rules != (None, None):
                self.add(rules)
        elif isinstance(value, types.FunctionType):
            self.words.append(value.__code__)
            self.add(
                [value.__defaults__, value.__kwdefaults__, [cell.cell_contents for cell in value.__closure__ or ()]]
            )
        elif isinstance(value, types.MethodType):
            self.add([value.__func__, value.__self__])
        elif isinstance(value, partial):
            self.add([value.func, value.args, value.keywords])
        elif isinstance(value, type) or not hasattr(value, "__dict__"):
            self.words.append(Same(value))
        else:
            attributes = vars(value)
            names = [name for name in attributes if name not in BOOKKEEPING]
            self.words.append(tuple(names))
            self.add([attributes[name] for name in names])


@lru_cache
def _is_value(kind: type) -> bool:
    """Whether things of a type count by what they hold, not by which they are."""
    return issubclass(kind, (list, tuple, dict, *_NUMBERS_AND_TEXTS, np.ndarray, np.generic, Tensor))
