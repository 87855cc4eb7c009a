"""The steps that a model may override, held to what a runner needs of them, whether it interprets or compiles them."""

import inspect
from collections.abc import Callable, Hashable
from typing import Any

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..layers.base import Layer


def train_loss(model: Any, x: Tensor, y: Tensor) -> Tensor:
    """One training step; returns its loss. Raises ArgumentError unless train_step(x, y) returns one number."""
    _expect_arguments(model.train_step, x, y)
    loss = model.train_step(x, y)
    if not isinstance(loss, Tensor) or loss.shape != ():
        came = loss.aval if isinstance(loss, Tensor) else repr(loss)
        raise ArgumentError(
            f"train_step: expected it to return the loss of the batch, a tensor of one number, got {came}"
        )
    return loss


def test_loss(model: Any, x: Tensor, y: Tensor) -> Any:
    """One measuring step; what it returns is not used."""
    _expect_arguments(model.test_step, x, y)
    return model.test_step(x, y)


def row_outputs(model: Any, x: Tensor) -> Tensor:
    """The outputs for a batch. Raises ShapeError unless they are one tensor with a row for every row of x."""
    outputs = model.predict_step(x)
    if not isinstance(outputs, Tensor):
        raise ShapeError(f"predict: expected the model to return one tensor, got {type(outputs).__name__}")
    if outputs.shape[:1] != x.shape[:1]:
        raise ShapeError(
            f"predict: expected one row of outputs for each of the {x.shape[0]} rows of a batch, got {outputs.aval}"
        )
    return outputs


def metric_values(model: Any) -> dict[str, Tensor]:
    """The present value of every metric, by name. Raises ShapeError for one that is not one number."""
    results = model.metric_results()
    for name, value in results.items():
        if not isinstance(value, Tensor) or value.shape != ():
            came = value.aval if isinstance(value, Tensor) else type(value).__name__
            raise ShapeError(f"metric {name}: expected result() to be a tensor of one number, got {came}")
    return results


def _expect_arguments(step: Callable[..., Any], *arguments: Any) -> None:
    try:
        inspect.signature(step).bind(*arguments)
    except TypeError:
        name = getattr(step, "__name__", "step")
        raise ArgumentError(f"{name}: expected a method of (self, x, y), got {name}{inspect.signature(step)}") from None


# attributes that no traced step depends on
_BOOKKEEPING = frozenset(
    [
        "name",
        "_name",
        "_given",
        "_weights",
        "_hyperparameters",
        "_slots",
        "_shuffle",
        "_compilation",
        "built",
        "input_shape",
        "output_shape",
        "stop_training",
        "history",
        "extra",
        "programs",
        "optimized",
        "variables",
        "iterations",
    ]
)


def structure_of(model: Any) -> Hashable:
    """What of a model is written into compiled code: the attributes of its layers, loss, metrics and optimizer.

    Numbers and texts count by value, lists and dicts by what they hold, all else by which object it is.
    """
    parts = [*_layers(model), model.loss, *model.metrics, model.optimizer]
    return tuple((type(part), _attributes(part)) for part in parts)


def _layers(layer: Layer) -> list[Layer]:
    return [layer, *(inner for one in layer.sublayers for inner in _layers(one))]


def _attributes(part: Any) -> Hashable:
    own = getattr(part, "__dict__", {})
    return tuple((name, _identity(value)) for name, value in own.items() if name not in _BOOKKEEPING)


def _identity(value: Any) -> Hashable:
    if isinstance(value, (bool, int, float, str, bytes, type(None))):
        return type(value), repr(value)
    if isinstance(value, (list, tuple)):
        return type(value), *map(_identity, value)
    if isinstance(value, dict):
        return dict, *((_identity(key), _identity(one)) for key, one in value.items())
    return _Same(value)


class _Same:
    """Equal to another one of the very same object."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
