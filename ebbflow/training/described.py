"""What `compile` was told, as plain JSON values, and back."""

from collections.abc import Mapping
from typing import Any

from .. import losses, metrics, optimizers
from ..core.errors import ArgumentError, ModelFileError
from ..functions.catalog import custom_objects


def describe_compilation(model: Any) -> dict[str, Any] | None:
    """What `compile` was told, as plain JSON values; None for a model that was not compiled."""
    if not model.compiled:
        return None
    compilation = model.compilation("save")
    given = compilation.given
    has_numbers = bool(getattr(compilation.loss, "hyperparameters", None))  # which may have changed since
    return {
        "optimizer": _describe("optimizer", compilation.optimizer),
        "loss": _describe("loss", compilation.loss if has_numbers else given["loss"]),
        "loss_weights": compilation.loss_weight,
        "metrics": [_describe("metric", metric) for metric in given["metrics"]],
        "weighted_metrics": [_describe("metric", metric) for metric in given["weighted_metrics"]],
        "run_eagerly": compilation.run_eagerly,
    }


def _describe(role: str, thing: Any) -> Any:
    """A name, an object with a configuration, or a function with a name, as JSON values."""
    if thing is None or isinstance(thing, (str, dict)):
        return thing
    if hasattr(thing, "get_config"):
        return {"class_name": type(thing).__name__, "config": thing.get_config()}
    name = getattr(thing, "__name__", None)
    if name is None or name == "<lambda>":
        raise ArgumentError(
            f"save: expected a {role} with a name, got {thing!r}; define it with def to save it by name"
        )
    return {"function": name}


def compilation_from(saved: Mapping[str, Any], custom: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` from what `get_compile_config` returned."""
    return {
        "optimizer": _made_from("optimizer", saved["optimizer"], optimizers, custom),
        "loss": _made_from("loss", saved["loss"], losses, custom),
        "loss_weights": saved.get("loss_weights"),
        "metrics": [_made_from("metric", metric, metrics, custom) for metric in saved["metrics"]],
        "weighted_metrics": [_made_from("metric", one, metrics, custom) for one in saved.get("weighted_metrics", [])],
        "run_eagerly": saved["run_eagerly"],
    }


def _made_from(role: str, saved: Any, known: Any, custom: Mapping[str, Any]) -> Any:
    """What `_describe` described, found in custom_objects or in the module `known`."""
    if saved is None or (isinstance(saved, str) and saved not in custom):
        return saved
    custom = {**custom_objects(), **custom}
    name = saved if isinstance(saved, str) else saved.get("class_name") or saved["function"]
    found = custom.get(name, getattr(known, name, None))
    if found is None:
        raise ModelFileError(
            f"needs your own {role} {name}; give it as load_model(path, custom_objects={{{name!r}: {name}}}), "
            "or load with compile=False"
        )
    if role == "optimizer" and isinstance(saved, dict):
        return optimizers.deserialize(saved, dict(custom))  # whose schedule may be one of custom, too
    return found.from_config(saved["config"]) if isinstance(saved, dict) and "class_name" in saved else found
