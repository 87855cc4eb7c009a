"""What a model of this folder is given wrongly it names: itself, the parameter, and what was expected."""

import inspect
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import models
from ebbflow.core.errors import ArgumentError, ShapeError

from ..test_vocabulary import WRONG, parameters_of

PUBLIC = {
    name: thing for name in models.__all__ if (thing := getattr(models, name)).__module__.startswith("ebbflow.models")
}
X, Y = np.eye(4, 3), np.arange(4.0)


def machine() -> models.RestrictedBoltzmannMachine:
    made = models.RestrictedBoltzmannMachine(2)
    made.build((None, 3))
    return made


# what is needed, made anew for every call
NEEDED: dict[str, Any] = {
    "Autoencoder": lambda: {"sizes": (3, 2)},
    "McCullochPitts": lambda: {"weights": [1, 1], "threshold": 1},
    "Policy": lambda: {"network": ebb.Sequential([ebb.layers.Dense(2)])},
    "RestrictedBoltzmannMachine": lambda: {"units": 2},
    "TransposedDense": lambda: {"dense": ebb.layers.Dense(2)},
    "autoencoder": lambda: {"machines": [machine()]},
    "discounted_returns": lambda: {"rewards": [1.0, 1.0]},
    "kernel_machine": lambda: {"x": X, "centers": 2},
    "pretrain": lambda: {"x": X, "sizes": [2], "epochs": 1},
    "ridge_solution": lambda: {"x": X, "y": Y},
    "softmax_regression": lambda: {"classes": 3},
}
# which of the wrong things are right here, by what they then are; flags, whose default is True or False, take 0
RIGHT = [
    ("0", "a number of 0 or more", "penalty learning_rate momentum weight_decay discount seed verbose"),
    ("-1 0", "any number", "threshold kernel_initializer bias_initializer"),
    ("text", "a text", "name"),
    ("list", "several numbers", "weights threshold rewards pretrain.x"),
    ("", "above 0", "pretrain.learning_rate"),
]
TAKEN: dict[str, set[str]] = {}
for labels, _, names in RIGHT:
    for one in names.split():
        TAKEN.setdefault(one, set()).update(labels.split())


def parameters(name: str) -> dict[str, inspect.Parameter]:
    thing = PUBLIC[name]
    return parameters_of(thing) if isinstance(thing, type) else dict(inspect.signature(thing).parameters)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_wrong_argument_raises_an_error_with_the_names_of_model_and_parameter(name: str) -> None:
    for parameter, described in parameters(name).items():
        usual = {"0"} if isinstance(described.default, bool) else set()
        right = TAKEN.get(f"{name}.{parameter}", TAKEN.get(parameter, usual))
        for label, wrong in WRONG.items():
            arguments = NEEDED.get(name, dict)() | {parameter: wrong}
            if label in right:
                PUBLIC[name](**arguments)
            else:
                with pytest.raises((ArgumentError, ShapeError), match=rf"(?s){name}.*\b{parameter}\b"):
                    PUBLIC[name](**arguments)
                    pytest.fail(f"{name} took {wrong!r} for {parameter}")


def test_the_tables_hold_no_names_of_the_past() -> None:
    known = {(name, parameter) for name in PUBLIC for parameter in parameters(name)}
    assert {(*name.split("."),)[-1] for name in TAKEN} <= {parameter for _, parameter in known}
    assert set(NEEDED) <= set(PUBLIC)
