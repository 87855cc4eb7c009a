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


def structure_of(model: Any) -> Hashable:
    """What of a model's layers and losses is written into compiled code: their kinds, functions, flags and numbers."""
    parts: list[Any] = [*_layers(model), model.loss, *model.metrics]
    return tuple((type(part), *_plain_attributes(part)) for part in parts)


def _layers(layer: Layer) -> list[Layer]:
    return [layer, *(inner for one in layer.sublayers for inner in _layers(one))]


def _plain_attributes(part: Any) -> list[tuple[str, Hashable]]:
    written = (bool, int, float, str, type(None))
    own = getattr(part, "__dict__", {}).items()
    return [(name, value) for name, value in own if isinstance(value, written) or callable(value)]
