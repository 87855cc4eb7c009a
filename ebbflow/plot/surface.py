"""Loss surfaces: the loss as a function of two numbers, and the ways that optimizers take on it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import optimizers
from ..autodiff import GradientTape
from ..core.aval import aval_of
from ..core.errors import ArgumentError
from ..core.tensor import Tensor, as_tensor, bind, eagerly, trace
from ..core.variable import Variable
from ..functions.arguments import expect, expect_integer, is_number
from ..functions.array import cast
from ..functions.naming import expect_flag
from .canvas import GROWING, matplotlib, matrix, new_axes, tidy
from .looking import loss_of_batch, sample_of

Loss = Callable[[Any, Any], Any]


def loss_surface(
    loss_of: Loss,
    ranges: Sequence[Sequence[float]] = ((-1.0, 1.0), (-1.0, 1.0)),
    paths: Mapping[str, Any] | None = None,
    points: int = 41,
    levels: int = 20,
    logarithmic: bool = False,
    axes: Any = None,
) -> Any:
    """Draw the contours of a loss L(a, b), and the paths of optimizers on it.

    Parameters:
        loss_of: a function of two numbers (tensors), of ebbflow operations; or what `loss_along` returns.
        ranges: (from, to) of a and of b.
        paths: {label: (steps, 2) points}, as `optimizer_path` returns them.
        points: of the grid, along each axis.
        levels: how many contours.
        logarithmic: whether the levels are powers apart; for losses above 0.
        axes: to draw on; by default new ones.

    Returns the Axes. Raises ArgumentError for a bad argument.
    """
    owner = "loss_surface"
    expect(callable(loss_of), owner, "loss_of", "a function of two numbers", loss_of)
    expect(paths is None or isinstance(paths, Mapping), owner, "paths", "a dict {label: points}", paths)
    logarithmic = expect_flag(owner, "logarithmic", logarithmic)
    points, levels = expect_integer(owner, "points", points, 2), expect_integer(owner, "levels", levels, 2)
    across, upward = (np.linspace(*pair, points) for pair in _ranges(owner, ranges))
    drawn = {label: matrix(owner, f"paths[{label!r}]", path) for label, path in (paths or {}).items()}
    for label, path in drawn.items():
        expect(path.shape[1] == 2, owner, f"paths[{label!r}]", "points of two numbers", f"{path.shape[1]}")
    with eagerly():
        heights = np.array([[_value(owner, loss_of, a, b) for a in across] for b in upward])
    axes = new_axes(owner, axes)
    _contours(owner, axes, across, upward, heights, levels, logarithmic)
    for k, (label, path) in enumerate(drawn.items()):
        color = ("#D55E00", "#000000", "#CC79A7", "#E69F00", "#009E73", "#0072B2")[k % 6]
        axes.plot(path[:, 0], path[:, 1], "-o", markersize=3, linewidth=1.4, color=color, label=label)
        axes.plot(*path[-1], "*", markersize=12, markeredgecolor="white", color=color)
    axes.set_xlim(across[0], across[-1])
    axes.set_ylim(upward[0], upward[-1])
    names = getattr(loss_of, "names", ("first weight", "second weight"))
    tidy(axes, "Loss surface", *names, grid=False)
    if drawn:
        axes.legend(framealpha=0.85)
    return axes


def _ranges(owner: str, ranges: Any) -> list[tuple[float, float]]:
    given = np.asarray(ranges, object)
    fits = given.shape == (2, 2) and all(map(is_number, given.flat)) and all(low < high for low, high in given)
    expect(fits, owner, "ranges", "((low, high), (low, high))", ranges)
    return [(float(low), float(high)) for low, high in given]


def _value(owner: str, loss_of: Loss, a: float, b: float) -> float:
    loss = as_tensor(loss_of(as_tensor(np.float64(a)), as_tensor(np.float64(b))))
    expect(loss.shape == (), owner, "loss_of", "a function that returns one number", loss)
    return float(loss.numpy())


def _contours(
    owner: str, axes: Any, across: Any, upward: Any, heights: np.ndarray, levels: int, logarithmic: bool
) -> None:
    finite = heights[np.isfinite(heights)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    heights = np.ma.masked_invalid(heights)
    if high <= low:  # a flat surface has no contours
        axes.pcolormesh(across, upward, heights, cmap=GROWING, shading="nearest")
        return
    if logarithmic:
        expect(low >= 0, owner, "loss_of", "losses of 0 or more, to take logarithms,", float(low))
        steps = np.geomspace(max(low, high * 1e-6), high, levels)
        heights = np.maximum(heights, steps[0])
        norm = matplotlib("colors").LogNorm(steps[0], steps[-1])
        filled = axes.contourf(across, upward, heights, steps, cmap=GROWING, norm=norm, alpha=0.85)
    else:
        steps = matplotlib("ticker").MaxNLocator(levels).tick_values(low, high)
        filled = axes.contourf(across, upward, heights, steps, cmap=GROWING, alpha=0.85)
    axes.contour(across, upward, heights, steps, colors="white", linewidths=0.5)
    bar = axes.figure.colorbar(filled, ax=axes, label="loss")
    if logarithmic:
        bar.set_ticks(steps[:: max(1, levels // 8)], labels=[f"{s:.3g}" for s in steps[:: max(1, levels // 8)]])
    bar.ax.minorticks_off()


def optimizer_path(optimizer: Any, loss_of: Loss, start: Sequence[float], steps: int = 50) -> np.ndarray:
    """The points that an optimizer visits on L(a, b): float64 of shape (steps + 1, 2), beginning with `start`.

    Parameters:
        optimizer: Optimizer (a copy without memory is used) or its name.
        loss_of: a function of two numbers (tensors), of ebbflow operations; or what `loss_along` returns.
        start: two numbers.
        steps: how many updates.

    Raises ArgumentError for a bad argument.
    """
    owner = "optimizer_path"
    expect(callable(loss_of), owner, "loss_of", "a function of two numbers", loss_of)
    given = np.asarray(start, object)
    expect(given.shape == (2,) and all(map(is_number, given)), owner, "start", "two numbers", start)
    steps = expect_integer(owner, "steps", steps, 0)
    try:
        found = optimizers.get(optimizer)
    except ArgumentError as error:
        raise ArgumentError(f"{owner}: for optimizer, {error}") from None
    own = type(found).from_config(found.get_config())
    with eagerly():
        weights = Variable(np.asarray(start, np.float64), name="point")
        path = [weights.numpy()]
        for _ in range(steps):
            with GradientTape() as tape:
                loss = as_tensor(loss_of(weights[0], weights[1]))
            expect(loss.shape == (), owner, "loss_of", "a function that returns one number", loss)
            gradient = tape.gradient(loss, weights, unconnected_gradients="zero")
            own.apply([gradient], [weights], loss=loss)
            path.append(weights.numpy())
    return np.stack(path)


class LossAlong:
    """L(a, b) of a model near its weights: call it with two numbers or tensors.

    The model's forward pass and loss were traced once; a call computes this graph with other weights, so that the model
    stays as it is, and a tape can differentiate with respect to a and b.
    Attributes: names, of the two axes.
    """

    def __init__(self, traced: Any, data: Sequence[Tensor], held: dict[Any, Tensor], names: tuple[str, str], move: Any):
        self._traced, self._data, self._held, self._move, self.names = traced, data, held, move, names

    def __call__(self, a: Any, b: Any) -> Tensor:
        moved = {**self._held, **self._move(as_tensor(a), as_tensor(b))}
        graph = self._traced.graph
        known = dict(zip(graph.inputs, [*self._data, *(moved[v] for v in self._traced.variables)], strict=True))
        for node in graph.nodes:
            if node.is_constant:
                known[node] = as_tensor(node.value)
            elif node not in known:
                known[node] = bind(node.primitive, *(known[source] for source in node.inputs), **node.params)
        return known[graph.outputs[0]]


def loss_along(
    model: Any, x: Any, y: Any, weights: Sequence[tuple[str, Any]] | None = None, seed: int = 0
) -> LossAlong:
    """The loss of a compiled model on the rows x, y as a function of two numbers a and b, for `loss_surface`.

    By default L(W + a U + b V) with W the weights as they are, and U, V two random directions, in which the weights
    into each unit are normalized:

        U_j <- U_j ||W_j|| / ||U_j|| for each column j of a matrix of weights, 0 for biases and other vectors,

    so that a = 1 changes each unit as much as its weights are large. With `weights`, a and b are the values of two
    single weights.

    Parameters:
        model: compiled; its loss is that of prediction (no dropout), with penalties.
        x, y: the rows, as one batch.
        weights: two pairs (name, index), such as (("dense/kernel", (0, 1)), ("dense/bias", 1)).
        seed: of the random directions.

    Raises ArgumentError for a model that is not compiled, and for weights that there are not.
    Source: Li, Xu, Taylor, Studer, Goldstein (2018), "Visualizing the Loss Landscape of Neural Nets".
    """
    owner = "loss_along"
    inputs, targets = sample_of(owner, model, x, y)
    batch = [("x", aval_of(inputs.numpy())), ("y", aval_of(targets.numpy()))]
    with eagerly():
        traced = trace(lambda one, two: loss_of_batch(model, one, two), batch, "loss")
    held = {variable: variable.held for variable in traced.variables}
    if weights is None:
        move, names = _random_plane(owner, model, seed), ("first direction", "second direction")
    else:
        move, names = _two_weights(owner, model, weights)
    return LossAlong(traced, (inputs, targets), held, names, move)


def _random_plane(owner: str, model: Any, seed: int) -> Callable[[Tensor, Tensor], dict[Variable, Tensor]]:
    rng = np.random.default_rng(expect_integer(owner, "seed", seed, 0))
    matrices = {weight: weight.numpy() for weight in model.trainable_weights if weight.aval.ndim >= 2}
    if not matrices:
        raise ArgumentError(f"{owner}: expected a model with matrices of weights, got {model} without; choose weights")
    first, second = ({weight: _direction(rng, value) for weight, value in matrices.items()} for _ in range(2))

    def move(a: Tensor, b: Tensor) -> dict[Variable, Tensor]:
        return {
            weight: as_tensor(value)
            + cast(a, weight.dtype) * as_tensor(first[weight])
            + cast(b, weight.dtype) * as_tensor(second[weight])
            for weight, value in matrices.items()
        }

    return move


def _direction(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """A random direction with columns as long as those of the weights."""
    direction = rng.normal(size=weights.shape)
    lengths = [np.linalg.norm(one.reshape(-1, one.shape[-1]), axis=0) for one in (weights, direction)]
    return (direction * lengths[0] / np.maximum(lengths[1], 1e-30)).astype(weights.dtype)


def _two_weights(owner: str, model: Any, pairs: Any) -> tuple[Any, tuple[str, str]]:
    several = isinstance(pairs, (list, tuple)) and len(pairs) == 2
    fits = several and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs)
    expect(fits, owner, "weights", "two pairs (name, index)", pairs)
    known = {weight.name: weight for weight in model.trainable_weights}
    places = []
    for name, index in pairs:
        expect(name in known, owner, "weights", f"names among {', '.join(known)}", name)
        place = (index,) if isinstance(index, (int, np.integer)) else tuple(index)
        shape = known[name].shape
        inside = len(place) == len(shape) and all(-n <= k < n for k, n in zip(place, shape, strict=True))
        expect(inside, owner, "weights", f"an index into {name} of shape {shape}", index)
        places.append((known[name], tuple(k % n for k, n in zip(place, shape, strict=True))))
    expect(places[0] != places[1], owner, "weights", "two different weights", pairs)

    def move(a: Tensor, b: Tensor) -> dict[Variable, Tensor]:
        moved: dict[Variable, Tensor] = {}
        for (weight, place), number in zip(places, (a, b), strict=True):
            mask = np.zeros(weight.shape, weight.dtype)
            mask[place] = 1
            before = moved.get(weight, weight.held)
            moved[weight] = before * as_tensor(1 - mask) + cast(number, weight.dtype) * as_tensor(mask)
        return moved

    names = tuple(f"{weight.name}[{', '.join(map(str, place))}]" for weight, place in places)
    return move, names  # type: ignore[return-value]
