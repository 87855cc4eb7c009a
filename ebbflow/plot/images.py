"""Pictures of inputs: what hidden units respond to, and what an autoencoder makes of its inputs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autodiff import GradientTape
from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor
from ..functions.arguments import expect, expect_integer, expect_number
from ..layers.dense import Dense
from .canvas import COLORS, DIVERGING, as_images, matplotlib, matrix, panels, show_image, tidy, whole_ticks
from .looking import expect_built, inputs_of, leaves, undisturbed, watched

STEPS = 100


def hidden_units(
    model: Any,
    layer: int | str = 0,
    image_shape: Sequence[int] | None = None,
    x: Any = None,
    top: int = 10,
    norm: float = 1.0,
    units: int = 24,
) -> Any:
    """Draw what each unit of a Dense layer responds to, as images, or as bars where inputs are not images.

    For the first Dense layer that is its weights. For a deeper one it is an input of norm `norm` that makes the unit's
    weighted sum z as large as gradient ascent can make it:

        v <- v + norm g / ||g||,  v <- norm v / ||v||,  g = dz/dv, in 100 steps that become smaller,

    or, with x, the mean of the `top` rows of x for which z is largest.

    Parameters:
        model: a model with weights, whose inputs have one known shape.
        layer: which Dense layer, by its number among these from 0, or by name.
        image_shape: (height, width) or (height, width, channels) of the inputs, if these are flat.
        x: rows of inputs to choose from, for the mean of the best.
        units: how many are drawn at most.

    Returns the Figure (the Axes of a layer of one unit). Raises ArgumentError for a bad argument.
    Source: Erhan, Bengio, Courville, Vincent (2009), "Visualizing Higher-Layer Features of a Deep Network".
    """
    owner = "hidden_units"
    top, units = expect_integer(owner, "top", top, 1), expect_integer(owner, "units", units, 1)
    norm = expect_number(owner, "norm", norm, low=1e-6)
    dense = [one for one in leaves(expect_built(owner, model)) if isinstance(one, Dense)]
    chosen = _chosen(owner, dense, layer)
    responses = _responses(owner, model, chosen, chosen is dense[0], x, top, norm)[:units]
    kind = "weights" if x is None and chosen is dense[0] else "mean of best rows" if x is not None else "best input"
    images = as_images(owner, responses, image_shape)
    size = (3.0, 1.8) if images is None else (1.3, 1.45)
    result, places = panels(owner, len(responses), None, size, columns=4 if images is None else 8)
    figure = places[0].figure
    figure.suptitle(f"{chosen.name}: {kind} of each unit", fontsize=11)
    limit = float(np.abs(responses).max()) or 1.0
    colormap, low = (DIVERGING, -limit) if responses.min() < 0 else ("gray", 0.0)
    for k, place in enumerate(places):
        if images is None:
            values = responses[k].reshape(-1)
            place.bar(range(len(values)), values, color=COLORS[0])
            tidy(place, f"unit {k}", "input")
            place.set_ylim(-1.05 * limit, 1.05 * limit)
            whole_ticks(place.xaxis)
        else:
            show_image(place, images[k] if images.ndim == 3 else _unit_range(images[k]), colormap, low, limit)
            place.set_title(f"unit {k}", fontsize=8)
    if images is not None and images.ndim == 3:
        _color_bar(figure, places, colormap, low, limit)
    return result


def _chosen(owner: str, dense: list[Dense], layer: int | str) -> Dense:
    if not dense:
        raise ArgumentError(f"{owner}: expected a model with Dense layers, got none")
    names = [one.name for one in dense]
    if isinstance(layer, str):
        expect(layer in names, owner, "layer", f"one of {', '.join(names)}", layer)
        return dense[names.index(layer)]
    return dense[expect_integer(owner, "layer", layer, 0, len(dense) - 1)]


def _responses(owner: str, model: Any, layer: Dense, is_first: bool, x: Any, top: int, norm: float) -> np.ndarray:
    """For each unit of the layer what it responds to, in the shape of an input."""
    shape = model.input_shape or layer.input_shape
    if not isinstance(shape, tuple) or None in shape[1:]:
        raise ArgumentError(f"{owner}: expected a model with one input of a known shape, got {shape}; call it on data")
    if x is not None:
        rows = inputs_of(owner, x)
        with undisturbed(model):
            z = _weighted_sums(model, layer, rows).numpy()
        best = np.argsort(-z.reshape(len(z), -1, layer.units).max(axis=1), axis=0)[:top]
        return np.stack([rows.numpy()[best[:, unit]].mean(axis=0) for unit in range(layer.units)])
    if is_first and int(np.prod(shape[1:])) == layer.kernel.shape[0]:
        return layer.kernel.numpy().T.reshape(layer.units, *shape[1:])
    with undisturbed(model):
        return _ascend(lambda v: _weighted_sums(model, layer, v), layer.units, shape[1:], norm)


def _weighted_sums(model: Any, layer: Dense, x: Tensor) -> Tensor:
    """z = x W + b of the layer when the model gets x."""
    found: list[Tensor] = []

    def note(one: Any, arguments: tuple[Any, ...], output: Any) -> Any:
        z = arguments[0] @ layer.kernel
        found.append(z if layer.bias is None else z + layer.bias)
        return output

    with watched([layer], note):
        model(x, training=False)
    return found[0]


def _ascend(sums: Callable[[Tensor], Tensor], units: int, shape: Sequence[int], norm: float) -> np.ndarray:
    """For each unit, a point of this norm where its weighted sum is large."""
    axes = tuple(range(1, len(shape) + 1))
    values = np.random.default_rng(0).normal(size=(units, *shape)).astype(np.float32)

    def scaled(rows: np.ndarray) -> np.ndarray:
        lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=axes, keepdims=True))
        return (rows * (norm / np.maximum(lengths, 1e-30))).astype(np.float32)

    values = scaled(values)
    for step in range(STEPS):
        point = as_tensor(values)
        with GradientTape() as tape:
            tape.watch(point)
            z = sums(point)
        own = np.eye(units, dtype=z.dtype).reshape(units, *(1,) * (z.ndim - 2), units)
        gradient = tape.gradient(z, point, np.broadcast_to(own, z.shape).copy(), unconnected_gradients="zero").numpy()
        values = scaled(values + scaled(gradient) * (1 - step / STEPS))
    return values


def _unit_range(image: np.ndarray) -> np.ndarray:
    """A picture in colors, its numbers spread over 0 to 1."""
    low, high = image.min(), image.max()
    return (image - low) / ((high - low) or 1.0)


def _color_bar(figure: Any, places: list[Any], colormap: str, low: float, high: float) -> None:
    scale = matplotlib("cm").ScalarMappable(matplotlib("colors").Normalize(low, high), colormap)
    figure.colorbar(scale, ax=places, shrink=0.8)


def reconstructions(
    originals: Any, reconstructed: Any, image_shape: Sequence[int] | None = None, count: int = 10
) -> Any:
    """Draw inputs and below each of them what an autoencoder made of it: images, or curves where they are not images.

    Parameters:
        originals, reconstructed: rows, of equal shapes; rows of two axes are images.
        image_shape: (height, width) or (height, width, channels) of flat rows.
        count: how many of the first rows to draw.

    Returns the Figure (the Axes of a single curve). The titles give the mean squared error of each row.
    Raises ArgumentError for arrays that do not fit.
    """
    owner = "reconstructions"
    count = expect_integer(owner, "count", count, 1)
    first, second = (
        matrix(owner, name, rows, max(np.ndim(rows), 2))
        for name, rows in (("originals", originals), ("reconstructed", reconstructed))
    )
    expect(first.shape == second.shape, owner, "reconstructed", f"the shape {first.shape} of originals", second.shape)
    first, second = first[:count].astype(float), second[:count].astype(float)
    errors = ((first - second) ** 2).reshape(len(first), -1).mean(axis=1)
    before, after = as_images(owner, first, image_shape), as_images(owner, second, image_shape)
    if before is None or after is None:
        return _curves(owner, first, second, errors)
    low, high = min(first.min(), second.min()), max(first.max(), second.max())
    spread = (high - low) or 1.0
    _, places = panels(owner, 2 * len(first), None, (1.2, 1.4), columns=len(first))
    for k, (place, image) in enumerate(zip(places, [*before, *after], strict=True)):
        show_image(place, image if image.ndim == 2 else (image - low) / spread, "gray", low, high)
        if k >= len(first):
            place.set_title(f"{errors[k - len(first)]:.2g}", fontsize=8)
    places[0].set_ylabel("original")
    places[len(first)].set_ylabel("reconstructed")
    places[0].figure.suptitle("Reconstructions, with their mean squared errors", fontsize=11)
    return places[0].figure


def _curves(owner: str, first: np.ndarray, second: np.ndarray, errors: np.ndarray) -> Any:
    result, places = panels(owner, len(first), None, (3.2, 2.4), columns=4)
    for k, place in enumerate(places):
        place.plot(first[k].reshape(-1), "-o", markersize=3, color=COLORS[0], label="original")
        place.plot(second[k].reshape(-1), "--s", markersize=3, color=COLORS[1], label="reconstructed")
        tidy(place, f"row {k}: error {errors[k]:.2g}", "feature", "value")
    places[0].legend(frameon=False, fontsize=8)
    return result
