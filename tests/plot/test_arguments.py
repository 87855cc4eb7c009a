"""What a picture is given wrongly it names: itself, the parameter, and what was expected."""

import inspect
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError, ShapeError

from ..test_vocabulary import WRONG

X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)


def network() -> ebb.Sequential:
    layers = [ebb.layers.Dense(2, "tanh", name="hidden"), ebb.layers.Dense(1, "sigmoid", name="output")]
    model = ebb.Sequential([ebb.Input((2,)), *layers])
    model.compile("sgd", "binary_crossentropy")
    return model


def batch() -> dict[str, Any]:
    return {"model": network(), "x": X, "y": Y}


# what a picture needs, made anew for every call
NEEDED: dict[str, Any] = {
    "activation_histograms": lambda: {"model": network(), "x": X},
    "confusion_matrix": lambda: {"y_true": [0, 1, 1], "y_pred": [0, 1, 0]},
    "decision_regions": lambda: {"model": network(), "x": X, "y": Y[:, 0], "points": 5},
    "gradient_norms": lambda: {"models": network(), "x": X, "y": Y},
    "hidden_units": lambda: {"model": network()},
    "learning_curves": lambda: {"history": {"loss": [1.0, 2.0]}},
    "loss_surface": lambda: {"loss_of": np.hypot, "points": 3, "levels": 3},
    "optimizer_path": lambda: {"optimizer": "sgd", "loss_of": lambda a, b: a * a + b * b, "start": (1, 1)},
    "reconstructions": lambda: {"originals": X, "reconstructed": X},
    "weight_histograms": lambda: {"model": network()},
}
# which of the wrong things are right here, by what they then are
RIGHT = {
    "dead": "0",  # a number of 0 or more
    "layer": "0",  # its number
    "logarithmic": "0",  # a flag
    "normalize": "0",
    "seed": "0",
    "steps": "0",
    "class_names": "mixed",  # whatever can be written
    "feature_names": "mixed",
}
NOT_FOR_THE_MODEL = "expected inputs of shape"  # its first layer says this
DRAWN = [name for name in plot.__all__ if name != "graph"]  # whose arguments are those of the function drawn


@pytest.mark.parametrize("name", DRAWN)
def test_a_wrong_argument_raises_an_error_with_the_names_of_picture_and_parameter(name: str) -> None:
    draw = getattr(plot, name)
    for parameter in inspect.signature(draw).parameters:
        for label, wrong in WRONG.items():
            arguments = NEEDED.get(name, batch)() | {parameter: wrong}
            if label in RIGHT.get(parameter, "").split():
                draw(**arguments)
                continue
            told = rf"(?s){name}.*\b{parameter}\b" + (f"|{NOT_FOR_THE_MODEL}" if parameter == "x" else "")
            with pytest.raises((ArgumentError, ShapeError), match=told):
                draw(**arguments)
                pytest.fail(f"{name} took {wrong!r} for {parameter}")
