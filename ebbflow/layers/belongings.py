"""Belongings: the variables, seed generators and layers that are attributes of a layer, also inside lists and dicts."""

from collections.abc import Sequence
from operator import is_
from types import FunctionType
from typing import Any

import numpy as np

from .. import constraints, regularizers
from ..core.aval import DTYPES
from ..core.errors import ArgumentError, ShapeError
from ..core.variable import Variable
from ..functions.array import convert_to_tensor
from ..functions.hyperparameter import held_by
from ..functions.random import SeedGenerator

__all__ = ["Belongings", "rules_of", "still_hold", "structure_changes", "structure_parts"]

# types that hold nothing, of which most attributes are
_PLAIN = {bool, int, float, str, type(None), FunctionType, *map(type, DTYPES)}
# attributes with nothing in them that belongs to a layer, or that is held in another way
_ASIDE = {"_given", "_hyperparameters", "input_shape", "output_shape"}
_RULES = (regularizers.Regularizer, constraints.Constraint)


class Belongings:
    """Base of layers: what belongs to one, and the weights among it.

    A subclass sets `_trainable` and `built`.
    """

    built: bool
    _trainable: bool

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        _Structure.changes += 1

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        _Structure.changes += 1

    def _parts(self) -> list[Any]:
        """The variables, seed generators and layers that are attributes of this layer, each once."""
        found: dict[int, Any] = {}
        attributes = [one for name, one in vars(self).items() if type(one) not in _PLAIN and name not in _ASIDE]
        _find(attributes, found, set())
        return list(found.values())

    @property
    def sublayers(self) -> list["Belongings"]:
        """The layers that are attributes of this one, in the order in which they were set."""
        return [part for part in self._parts() if isinstance(part, Belongings)]

    def _flat_layers(self, only_trainable: bool = False) -> list[tuple["Belongings", list[Any]]]:
        """This layer and those inside it, each once and with its parts; a layer comes before those inside it."""
        flat: dict[int, tuple[Belongings, list[Any]]] = {}
        left: list[Belongings] = [self]
        while left:
            layer = left.pop()
            if id(layer) in flat or (only_trainable and not layer.trainable):
                continue
            parts = layer._parts()
            flat[id(layer)] = layer, parts
            left += [part for part in reversed(parts) if isinstance(part, Belongings)]
        return list(flat.values())

    def _collect(self, kind: Any, only_trainable: bool = False) -> list[Any]:
        """The parts of a kind that this layer and those inside it hold, each once."""
        flat = self._flat_layers(only_trainable)
        return list({id(part): part for _, parts in flat for part in parts if isinstance(part, kind)}.values())

    @property
    def weights(self) -> list[Variable]:
        """Every variable of the layer and its sublayers, without the states of random numbers."""
        return self._collect(Variable)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that an optimizer may change; none of a layer with `trainable=False`."""
        return [weight for weight in self._collect(Variable, only_trainable=True) if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that are not in `trainable_weights`."""
        trainable = set(self.trainable_weights)
        return [weight for weight in self.weights if weight not in trainable]

    @property
    def variables(self) -> list[Variable]:
        """The weights, then the states of random number generators: all that training changes."""
        held = self._collect((Variable, SeedGenerator))
        states = [one.state for one in held if isinstance(one, SeedGenerator)]
        return [one for one in held if isinstance(one, Variable)] + states

    @property
    def hyperparameters(self) -> list[Variable]:
        """The scalars that a compiled program reads when it runs, such as a dropout rate or the factor of a penalty.

        One that a regularizer brings stands there for each use: a regularizer that two layers share comes back from a
        file as two.
        """
        holders = [holder for layer, parts in self._flat_layers() for holder in (layer, *layer._rules(parts))]
        return [one for holder in holders for one in held_by(holder).values()]

    def _rules(self, parts: list[Any]) -> list[Any]:
        """The regularizers and constraints that are attributes of this layer, then others that its weights have."""
        attributes = [one for one in vars(self).values() if type(one) not in _PLAIN and isinstance(one, _RULES)]
        known = set(map(id, attributes))
        others = [rule for one in parts if isinstance(one, Variable) for rule in (one.regularizer, one.constraint)]
        return attributes + [rule for rule in others if isinstance(rule, _RULES) and id(rule) not in known]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that are not in `trainable_variables`."""
        trainable = set(self.trainable_weights)
        return [variable for variable in self.variables if variable not in trainable]

    @property
    def trainable(self) -> bool:
        """Whether `trainable_weights` lists the layer's weights; setting it also sets it for all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.sublayers:
            layer.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights, in the order of `weights`."""
        return [np.array(weight.numpy()) for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Give all weights new values, in the order of `weights`.

        Raises ShapeError, before anything is changed, if the number of arrays or a shape does not fit.
        """
        own = self.weights
        if len(own) != len(weights):
            hint = "" if self.built else "; it is not built yet: call it once on data first"
            raise ShapeError(f"{self}: expected {len(own)} arrays of weights, got {len(weights)}{hint}")
        pairs = zip(own, weights, strict=True)
        arrays = [convert_to_tensor(given, weight.dtype).numpy() for weight, given in pairs]
        for weight, array in zip(own, arrays, strict=True):
            if weight.shape != array.shape:
                raise ShapeError(f"{self}: expected shape {weight.shape} for {weight.name}, got {array.shape}")
        for weight, array in zip(own, arrays, strict=True):
            weight.assign(array)

    def count_params(self) -> int:
        """How many numbers the weights hold; raises ArgumentError while the layer is not built."""
        if not self.built:
            raise ArgumentError(f"{self}: has no weights to count until it is built; call it once on data first")
        return sum(weight.aval.size for weight in self.weights)


def rules_of(layer: Belongings) -> list[Any]:
    """The regularizers and constraints of a layer, its weights and the layers inside, None where there is none."""
    rules = []
    for one, parts in layer._flat_layers():
        weights = [part for part in parts if isinstance(part, Variable)]
        rules += [one.activity_regularizer, *(rule for w in weights for rule in (w.regularizer, w.constraint))]
    return rules


def _find(values: Any, found: dict[int, Any], seen: set[int]) -> None:
    """Note the variables, seed generators and layers in nested lists, tuples and dicts, each once."""
    for value in values:
        if type(value) in _PLAIN:
            continue
        if isinstance(value, (Belongings, Variable, SeedGenerator)):
            found[id(value)] = value
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            _find(value.values() if isinstance(value, dict) else value, found, seen)


class _Structure:
    """How often an attribute of any layer was set: compiled code that saw another count asks again what it is of."""

    changes = 0


def structure_changes() -> int:
    """A number that is another one after any attribute of any layer was set."""
    return _Structure.changes


def structure_parts(layer: Belongings) -> list[tuple[Any, Any]]:
    """The lists and dicts that a layer and those inside it hold, each with a copy of what it holds now."""
    held = [value for value in vars(layer).values() if isinstance(value, (list, dict))]
    inner = [pair for one in layer.sublayers for pair in structure_parts(one)]
    return [(value, value.copy()) for value in held] + inner


def still_hold(parts: Sequence[tuple[Any, Any]]) -> bool:
    """Whether lists and dicts hold the very things that their copies do; arrays have no truth if compared."""
    return all([_same(now, then) for now, then in parts])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return _same([*one, *one.values()], [*other, *other.values()])
    return len(one) == len(other) and all(map(is_, one, other))
