"""ebbflow: networks of dense layers, their whole training compiled to one native program."""

import importlib
from typing import Any

from .version import __version__

# Each public name and the module that has it; a name that is a module itself stands in _MODULES. Everything is imported
# when first used, so that `import ebbflow` costs next to nothing.
_NAMES = {
    "GradientTape": "autodiff",
    "Initializer": "initializers",
    "Input": "layers",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "training.model",
    "Optimizer": "optimizers",
    "Population": "training.population",
    "Regularizer": "regularizers",
    "Sequential": "training.sequential",
    "Tensor": "core.tensor",
    "Variable": "core.variable",
    "device": "placement",
    "devices": "placement",
    "grad": "autodiff",
    "load_model": "training.loading",
    "restarts": "training.restarts",
    "set_random_seed": "utils",
    "value_and_grad": "autodiff",
}
_MODULES = (
    "activations",
    "callbacks",
    "config",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "plot",
    "population",
    "random",
    "regularizers",
    "sklearn",
    "tables",
    "utils",
)
_EXTRA = ("sklearn",)  # needs what a plain install does not bring, so that `import *` leaves it out
__all__ = ["__version__", *sorted({*_NAMES, *_MODULES} - {*_EXTRA})]


def __getattr__(name: str) -> Any:
    if name not in _NAMES and name not in _MODULES:
        raise AttributeError(f"module 'ebbflow' has no attribute {name!r}")
    importlib.import_module("ebbflow.functions")  # completes ebbflow.ops, and gives tensors their operators
    if name == "load_model":
        importlib.import_module("ebbflow.models")  # registers their classes, so that their files load
    if name in _MODULES:
        return importlib.import_module(f"ebbflow.{name}")
    value = getattr(importlib.import_module(f"ebbflow.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
