"""Loading: how a model is made of a file again."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import EbbflowError, ModelFileError
from ..core.variable import Variable
from ..functions.catalog import custom_object_scope
from . import ensemble  # noqa: F401  (registers its class, so that its files load)
from .described import compilation_from
from .modelfile import read_model_file
from .saving import all_layers, variable_groups
from .sequential import deserialize


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
    if "model" not in document:
        raise ModelFileError(f"{path}: holds weights and no layers; make the model, and call its load_weights")
    custom = dict(custom_objects or {})
    try:
        with custom_object_scope(custom):
            model: Any = deserialize(document["model"])
        if document["input_shape"] is not None and not model.built:
            model.compute_output_shape(document["input_shape"])
        if compile and document["compile"] is not None:
            model.compile(**compilation_from(document["compile"], custom))
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
