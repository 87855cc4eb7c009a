"""The steps that a model may override, held to what a runner needs of them, whether it interprets or compiles them."""

import inspect
from collections.abc import Callable, Hashable
from typing import Any

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..layers.base import Layer
from ..layers.belongings import rules_of


def train_loss(model: Any, *batch: Tensor) -> Tensor:
    """One training step on (x, y) or (x, y, sample_weight); returns its loss.

    Raises ArgumentError unless train_step takes the batch and returns one number.
    """
    _expect_arguments(model.train_step, batch)
    loss = _noted(model, model.train_step, batch)
    if not isinstance(loss, Tensor) or loss.shape != ():
        came = loss.aval if isinstance(loss, Tensor) else repr(loss)
        raise ArgumentError(
            f"train_step: expected it to return the loss of the batch, a tensor of one number, got {came}"
        )
    return loss


def test_loss(model: Any, *batch: Tensor) -> Any:
    """One measuring step on (x, y) or (x, y, sample_weight); returns what the step does."""
    _expect_arguments(model.test_step, batch)
    return _noted(model, model.test_step, batch)


def _noted(model: Any, step: Callable[..., Any], batch: tuple[Tensor, ...]) -> Any:
    """What a step returns; a loss that it has not told the metrics by itself is added to the mean of the losses."""
    tracker = model.metrics[0]
    before = tracker.count.assigned
    loss = step(*batch)
    if tracker.count.assigned is before and isinstance(loss, Tensor) and loss.shape == ():
        tracker.update_state(loss, sample_weight=float(batch[0].shape[0]))
    return loss


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
    """The present value of every metric, by name. Raises ShapeError for one that is not a tensor."""
    results = {
        name: value.value if isinstance(value, Variable) else value for name, value in model.metric_results().items()
    }
    for name, value in results.items():
        if not isinstance(value, Tensor):
            raise ShapeError(f"metric {name}: expected result() to be a tensor, got {type(value).__name__}")
    return results


def accepts(method: Callable[..., Any], parameter: str) -> bool:
    """Whether a method takes this argument by name."""
    parameters = inspect.signature(method).parameters.values()
    return any(one.name == parameter or one.kind is one.VAR_KEYWORD for one in parameters)


def expect_weights(method: Callable[..., Any], others: str) -> None:
    """Raise ArgumentError unless a method takes weights besides its other arguments."""
    if not accepts(method, "sample_weight"):
        name = getattr(method, "__name__", "method")
        raise ArgumentError(
            f"{name}: expected a method of (self, {others}, sample_weight=None), got "
            f"{name}{inspect.signature(method)}; there are sample or class weights, which it must use"
        )


def _expect_arguments(step: Callable[..., Any], batch: tuple[Tensor, ...]) -> None:
    try:
        inspect.signature(step).bind(*batch)
    except TypeError:
        name = getattr(step, "__name__", "step")
        weighted = len(batch) > 2
        form, hint = "(self, x, y)", ""
        if weighted:
            form = "(self, x, y, sample_weight=None)"
            hint = "; there are sample or class weights, which it must give to compute_loss"
        raise ArgumentError(f"{name}: expected a method of {form}, got {name}{inspect.signature(step)}{hint}") from None


# attributes that no traced step depends on
BOOKKEEPING = frozenset(
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
    """What of a model is written into compiled code: the attributes of its layers, loss, metrics and optimizer, and the
    penalties and constraints of its weights.

    Numbers and texts count by value, lists and dicts by what they hold, all else by which object it is.
    """
    schedule = getattr(model.optimizer, "schedule", None)
    parts = [*_layers(model), model.loss, *model.metrics, model.optimizer, schedule]
    rules = ((_identity(rule), _attributes(rule)) for rule in rules_of(model))
    return *((type(part), _attributes(part)) for part in parts), *rules


def _layers(layer: Layer) -> list[Layer]:
    return [layer, *(inner for one in layer.sublayers for inner in _layers(one))]


def _attributes(part: Any) -> Hashable:
    own = getattr(part, "__dict__", {})
    return tuple((name, _identity(value)) for name, value in own.items() if name not in BOOKKEEPING)


def _identity(value: Any) -> Hashable:
    if isinstance(value, (bool, int, float, str, bytes, type(None))):
        return type(value), repr(value)
    if isinstance(value, (list, tuple)):
        return type(value), *map(_identity, value)
    if isinstance(value, dict):
        return dict, *((_identity(key), _identity(one)) for key, one in value.items())
    return Same(value)


class Same:
    """Equal to another one of the very same object."""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
