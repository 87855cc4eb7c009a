"""Gradient norms: how much of the error arrives at each layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autodiff import GradientTape
from ..functions.arguments import expect
from ..training.model import Model
from ..training.saving import all_layers
from .canvas import COLORS, new_axes, tidy
from .looking import loss_of_batch, own_weights, sample_of, undisturbed


def gradient_norms_of(model: Any, x: Any, y: Any) -> dict[str, float]:
    """The norm of the loss's gradient at each layer with weights, by the layer's name, in the order of the layers.

    ||dL/dW|| = sqrt(sum of (dL/dw)^2 over all weights w of the layer), L the loss of the rows x, y as one batch, as the
    model predicts (no dropout).

    Raises ArgumentError for a model that is not compiled, ShapeError for data that do not fit it.
    """
    inputs, targets = sample_of("gradient_norms_of", model, x, y)
    groups = [(layer.name, own_weights(layer)) for layer in all_layers(model)]
    groups = [(name, weights) for name, weights in groups if weights]
    every = [weight for _, weights in groups for weight in weights]
    with undisturbed(model), GradientTape() as tape:
        loss = loss_of_batch(model, inputs, targets)
    with undisturbed(model):
        gradients = iter(tape.gradient(loss, every, unconnected_gradients="zero"))
        return {name: _norm([next(gradients) for _ in weights]) for name, weights in groups}


def _norm(gradients: list[Any]) -> float:
    return float(np.sqrt(sum(np.sum(gradient.numpy().astype(np.float64) ** 2) for gradient in gradients)))


def gradient_norms(models: Any, x: Any, y: Any, axes: Any = None) -> Any:
    """Draw ||dL/dW|| layer by layer: bars for one model, on a logarithmic scale a line for each of several.

    Where norms shrink from the last layer to the first, gradients vanish, and the first layers hardly learn.

    Parameters:
        models: a compiled model, or a dict {label: model}.
        x, y: rows to compute the loss on, as one batch.
        axes: to draw on; by default new ones.

    Returns the Axes. Raises as `gradient_norms_of`.
    Source: Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks".
    """
    several = isinstance(models, Mapping)
    expect(not several or len(models) > 0, "gradient_norms", "models", "a model or a dict of models", models)
    for model in models.values() if several else [models]:
        expect(isinstance(model, Model), "gradient_norms", "models", "a model or a dict of models", model)
    found = {label: gradient_norms_of(model, x, y) for label, model in (models if several else {"": models}).items()}
    axes = new_axes("gradient_norms", axes)
    draw = _lines if several else _bars
    draw(axes, found)
    return axes


def _bars(axes: Any, found: dict[str, dict[str, float]]) -> None:
    (norms,) = found.values()
    axes.bar(range(len(norms)), list(norms.values()), color=COLORS[0], width=0.7)
    turn = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if len(norms) > 5 else {}
    axes.set_xticks(range(len(norms)), list(norms), **turn)
    tidy(axes, "Gradient at each layer", "layer, from input to output", "norm of dL/dW")


def _lines(axes: Any, found: dict[str, dict[str, float]]) -> None:
    longest = max(len(norms) for norms in found.values())
    for k, (label, norms) in enumerate(found.items()):
        places = np.arange(1, len(norms) + 1)
        axes.plot(places, list(norms.values()), "-o", markersize=5, color=COLORS[k % len(COLORS)], label=label)
    if any(value > 0 for norms in found.values() for value in norms.values()):
        axes.set_yscale("log")
    axes.set_xticks(_ticks(longest))
    tidy(axes, "Gradient at each layer", "layer with weights, from input to output", "norm of dL/dW")
    axes.legend(frameon=False)


def _ticks(count: int) -> list[int]:
    step = max(1, count // 12)
    return list(range(1, count + 1, step))
