"""Belongings: the variables, seed generators and layers that are attributes of a layer, also inside lists and dicts."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import constraints, regularizers
from ..core.errors import ArgumentError, ShapeError
from ..core.variable import Variable
from ..functions.array import convert_to_tensor
from ..functions.hyperparameter import held_by
from ..functions.random import SeedGenerator

__all__ = ["Belongings", "rules_of", "structure_changes", "structure_parts"]

_PLAIN = {bool, int, float, str, type(None)}  # types that hold nothing, of which most attributes are
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
        attributes = (value for name, value in vars(self).items() if name not in ("_given", "_hyperparameters"))
        return list({id(part): part for part in _found(attributes, set())}.values())

    @property
    def sublayers(self) -> list["Belongings"]:
        """The layers that are attributes of this one, in the order in which they were set."""
        return [part for part in self._parts() if isinstance(part, Belongings)]

    def _flat_layers(
        self, only_trainable: bool = False, seen: set[int] | None = None
    ) -> Iterator[tuple["Belongings", list[Any]]]:
        """This layer and those inside it, each once and with its parts."""
        seen = set() if seen is None else seen
        if id(self) in seen or (only_trainable and not self.trainable):
            return
        seen.add(id(self))
        parts = self._parts()
        yield self, parts
        for part in parts:
            if isinstance(part, Belongings):
                yield from part._flat_layers(only_trainable, seen)

    def _collect(self, kind: Any, only_trainable: bool = False) -> list[Any]:
        """The parts of a kind that this layer and those inside it hold, each once."""
        held = (part for _, parts in self._flat_layers(only_trainable) for part in parts if isinstance(part, kind))
        return list({id(part): part for part in held}.values())

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
        holders = (holder for layer, parts in self._flat_layers() for holder in (layer, *layer._rules(parts)))
        return [one for holder in holders for one in held_by(holder).values()]

    def _rules(self, parts: list[Any]) -> list[Any]:
        """The regularizers and constraints that are attributes of this layer, then others that its weights have."""
        attributes = [value for value in vars(self).values() if isinstance(value, _RULES)]
        known = set(map(id, attributes))
        weights = (part for part in parts if isinstance(part, Variable))
        others = (rule for weight in weights for rule in (weight.regularizer, weight.constraint))
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


def _found(values: Any, seen: set[int]) -> Iterator[Any]:
    """Variables, seed generators and layers in nested lists, tuples and dicts."""
    for value in values:
        if type(value) in _PLAIN:
            continue
        if isinstance(value, (Belongings, Variable, SeedGenerator)):
            yield value
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            yield from _found(value.values() if isinstance(value, dict) else value, seen)


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
