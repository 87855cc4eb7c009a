"""Saving: what of a model goes into a file."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import layers
from ..core.errors import ArgumentError
from ..core.variable import Variable
from ..functions.arguments import expect
from ..functions.naming import expect_flag
from ..layers.base import Layer
from .described import describe_compilation
from .modelfile import read_model_file, write_model_file

Path = str | os.PathLike[str]


def save_model(
    model: Any, path: Path, overwrite: bool = True, zipped: bool | None = None, extra: Mapping[str, Any] | None = None
) -> None:
    """See Model.save."""
    expect(zipped in (None, True), str(model), "zipped", "None or True, since a model is one file,", zipped)
    _expect_free(model, path, overwrite)
    if not isinstance(extra, (Mapping, type(None))):
        raise ArgumentError(f"{model}: expected extra as a dict of JSON values, got {extra!r}")
    groups = variable_groups(model)
    arrays = {
        group: {f"{group}/{k}/{variable.name}": variable.numpy() for k, variable in enumerate(variables)}
        for group, variables in groups.items()
    }
    document = {
        "model": layers.serialize(model),
        "input_shape": model.input_shape,
        "trainable": [layer.trainable for layer in all_layers(model)],
        "compile": describe_compilation(model),
        "optimized": _places(model),
        "arrays": {group: list(named) for group, named in arrays.items()},
        "extra": dict(model.extra if extra is None else extra),
    }
    try:
        write_model_file(path, document, {key: array for named in arrays.values() for key, array in named.items()})
    except TypeError as error:
        raise ArgumentError(f"{model}: expected JSON values in extra and in every get_config; {error}") from error


def save_weights(model: Any, path: Path, overwrite: bool = True, max_shard_size: None = None) -> None:
    """See Model.save_weights."""
    expect(max_shard_size is None, str(model), "max_shard_size", "None, since all is one file,", max_shard_size)
    _expect_free(model, path, overwrite)
    arrays = {f"weights/{k}/{weight.name}": weight.numpy() for k, weight in enumerate(model.weights)}
    write_model_file(path, {"arrays": {"weights": list(arrays)}}, arrays)


def _expect_free(model: Any, path: Path, overwrite: bool) -> None:
    """Raise ArgumentError where a file exists that is not to be overwritten."""
    if not expect_flag(str(model), "overwrite", overwrite) and os.path.exists(path):
        raise ArgumentError(
            f"{model}: expected filepath to be new, got {os.fspath(path)!r}, which exists; give another one, or "
            "overwrite=True"
        )


def load_weights(path: Path) -> list[np.ndarray]:
    """The weights in a model file, or in one of weights only, in the order of `Model.weights`."""
    document, arrays = read_model_file(path)
    return [arrays[key] for key in document["arrays"]["weights"]]


def fitting_weights(model: Any, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """These arrays in place of the model's weights, but for those of another shape, of which a warning tells."""
    own = model.get_weights()
    fits = [array.shape == weight.shape for array, weight in zip(arrays, own, strict=False)]
    fits += [False] * (len(own) - len(fits))
    left = [weight.name for weight, fitting in zip(model.weights, fits, strict=True) if not fitting]
    if left:
        warnings.warn(f"{model}: load_weights left {', '.join(left)} as they are, which the file has not", stacklevel=3)
    return [arrays[k] if fitting else own[k] for k, fitting in enumerate(fits)]


def all_layers(layer: Layer) -> list[Layer]:
    """The layer, then the layers inside, each once and before its own layers."""
    found = {id(layer): layer}
    for inner in layer.sublayers:
        found.update((id(one), one) for one in all_layers(inner))
    return list(found.values())


def variable_groups(model: Any) -> dict[str, list[Variable]]:
    """The variables that a file keeps: weights, random states, settings, and what the optimizer remembers."""
    weights = model.weights
    return {
        "weights": weights,
        "random": model.variables[len(weights) :],
        "hyperparameters": model.hyperparameters,
        "optimizer": model.optimizer.variables if model.compiled else [],
    }


def _places(model: Any) -> list[int] | None:
    """Where among the weights those stand that the optimizer was built for; None if it was not built."""
    if not model.compiled or not model.optimizer.built:
        return None
    place = {variable: k for k, variable in enumerate(model.weights)}
    return [place[variable] for variable in model.optimizer.optimized]
