"""The backpropagation sheet: a small network with all the numbers of one pass forward and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from .canvas import BACKWARD, FAINT, FORWARD, INK, expect_axes, matplotlib
from .worksheet import Stage, Study, a, b, below, d, show, study, w, z

MOST_UNITS, MOST_LAYERS = 4, 4
# in inches
RADIUS, COLUMN, LINE, MARGIN, HEADER = 0.72, 4.6, 0.175, 0.95, 0.75
SIZE = 8.5  # of text, in points


def backpropagation(model: Any, x: Any, y: Any, axes: Any = None) -> Any:
    """Draw a small network with the numbers of one pass forward (blue) and back (red) on it.

    In each unit stand its weighted sum z, its output a, and the loss's derivatives with respect to both; below it its
    bias and the derivative; on each connection the weight and its derivative; on the right the loss L. w₁₂ is the
    weight to unit 1 from unit 2 (`kernel[1, 0]`). For several rows x, z and a are means over the rows, and L is the
    loss of them as one batch: ∂L/∂z and ∂L/∂a are summed over the rows, and so equal the mean over the rows of each
    row's own where the loss is such a mean.

    Parameters:
        model: compiled; Dense layers and activations one after the other, at most 4 of at most 4 units and inputs.
        x, y: one row or more.
        axes: to draw on; by default new ones, large enough.

    Returns the Axes. Raises ArgumentError for a larger or another model.
    Source: Rumelhart, Hinton, Williams (1986), "Learning representations by back-propagating errors".
    """
    found = study("backpropagation", model, x, y)
    widths = [found.stages[0].x.shape[1], *(stage.z.shape[1] for stage in found.stages)]
    if max(widths) > MOST_UNITS or len(found.stages) > MOST_LAYERS:
        raise ArgumentError(
            f"backpropagation: expected at most {MOST_LAYERS} Dense layers of at most {MOST_UNITS} inputs and units, "
            f"got {' x '.join(map(str, widths))}; use backpropagation_table for larger ones"
        )
    sheet = _Sheet.of(widths, axes)
    _draw_connections(sheet, found)
    _draw_inputs(sheet, found)
    for number, stage in enumerate(found.stages, 1):
        _draw_units(sheet, stage, number)
    _draw_loss(sheet, found)
    return sheet.axes


@dataclass
class _Sheet:
    """Axes in inches, y upward, and the place of each unit."""

    axes: Any
    places: list[list[tuple[float, float]]]
    size: tuple[float, float]

    @classmethod
    def of(cls, widths: list[int], axes: Any) -> "_Sheet":
        tallest = max(widths)
        # as many labels of two lines as the tallest layer has units must fit between two units
        step = max(2 * RADIUS + 0.75, (tallest + 1) * 3.0 * LINE)
        height = (tallest - 1) * step + 2 * RADIUS + MARGIN + HEADER
        width = COLUMN * len(widths) - COLUMN + 4 * RADIUS + 2.2
        middle = 0.5 * MARGIN + (height - HEADER - 0.5 * MARGIN) / 2
        places = [
            [(2 * RADIUS + column * COLUMN, middle + ((n - 1) / 2 - k) * step) for k in range(n)]
            for column, n in enumerate(widths)
        ]
        if axes is None:
            figure = matplotlib().figure(figsize=(width, height))
            axes = figure.add_axes((0, 0, 1, 1))
        expect_axes("backpropagation", axes)
        axes.set_xlim(0, width)
        axes.set_ylim(0, height)
        axes.set_aspect("equal")
        axes.axis("off")
        return cls(axes, places, (width, height))

    def text(self, at: tuple[float, float], text: str, color: str = INK, **options: Any) -> None:
        options = {"fontsize": SIZE, "ha": "center", "va": "center", **options}
        self.axes.text(*at, text, color=color, **options)

    def circle(self, at: tuple[float, float], color: str, fill: str) -> None:
        patch = matplotlib("patches").Circle(at, RADIUS, facecolor=fill, edgecolor=color, linewidth=1.2, zorder=3)
        self.axes.add_patch(patch)

    def heading(self, column: int, title: str, subtitle: str) -> None:
        center, top = self.places[column][0][0], self.size[1]
        self.text((center, top - 0.28), title, fontsize=10, fontweight="bold")
        self.text((center, top - 0.48), subtitle, FAINT, fontsize=8.5)


def _draw_inputs(sheet: _Sheet, found: Study) -> None:
    values = found.stages[0].x
    rows = len(values)
    sheet.heading(0, "input", "one example" if rows == 1 else f"mean of {rows} examples")
    for i, at in enumerate(sheet.places[0]):
        sheet.circle(at, FAINT, "#f4f6f8")
        sheet.text(at, f"x{below(i)} = {show(values[:, i].mean())}", FORWARD, zorder=4)


def _draw_units(sheet: _Sheet, stage: Stage, number: int) -> None:
    sheet.heading(number, f"layer {number}: {stage.name}", stage.activation)
    for j, at in enumerate(sheet.places[number]):
        sheet.circle(at, INK, "white")
        sheet.text(
            (at[0], at[1] + 1.5 * LINE), f"{_short(z(number, j))} = {show(stage.z[:, j].mean())}", FORWARD, zorder=4
        )
        sheet.text(
            (at[0], at[1] + 0.5 * LINE), f"{_short(a(number, j))} = {show(stage.a[:, j].mean())}", FORWARD, zorder=4
        )
        sheet.text((at[0], at[1] - 0.6 * LINE), f"∂L/∂a = {show(stage.d_a[:, j].sum())}", BACKWARD, zorder=4)
        sheet.text((at[0], at[1] - 1.6 * LINE), f"∂L/∂z = {show(stage.d_z[:, j].sum())}", BACKWARD, zorder=4)
        if stage.b is not None and stage.d_b is not None:
            low = at[1] - RADIUS - 0.8 * LINE
            sheet.text((at[0], low), f"{_short(b(number, j))} = {show(stage.b[j])}", FORWARD)
            sheet.text((at[0], low - LINE), f"∂L/∂b = {show(stage.d_b[j])}", BACKWARD)


def _short(name: str) -> str:
    """A name without its layer, which stands above the column: z⁽²⁾₁ -> z₁."""
    start, end = name.index("⁽"), name.index("⁾")
    return name[:start] + name[end + 1 :]


def _draw_connections(sheet: _Sheet, found: Study) -> None:
    largest = max(float(np.abs(stage.W).max()) for stage in found.stages) or 1.0
    for number, stage in enumerate(found.stages, 1):
        sources, targets = sheet.places[number - 1], sheet.places[number]
        along = _label_place(sources, targets)
        for i, source in enumerate(sources):
            for j, target in enumerate(targets):
                start, end = (source[0] + RADIUS, source[1]), (target[0] - RADIUS, target[1])
                width = 0.5 + 1.5 * abs(float(stage.W[i, j])) / largest
                sheet.axes.plot(*zip(start, end, strict=True), color="#b6c0cc", linewidth=width, zorder=1)
                at = tuple(p + along * (q - p) for p, q in zip(start, end, strict=True))
                _label(sheet, at, _short(w(number, j, i)), stage.W[i, j], stage.d_W[i, j])


def _label_place(sources: list[Any], targets: list[Any]) -> float:
    """Where on the lines, between 0 and 1, their labels are equally far apart in one column.

    At t the line i -> j has the height (1 - t) p i + t q j, with p, q the distances of units: numbers with digits i, j
    for t q = n (1 - t) p.
    """
    if len(targets) == 1 or len(sources) == 1:
        return 0.5 if max(len(sources), len(targets)) < 4 else (0.35 if len(targets) == 1 else 0.65)
    return len(sources) / (len(sources) + 1)


def _label(sheet: _Sheet, at: Any, name: str, weight: float, gradient: float) -> None:
    corner, width, height = (at[0] - 0.58, at[1] - LINE), 1.16, 2 * LINE
    behind = matplotlib("patches").Rectangle(corner, width, height, facecolor="white", edgecolor="none", zorder=1.5)
    sheet.axes.add_patch(behind)
    sheet.text((at[0], at[1] + 0.5 * LINE), f"{name} = {show(weight)}", FORWARD, zorder=2)
    sheet.text((at[0], at[1] - 0.5 * LINE), f"{d('w')} = {show(gradient)}", BACKWARD, zorder=2)


def _draw_loss(sheet: _Sheet, found: Study) -> None:
    outputs = sheet.places[-1]
    center = outputs[0][0] + RADIUS + 1.75, (outputs[0][1] + outputs[-1][1]) / 2
    for at in outputs:
        sheet.axes.plot([at[0] + RADIUS, center[0]], [at[1], center[1]], color="#b6c0cc", linewidth=1, zorder=1)
    one_row = len(found.targets) == 1
    box = {"boxstyle": "round,pad=0.6", "facecolor": "#fff7ec", "edgecolor": INK}
    words = found.loss_name.replace("_", " ").replace("crossentropy", "\ncrossentropy")
    lines = [words.replace(" \n", "\n"), *(["+ penalties"] if found.penalized else []), f"L = {show(found.loss)}"]
    lines += [f"y{below(k)} = {show(y)}" for k, y in enumerate(found.targets.reshape(-1))] if one_row else []
    sheet.text(center, "\n".join(lines), fontsize=9, bbox=box, zorder=3)
