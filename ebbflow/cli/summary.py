"""The picture of a search: a panel for each hyperparameter, a dot for each setting, drawn with Pillow alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ebbflow.cli.curves import FAINT, GRID, INK, PAPER, TITLE_HEIGHT, TRAINING, VALIDATION, Axis, Canvas, value_axis
from ebbflow.cli.importance import Importance

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS = 380, 260, 2
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 30, 44
MOST_TICKS = 6  # values that are all labelled
SCREENED, FINAL = TRAINING, VALIDATION


def draw_summary(
    screened: Sequence[Any],
    finals: Sequence[Any],
    mattered: Mapping[str, Importance | None],
    figure: str,
    title: str,
) -> bytes:
    """Return a PNG: in the panel of a hyperparameter, each setting's value across and its mean figure upward.

    `screened` and `finals` are Trials. Settings with a network that diverged are left out; what is far above the rest
    stands at the upper edge.
    """
    lines = math.ceil(len(mattered) / COLUMNS)
    canvas = Canvas(COLUMNS * PANEL_WIDTH, TITLE_HEIGHT + lines * PANEL_HEIGHT)
    canvas.text((LEFT, TITLE_HEIGHT / 2 + 4), title, INK, size=16, anchor="lm")
    _draw_legend(canvas)
    means = sorted(trial.mean for trial in [*screened, *finals] if math.isfinite(trial.mean))
    ceiling = _ceiling(means)
    for place, (name, found) in enumerate(mattered.items()):
        left = place % COLUMNS * PANEL_WIDTH
        top = TITLE_HEIGHT + place // COLUMNS * PANEL_HEIGHT
        values = [trial.setting[name] for trial in [*screened, *finals]]
        across = _across(values, left + LEFT, left + PANEL_WIDTH - RIGHT)
        upward = value_axis([*means[:1], min(means[-1], ceiling)], top + PANEL_HEIGHT - BOTTOM, top + TOP)
        _draw_frame(canvas, across, upward, _ticks(across, values), name)
        heading = figure if found is None else f"{figure}, {found.share:.0%} explained by {name}"
        canvas.text((across.start, upward.end - 14), heading, INK, size=12, anchor="lm")
        for trials, color, radius in ((screened, SCREENED, 2.5), (finals, FINAL, 3.5)):
            _draw_dots(canvas, across, upward, trials, name, color, radius, ceiling)
    return canvas.to_png()


def _ceiling(means: Sequence[float]) -> float:
    """Above which a figure would press all others to the floor: the median and thrice its distance from the best."""
    median = means[len(means) // 2]
    return median + 3 * (median - means[0]) if median > means[0] else means[-1]


def _across(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low >= 8
    if logarithmic:
        return Axis(low / 1.2, high * 1.2, start, end, logarithmic=True)
    margin = 0.1 * (high - low) or 0.5
    return Axis(low - margin, high + margin, start, end)


def _ticks(across: Axis, values: Sequence[float]) -> Sequence[float]:
    distinct = sorted(set(values))
    return distinct if len(distinct) <= MOST_TICKS else across.ticks()


def _draw_frame(canvas: Canvas, across: Axis, upward: Axis, ticks: Sequence[float], name: str) -> None:
    for value in upward.ticks():
        height = upward.position(value)
        canvas.line([(across.start, height), (across.end, height)], GRID)
        canvas.text((across.start - 8, height), f"{value:.4g}", FAINT, anchor="rm")
    canvas.line([(across.start, upward.start), (across.end, upward.start)], FAINT)
    for tick in ticks:
        x = across.position(tick)
        canvas.line([(x, upward.start), (x, upward.start + 4)], FAINT)
        canvas.text((x, upward.start + 8), f"{tick:g}", FAINT, anchor="ma")
    label = f"{name}, log scale" if across.logarithmic else name
    canvas.text(((across.start + across.end) / 2, upward.start + 25), label, INK, anchor="ma")


def _draw_dots(
    canvas: Canvas, across: Axis, upward: Axis, trials: Sequence[Any], name: str, color: str, radius: float, top: float
) -> None:
    for trial in trials:
        if math.isfinite(trial.mean):
            center = (across.position(trial.setting[name]), upward.position(min(trial.mean, top)))
            canvas.dot(center, PAPER, radius + 0.75)
            canvas.dot(center, color, radius)


def _draw_legend(canvas: Canvas) -> None:
    x: float = COLUMNS * PANEL_WIDTH - RIGHT
    for label, color in (("final", FINAL), ("screening", SCREENED)):
        x -= canvas.text_width(label)
        canvas.text((x, TITLE_HEIGHT / 2 + 4), label, INK)
        canvas.dot((x - 10, TITLE_HEIGHT / 2 + 4), color, 3.5)
        x -= 34
