"""What to say when the loss is NaN or infinite: the first layer whose output is not finite."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.errors import NonFiniteLossError
from ..core.tensor import Tensor, as_tensor, eagerly
from ..layers.base import Layer
from .finite import check_finite
from .plan import Plan
from .saving import all_layers


def check_rows(plan: Plan, epoch: int, step: int, caller: str) -> None:
    """Raise ArgumentError, with row and column, if what this step read is NaN or infinite."""
    passed, place = plan.place_of(epoch, step)
    rows = plan.rows_of(plan.order_of(passed), place)
    for name, array in plan.data.items():
        check_finite(caller, name, array[rows], rows)


def non_finite_loss(model: Any, plan: Plan, epoch: int, step: int, caller: str) -> NonFiniteLossError:
    """The error for a step with a bad loss, of a model that is as before this step."""
    passed, place = plan.place_of(epoch, step)
    layer = first_bad_layer(model, plan.batch_of(plan.order_of(passed), place)[0])
    if layer is None:
        cause = "every layer's output is finite, so it arose in the loss function, its weights or a penalty"
    elif all(np.isfinite(weight.numpy()).all() for weight in layer.weights):
        cause = f"{layer} is the first layer with an output that is not finite"
    else:
        cause = f"{layer} has weights that are not finite after the step before"
    message = (
        f"{caller}: the loss is not finite in epoch {epoch + 1}/{plan.epochs}, step {step + 1}/{plan.steps_per_epoch}: "
        f"{cause}; try a smaller learning rate, inputs scaled to about -1 .. 1, or smaller initial weights"
    )
    return NonFiniteLossError(message, epoch, step, layer.name if layer else None)


def first_bad_layer(model: Layer, x: np.ndarray) -> Layer | None:
    """The first layer, in the order in which they finish, with an output that is not finite for this batch."""
    bad: list[Layer] = []

    def note(layer: Layer, output: Any) -> None:
        if isinstance(output, Tensor) and not np.isfinite(output.numpy()).all():
            bad.append(layer)

    before = [variable.value for variable in model.variables]
    try:
        with eagerly(), watched(all_layers(model), note):
            model(as_tensor(x), training=True)
    finally:  # a forward pass moves random states and batch statistics on
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
    return bad[0] if bad else None


@contextlib.contextmanager
def watched(layers: list[Layer], note: Callable[[Layer, Any], None]) -> Iterator[None]:
    """Inside this context, `note(layer, output)` is called whenever one of the layers was called."""

    def watch(layer: Layer) -> None:
        call = layer.call

        def watched(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            note(layer, output)
            return output

        layer.call = watched  # type: ignore[method-assign]

    for layer in layers:
        watch(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call
