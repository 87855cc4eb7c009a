"""Loading: how a model is made of a file again."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import losses, metrics, optimizers
from ..core.errors import EbbflowError, ModelFileError
from ..core.variable import Variable
from .modelfile import read_model_file
from .saving import all_layers, variable_groups
from .sequential import custom_object_scope, deserialize


def load_model(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> Any:
    """The model in a file, ready to predict, and to go on training as if it had never stopped.

    Parameters:
        custom_objects: by name, the classes and functions of your own that the model uses.
        compile: whether to compile it as it was when it was saved.

    Raises ModelFileError if the file is not a model, is truncated or altered, is of a newer version, or needs a class
    or function that custom_objects does not give, and OSError as `open` does.
    """
    document, arrays = read_model_file(path)
    custom = dict(custom_objects or {})
    try:
        with custom_object_scope(custom):
            model: Any = deserialize(document["model"])
        if document["input_shape"] is not None and not model.built:
            model.compute_output_shape(document["input_shape"])
        if compile and document["compile"] is not None:
            model.compile(**_compilation_from(document["compile"], custom))
            if document["optimized"] is not None:
                model.optimizer.build([model.weights[place] for place in document["optimized"]])
        for layer, trainable in zip(all_layers(model), document["trainable"], strict=False):
            layer.trainable = trainable  # of a layer of layers before that of the layers inside
        _fill(variable_groups(model), document["arrays"], arrays)
    except EbbflowError as error:
        raise ModelFileError(f"{path}: {error}") from error
    model.extra = document["extra"]
    return model


def _fill(groups: dict[str, list[Variable]], keys: dict[str, list[str]], arrays: dict[str, np.ndarray]) -> None:
    """Give every variable its saved value."""
    for group, variables in groups.items():
        saved = [arrays[key] for key in keys[group]]
        if group == "optimizer" and not variables:
            continue  # loaded with compile=False
        _check_shapes(group, variables, saved)
        for variable, array in zip(variables, saved, strict=True):
            variable.assign(array)


def _check_shapes(group: str, variables: Sequence[Variable], saved: Sequence[np.ndarray]) -> None:
    if len(variables) != len(saved):
        raise ModelFileError(
            f"holds {len(saved)} arrays of {group}, but the model has {len(variables)}; has a class changed since?"
        )
    for variable, array in zip(variables, saved, strict=True):
        if (variable.shape, variable.dtype) != (array.shape, array.dtype):
            raise ModelFileError(
                f"holds {array.dtype}{list(array.shape)} for {variable.name}, which is {variable.aval}; "
                "has a class changed since?"
            )


def _compilation_from(saved: dict[str, Any], custom: dict[str, Any]) -> dict[str, Any]:
    return {
        "optimizer": _made_from("optimizer", saved["optimizer"], optimizers, custom),
        "loss": _made_from("loss", saved["loss"], losses, custom),
        "metrics": [_made_from("metric", metric, metrics, custom) for metric in saved["metrics"]],
        "run_eagerly": saved["run_eagerly"],
    }


def _made_from(role: str, saved: Any, known: Any, custom: dict[str, Any]) -> Any:
    """What `_describe` described, found in custom_objects or in the module `known`."""
    if saved is None or (isinstance(saved, str) and saved not in custom):
        return saved
    name = saved if isinstance(saved, str) else saved.get("class_name") or saved["function"]
    found = custom.get(name, getattr(known, name, None))
    if found is None:
        raise ModelFileError(
            f"needs your own {role} {name}; give it as load_model(path, custom_objects={{{name!r}: {name}}}), "
            "or load with compile=False"
        )
    return found.from_config(saved["config"]) if isinstance(saved, dict) and "class_name" in saved else found
