"""Learning curves: what training logged, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..functions.arguments import expect, unknown
from ..training.callbacks.monitor import direction_of
from .canvas import COLORS, FAINT, FEW_POINTS, panels, tidy, whole_ticks


def learning_curves(history: Any, metrics: Sequence[str] | str | None = None, axes: Any = None) -> Any:
    """Draw each logged quantity against the epoch, with the validation data's in the same color, dashed.

    The best epoch is marked with a dot: the least value of a loss or an error, the greatest of an accuracy or another
    score; of the validation data where there are any.

    Parameters:
        history: the History that `fit` returned, or its dict {name: a value for each epoch}.
        metrics: which names to draw, without `val_`; by default all.
        axes: one Axes for each metric; by default new ones.

    Returns the Axes, or the Figure where there are several.
    Raises ArgumentError for what is no history, and for a name that it does not hold.
    """
    curves = _curves_of(history)
    known = [name for name in curves if not (name.startswith("val_") and name[4:] in curves)]
    listed = metrics is None or isinstance(metrics, (str, list, tuple))
    expect(listed, "learning_curves", "metrics", "names", metrics)
    names = known if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics or ())
    for name in names:
        if name not in curves:
            raise unknown("learning_curves", "metrics among", known, name)
    result, places = panels("learning_curves", len(names), axes, (5.2, 3.8))
    epochs = np.asarray(getattr(history, "epoch", []), int)
    for k, (name, place) in enumerate(zip(names, places, strict=True)):
        _draw(place, name, curves, epochs, COLORS[k % len(COLORS)])
    return result


def _curves_of(history: Any) -> dict[str, np.ndarray]:
    given = getattr(history, "history", history)
    if not isinstance(given, Mapping) or not given:
        raise ArgumentError(
            f"learning_curves: expected the History of a fit of some epochs for history, or its dict, got {given!r}"
        )
    return {name: np.asarray(values, float).reshape(-1) for name, values in given.items()}


def _draw(axes: Any, name: str, curves: dict[str, np.ndarray], epochs: np.ndarray, color: str) -> None:
    pairs = [("training", name, "-")] if not name.startswith("val_") else []
    pairs += [("validation", one, "--") for one in (f"val_{name}", name) if one.startswith("val_") and one in curves]
    for label, key, style in pairs:
        values = curves[key]
        marker = "." if len(values) <= FEW_POINTS else None
        axes.plot(_numbers(epochs, len(values)), values, style, color=color, marker=marker, label=label)
    if name != "learning_rate":
        _mark_best(axes, name, curves[pairs[-1][1]], epochs, color)
    tidy(axes, name, "epoch", name)
    whole_ticks(axes.xaxis)
    axes.legend(frameon=False)


def _numbers(epochs: np.ndarray, count: int) -> np.ndarray:
    """The numbers of the epochs, counted from 1; of the last `count` ones where not all were measured."""
    return epochs + 1 if len(epochs) == count else np.arange(1, count + 1)


def _mark_best(axes: Any, name: str, values: np.ndarray, epochs: np.ndarray, color: str) -> None:
    finite = np.isfinite(values)
    if not finite.any():
        return
    grows = direction_of(name) == "max"
    place = int(np.argmax(np.where(finite, values, -np.inf)) if grows else np.argmin(np.where(finite, values, np.inf)))
    epoch, best = int(_numbers(epochs, len(values))[place]), float(values[place])
    axes.axvline(epoch, color=FAINT, linewidth=0.8, linestyle=":")
    label = f"best: {best:.4g} in epoch {epoch}"
    axes.plot([epoch], [best], "o", markersize=8, markeredgecolor="white", color=color, label=label)
