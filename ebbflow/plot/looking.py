"""Looking into a model without changing it: its layers' inputs and outputs, its loss, its gradients."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor, eagerly
from ..core.variable import Variable
from ..layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from ..layers.base import Layer
from ..training.data import batch_of, prepare_rows, prepare_x
from ..training.model import Model
from ..training.saving import all_layers

ACTIVATIONS = (Activation, ReLU, LeakyReLU, ELU, PReLU, Softmax)


def expect_model(owner: str, model: Any) -> Model:
    """The model; raises ArgumentError for anything else."""
    if not isinstance(model, Model):
        raise ArgumentError(f"{owner}: expected an ebbflow model, got {type(model).__name__}")
    return model


def expect_built(owner: str, model: Any) -> Model:
    """The model; raises ArgumentError unless its weights exist."""
    if not expect_model(owner, model).weights:
        raise ArgumentError(f"{owner}: expected a model with weights, got {model} without; call it once on data first")
    return model


def inputs_of(owner: str, x: Any) -> Tensor:
    """All rows of x as one batch."""
    return as_tensor(batch_of("x", prepare_x(owner, x, whole=True), slice(None)))


def sample_of(owner: str, model: Any, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """All rows of x and y as one batch of a compiled model, which is built for them."""
    expect_model(owner, model).compilation(owner)
    rows = prepare_rows(owner, x, y, whole=True)
    model.build_for(rows["x"].shape, rows["y"], owner)
    inputs, targets = (as_tensor(batch_of(name, rows[name], slice(None))) for name in ("x", "y"))
    return inputs, targets


def loss_of_batch(model: Any, x: Tensor, y: Tensor) -> Tensor:
    """The loss of a batch as the model predicts: no dropout, running moments; with the penalties of the weights."""
    return model.compute_loss(x, y, model(x, training=False))


@contextlib.contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Inside this context everything is computed at once; after it every variable is as before."""
    before = [(variable, variable.held) for variable in model.variables]
    try:
        with eagerly():
            yield
    finally:
        for variable, value in before:
            if variable.held is not value:
                variable.assign(value)


@contextlib.contextmanager
def watched(layers: list[Layer], note: Callable[[Layer, tuple[Any, ...], Any], Any]) -> Iterator[None]:
    """Inside this context `note(layer, arguments, output)` is asked what each call of the layers shall return."""

    def watch(layer: Layer) -> None:
        call = layer.call
        layer.call = lambda *args, **kwargs: note(layer, args, call(*args, **kwargs))  # type: ignore[method-assign]

    for layer in layers:
        watch(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def leaves(model: Any) -> list[Layer]:
    """The layers without layers inside, in the order in which the model has them."""
    return [layer for layer in all_layers(model) if not layer.sublayers]


def own_weights(layer: Layer) -> list[Variable]:
    """The trainable weights of a layer that belong to no layer inside it."""
    inner = {id(weight) for one in layer.sublayers for weight in one.weights}
    return [weight for weight in layer.trainable_weights if id(weight) not in inner]


def activities(owner: str, model: Any, x: Any) -> list[tuple[Layer, np.ndarray]]:
    """The outputs for x of each layer that has weights or is an activation, in the order of the calls."""
    found: list[tuple[Layer, np.ndarray]] = []
    batch = inputs_of(owner, x)
    expect_model(owner, model).build_for(batch.shape, caller=owner)

    def note(layer: Layer, arguments: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, Tensor) and (layer.weights or isinstance(layer, ACTIVATIONS)):
            found.append((layer, output.numpy()))
        return output

    with undisturbed(model), watched(leaves(model), note):
        model(batch, training=False)
    return found


def activation_name(layer: Layer) -> str:
    """The name of the function that a layer ends in, "linear" where it has none."""
    function = getattr(layer, "activation", None)
    if function is None:
        return type(layer).__name__.lower() if isinstance(layer, ACTIVATIONS) else "linear"
    return getattr(function, "__name__", "activation")
