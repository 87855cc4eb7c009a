"""Histograms of weights and of activations, layer by layer."""

from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..functions.arguments import expect_integer, expect_number
from ..training.saving import all_layers
from .canvas import COLORS, panels, tidy
from .looking import activation_name, activities, expect_built, own_weights

_RECTIFIERS = ("relu", "relu6")
# how far an output is on its way to where the derivative vanishes, 1 being there
_SIGMOIDS = {
    "tanh": np.abs,
    "hard_tanh": np.abs,
    "sigmoid": lambda y: np.maximum(y, 1.0 - y),
    "hard_sigmoid": lambda y: np.maximum(y, 1.0 - y),
}


def weight_histograms(model: Any, bins: int = 30, axes: Any = None) -> Any:
    """Draw how the trainable weights of each layer are distributed, one panel a layer, kernel and bias in two colors.

    Parameters:
        model: a model with weights.
        bins: of each histogram.
        axes: one Axes for each layer with weights; by default new ones.

    Returns the Axes, or the Figure where there are several. Raises ArgumentError for a model without weights.
    """
    bins = expect_integer("weight_histograms", "bins", bins, 1)
    groups = [(layer, own_weights(layer)) for layer in all_layers(expect_built("weight_histograms", model))]
    groups = [(layer, weights) for layer, weights in groups if weights]
    if not groups:
        raise ArgumentError(f"weight_histograms: expected a model with trainable weights, got {model} without")
    result, places = panels("weight_histograms", len(groups), axes, (4.0, 3.0))
    for (layer, weights), place in zip(groups, places, strict=True):
        edges = _edges(np.concatenate([weight.numpy().reshape(-1) for weight in weights]), bins)
        for k, weight in enumerate(weights):
            label = f"{weight.name.rpartition('/')[2]}: {_spread(weight)}"
            _histogram(place, weight.numpy(), edges, COLORS[k % len(COLORS)], label)
        tidy(place, layer.name, "weight", "count")
        place.margins(y=0.35)  # room for the legend
        place.legend(frameon=False, fontsize=8, loc="upper right")
    return result


def _spread(weight: Any) -> str:
    return f"mean {weight.numpy().mean():.2g}, deviation {weight.numpy().std():.2g}"


def activation_histograms(
    model: Any, x: Any, bins: int = 30, dead: float = 0.0, saturated: float = 0.99, axes: Any = None
) -> Any:
    """Draw how the outputs of each layer for the rows x are distributed, one panel a layer.

    The titles tell, for layers that end in relu, the share of dead units, whose output is at most `dead` for every row;
    for those that end in tanh or sigmoid, the share of saturated outputs: |y| > saturated, or max(y, 1 - y) for
    sigmoid.

    Parameters:
        model: a model; its layers with weights and its activation layers are drawn.
        x: rows of inputs.
        bins: of each histogram.
        dead, saturated: thresholds; saturated in [0.5, 1].
        axes: one Axes for each layer; by default new ones.

    Returns the Axes, or the Figure where there are several. Raises ArgumentError for a bad argument, ShapeError for
    inputs that do not fit.
    Sources: Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks"; Lu,
    Shin, Su, Karniadakis (2020), "Dying ReLU and Initialization: Theory and Numerical Examples".
    """
    owner = "activation_histograms"
    bins = expect_integer(owner, "bins", bins, 1)
    dead = expect_number(owner, "dead", dead, low=0.0)
    saturated = expect_number(owner, "saturated", saturated, low=0.5, high=1.0)
    found = activities(owner, model, x)
    if not found:
        raise ArgumentError(f"{owner}: expected a model with layers that have weights or activations, got {model}")
    result, places = panels(owner, len(found), axes, (4.0, 3.0))
    for k, ((layer, output), place) in enumerate(zip(found, places, strict=True)):
        _histogram(place, output, _edges(output, bins), COLORS[k % len(COLORS)])
        name = activation_name(layer)
        note = _trouble(name, output, dead, saturated)
        tidy(place, f"{layer.name} ({name})" + (f"\n{note}" if note else ""), "output", "count")
    return result


def _trouble(name: str, output: np.ndarray, dead: float, saturated: float) -> str:
    """The share of units that do not learn, in words; "" for activations of which this cannot be said."""
    if name in _RECTIFIERS:
        rows = output.reshape(-1, output.shape[-1])
        return f"{(rows.max(axis=0) <= dead).mean():.0%} of units dead, {(rows <= dead).mean():.0%} of outputs 0"
    if name in _SIGMOIDS:
        return f"{(_SIGMOIDS[name](output) > saturated).mean():.0%} of outputs saturated"
    return ""


def _edges(values: np.ndarray, bins: int) -> np.ndarray:
    """The edges of bins for the finite values; equal values make one bin of width 1."""
    values = values[np.isfinite(values)].astype(float)
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    return np.linspace(low, high, bins + 1) if high > low + 1e-6 * abs(low) else np.array([low - 0.5, low + 0.5])


def _histogram(axes: Any, values: np.ndarray, edges: np.ndarray, color: str, label: str | None = None) -> None:
    axes.hist(values[np.isfinite(values)].astype(float), bins=edges, color=color, alpha=0.75, label=label)
