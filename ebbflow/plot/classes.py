"""Classifiers: where in the plane which class is predicted, and which classes are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..functions.arguments import expect, expect_integer
from ..functions.naming import expect_flag
from .canvas import COLORS, DIVERGING, INK, matplotlib, matrix, new_axes, tidy, words
from .looking import expect_model


def decision_regions(
    model: Any,
    x: Any,
    y: Any,
    points: int = 200,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    axes: Any = None,
) -> Any:
    """Draw what a classifier of two features predicts everywhere around the data, and the data.

    One output is the probability of the second class: it is the shade, and the line is where it is 1/2. With several
    outputs each class has a color, paler where its probability is lower, and lines where the most probable class
    changes. Logits, known from the compiled loss, are made probabilities; for targets of -1 and 1 the shade is the
    output itself, and the line where it is 0.

    Parameters:
        model: anything with `predict`, of one output for each row, or one for each class.
        x: (rows, 2). y: class numbers, one a row, or one-hot rows.
        points: of the grid, along each axis.
        feature_names, class_names: to be written.
        axes: to draw on; by default new ones.

    Returns the Axes. Raises ArgumentError for a bad argument.
    """
    owner = "decision_regions"
    points = expect_integer(owner, "points", points, 2)
    x = matrix(owner, "x", x)
    expect(x.shape[1] == 2, owner, "x", "two features", f"{x.shape[1]}")
    expect(hasattr(model, "predict"), owner, "model", "a model that can predict", model)
    labels = _labels(owner, "y", y)
    expect(len(labels) == len(x), owner, "y", f"{len(x)} rows, as x has,", len(labels))
    across, upward = (_span(x[:, k], points) for k in (0, 1))
    grid = np.stack([one.ravel() for one in np.meshgrid(across, upward)], axis=1)
    outputs = np.asarray(model.predict(grid.astype(x.dtype if x.dtype.kind == "f" else np.float32)), float)
    outputs = outputs.reshape(points, points, -1)
    classes = np.unique(labels)
    drawn = classes if outputs.shape[-1] == 1 else np.arange(outputs.shape[-1])
    written = words(owner, "class_names", class_names, len(drawn))
    names = words(owner, "feature_names", feature_names, 2) or ("feature 1", "feature 2")
    axes = new_axes(owner, axes)
    draw = _two_classes if outputs.shape[-1] == 1 else _many_classes
    draw(axes, across, upward, outputs, model, classes)
    _scatter(axes, x, labels, drawn, written)
    tidy(axes, "Decision regions", names[0], names[1], grid=False)
    axes.legend(loc="best", framealpha=0.85)
    return axes


def _labels(owner: str, name: str, y: Any) -> np.ndarray:
    array = np.asarray(y)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(
            f"{owner}: expected class numbers for {name}, got an array of {array.dtype}; encode the classes first"
        )
    expect(bool(np.isfinite(array).all()), owner, name, "finite class numbers", "NaN or infinity")
    return array.argmax(axis=-1) if array.ndim == 2 and array.shape[1] > 1 else array.reshape(-1)


def _span(values: np.ndarray, points: int) -> np.ndarray:
    margin = 0.1 * (values.max() - values.min()) or 0.5
    return np.linspace(values.min() - margin, values.max() + margin, points)


def _gives_logits(model: Any) -> bool:
    """Whether the compiled loss says that the outputs are logits."""
    loss = getattr(model, "loss", None)
    return bool(getattr(loss, "from_logits", False) or getattr(loss, "fn_kwargs", {}).get("from_logits", False))


def _two_classes(axes: Any, across: Any, upward: Any, outputs: np.ndarray, model: Any, classes: np.ndarray) -> None:
    values = outputs[..., 0]
    low = -1.0 if classes.min() < 0 else 0.0
    label = "output" if low < 0 else "probability of the second class"
    if _gives_logits(model):
        values = np.exp(-np.logaddexp(0.0, -values))
    middle = (low + 1.0) / 2
    extent = (across[0], across[-1], upward[0], upward[-1])
    style = {"vmin": low, "vmax": 1.0, "cmap": DIVERGING, "alpha": 0.55, "interpolation": "bilinear"}
    shade = axes.imshow(values, origin="lower", extent=extent, aspect="auto", **style)
    axes.figure.colorbar(shade, ax=axes, label=label, ticks=np.linspace(low, 1.0, 5))
    if values.min() < middle < values.max():
        axes.contour(across, upward, values, [middle], colors=INK, linewidths=1.5)


def _many_classes(axes: Any, across: Any, upward: Any, outputs: np.ndarray, model: Any, classes: np.ndarray) -> None:
    if _gives_logits(model):
        outputs = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        outputs /= outputs.sum(axis=-1, keepdims=True)
    count = outputs.shape[-1]
    palette = np.array([matplotlib("colors").to_rgb(_color(k)) for k in range(count)])
    best = outputs.argmax(axis=-1)
    strength = 0.15 + 0.4 * np.clip(outputs.max(axis=-1), 0.0, 1.0)[..., None]
    extent = (across[0], across[-1], upward[0], upward[-1])
    picture = 1.0 - strength * (1.0 - palette[best])
    axes.imshow(picture, origin="lower", extent=extent, aspect="auto", interpolation="bilinear")
    for k in range(count):
        lead = outputs[..., k] - np.delete(outputs, k, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            axes.contour(across, upward, lead, [0.0], colors=INK, linewidths=1.0)


def _color(k: int) -> str:
    return COLORS[k % len(COLORS)]


def _scatter(axes: Any, x: np.ndarray, labels: np.ndarray, classes: np.ndarray, names: Any) -> None:
    markers = "osD^vP*X"
    two = len(classes) == 2
    for k, one in enumerate(classes):
        rows = x[labels == one]
        color = ("#2166ac", "#b2182b")[k] if two else _color(k)
        style = {"s": 28, "color": color, "marker": markers[k % 8], "edgecolors": "white", "linewidths": 0.7}
        axes.scatter(rows[:, 0], rows[:, 1], label=names[k] if names else f"class {one:g}", zorder=3, **style)


def confusion_matrix(
    y_true: Any,
    y_pred: Any = None,
    model: Any = None,
    x: Any = None,
    class_names: Sequence[str] | None = None,
    normalize: bool = False,
    axes: Any = None,
) -> Any:
    """Draw how many rows of each class (down) were predicted to be of which class (across).

    Parameters:
        y_true: class numbers from 0, or one-hot rows.
        y_pred: class numbers, or outputs: one a row, of the second class where it is 1/2 or more, or one a class.
        model, x: instead of y_pred, a model and its inputs.
        class_names: to be written; by default the numbers.
        normalize: show shares of each row of the matrix instead of counts.
        axes: to draw on; by default new ones.

    Returns the Axes. Raises ArgumentError for a bad argument.
    """
    owner = "confusion_matrix"
    if (y_pred is None) == (model is None) or (model is None) != (x is None):
        raise ArgumentError(f"{owner}: expected either y_pred, or model and x")
    if model is not None:
        y_pred = expect_model(owner, model).predict(x, verbose=0)
    limit = 0.0 if _gives_logits(model) else 0.5
    true, predicted = _labels(owner, "y_true", y_true).astype(int), _predicted(owner, y_pred, limit)
    expect(len(true) == len(predicted), owner, "y_pred", f"{len(true)} rows, as y_true has,", len(predicted))
    expect(len(true) > 0 and min(true.min(), predicted.min()) >= 0, owner, "y_true", "class numbers from 0", y_true)
    normalize = expect_flag(owner, "normalize", normalize)
    count = int(max(true.max(), predicted.max())) + 1
    names = words(owner, "class_names", class_names, count) or list(range(count))
    count = len(names)
    counts = np.zeros((count, count), int)
    np.add.at(counts, (true, predicted), 1)
    axes = new_axes(owner, axes, (1.6 + 0.55 * max(count, 5), 1.2 + 0.5 * max(count, 5)))
    _draw_matrix(axes, counts, normalize, names)
    axes.set_title(f"Confusion matrix: {np.trace(counts) / counts.sum():.1%} right", fontsize=11)
    return axes


def _predicted(owner: str, y_pred: Any, limit: float = 0.5) -> np.ndarray:
    """Class numbers from class numbers or outputs; one output a row means the second class from `limit` on."""
    array, labels = np.asarray(y_pred), _labels(owner, "y_pred", y_pred)
    single = array.ndim < 2 or array.shape[-1] == 1
    if array.dtype.kind == "f" and single and not (array == np.round(array)).all():
        return (array.reshape(-1) >= limit).astype(int)
    return labels.astype(int)


def _draw_matrix(axes: Any, counts: np.ndarray, normalize: bool, names: list[Any]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.figure.colorbar(picture, ax=axes, label="share of the true class")
    for (i, j), share in np.ndenumerate(shares):
        text = f"{share:.2f}" if normalize else str(counts[i, j])
        axes.text(j, i, text, ha="center", va="center", color="white" if share > 0.55 else INK, fontsize=9)
    long = max(len(str(name)) for name in names) > 4
    axes.set_xticks(range(len(names)), names, **({"rotation": 40, "ha": "right"} if long else {}))
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
