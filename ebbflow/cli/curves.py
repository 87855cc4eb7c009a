"""Learning curves as a PNG picture, drawn with Pillow alone.

Lengths are in points; the picture is drawn at `OVERSAMPLING` times its final resolution and averaged down, which gives
smooth lines, and its final resolution is `PIXELS_PER_POINT` pixels per point, which keeps it crisp on fine screens.
"""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PIXELS_PER_POINT = 2
OVERSAMPLING = 2

WIDTH, PANEL_HEIGHT, TITLE_HEIGHT = 760, 300, 44
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 30, 44  # margins of the axes inside a panel

INK, FAINT, GRID, PAPER = "#1f2933", "#697586", "#e4e8ee", "#ffffff"
TRAINING, VALIDATION = "#2166ac", "#d6610a"
MARKERS_UP_TO = 25  # epochs; more dots than this only thicken the line

Curves = Mapping[str, Sequence[float]]


def draw_curves(history: Curves, best_epoch: int | None = None, title: str = "") -> bytes:
    """Return a PNG with one panel per quantity of `history`, training and validation together.

    `history` is as `fit` returns it: `{"loss": [...], "val_loss": [...], ...}`, a value per epoch. `best_epoch` counts
    from 1 and is marked in every panel.
    """
    names = [name for name in history if not name.startswith("val_")]
    canvas = Canvas(WIDTH, TITLE_HEIGHT + PANEL_HEIGHT * len(names))
    canvas.text((LEFT, TITLE_HEIGHT / 2 + 4), title, INK, size=16, anchor="lm")
    for index, name in enumerate(names):
        _draw_panel(canvas, TITLE_HEIGHT + index * PANEL_HEIGHT, name, history, best_epoch)
    return canvas.to_png()


class Canvas:
    """A white picture whose drawing methods take points and whose lines come out smooth."""

    def __init__(self, width: float, height: float) -> None:
        from PIL import Image, ImageDraw

        self.scale = PIXELS_PER_POINT * OVERSAMPLING
        self.image = Image.new("RGB", (round(width * self.scale), round(height * self.scale)), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.fonts: dict[float, Any] = {}

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float = 1.0) -> None:
        pixels = [(x * self.scale, y * self.scale) for x, y in points]
        self.draw.line(pixels, fill=color, width=round(width * self.scale), joint="curve")

    def dashes(self, start: tuple[float, float], end: tuple[float, float], color: str, dash: float = 4.0) -> None:
        length = math.dist(start, end)
        for begin in range(0, math.ceil(length), round(2 * dash)):
            stop = min(begin + dash, length)
            ends = [
                tuple(a + (b - a) * part / length for a, b in zip(start, end, strict=True)) for part in (begin, stop)
            ]
            self.line(ends, color)

    def dot(self, center: tuple[float, float], color: str, radius: float) -> None:
        x, y, r = center[0] * self.scale, center[1] * self.scale, radius * self.scale
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def text(self, at: tuple[float, float], text: str, color: str, size: float = 11, anchor: str = "lm") -> None:
        position = (at[0] * self.scale, at[1] * self.scale)
        self.draw.text(position, text, fill=color, font=self.font(size), anchor=anchor)

    def text_width(self, text: str, size: float = 11) -> float:
        return self.draw.textlength(text, font=self.font(size)) / self.scale

    def font(self, size: float) -> Any:
        from PIL import ImageFont

        if size not in self.fonts:
            self.fonts[size] = ImageFont.load_default(size=size * self.scale)
        return self.fonts[size]

    def to_png(self) -> bytes:
        buffer = io.BytesIO()
        dots_per_inch = 72 * PIXELS_PER_POINT
        self.image.reduce(OVERSAMPLING).save(buffer, "PNG", optimize=True, dpi=(dots_per_inch, dots_per_inch))
        return buffer.getvalue()


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` laid along a canvas from `start` to `end`, on a linear or a logarithmic scale."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def position(self, value: float) -> float:
        low, high, value = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        return logarithmic_ticks(self.low, self.high) if self.logarithmic else linear_ticks(self.low, self.high)


def linear_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten inside [low, high], about `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    slack = 1e-9 * step
    first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
    return [index * step for index in range(first, last + 1)]


def logarithmic_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten inside [low, high]; the powers alone where that would be crowded."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    return [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]


def _draw_panel(canvas: Canvas, top: float, name: str, history: Curves, best_epoch: int | None) -> None:
    curves = {"training": (history[name], TRAINING)}
    if f"val_{name}" in history:
        curves["validation"] = (history[f"val_{name}"], VALIDATION)
    values = [value for curve, _ in curves.values() for value in curve if math.isfinite(value)]
    bottom = top + PANEL_HEIGHT - BOTTOM
    across = Axis(1, max(len(history[name]), 2), LEFT, WIDTH - RIGHT)
    upward = value_axis(values or [0.0], bottom, top + TOP)

    _draw_grid(canvas, across, upward, name)
    if best_epoch is not None:
        x = across.position(best_epoch)
        canvas.dashes((x, upward.start), (x, upward.end), FAINT)
    for label, (curve, color) in curves.items():
        _draw_curve(canvas, across, upward, curve, color)
        if best_epoch is not None and label == "validation" and math.isfinite(curve[best_epoch - 1]):
            center = (across.position(best_epoch), upward.position(curve[best_epoch - 1]))
            canvas.dot(center, PAPER, 5.5)
            canvas.dot(center, color, 4)
    _draw_legend(canvas, top + TOP - 14, {label: color for label, (_, color) in curves.items()}, best_epoch)


def value_axis(values: Sequence[float], bottom: float, top: float) -> Axis:
    low, high = min(values), max(values)
    if low > 0 and high / low > 20:  # otherwise the first epochs would press everything later onto the floor
        return Axis(low / 1.15, high * 1.15, bottom, top, logarithmic=True)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return Axis(low - margin, high + margin, bottom, top)


def _draw_grid(canvas: Canvas, across: Axis, upward: Axis, name: str) -> None:
    for value in upward.ticks():
        height = upward.position(value)
        canvas.line([(across.start, height), (across.end, height)], GRID)
        canvas.text((across.start - 8, height), f"{value:.4g}", FAINT, anchor="rm")
    canvas.line([(across.start, upward.start), (across.end, upward.start)], FAINT)
    for epoch in sorted({round(tick) for tick in across.ticks() if tick >= 1} | {1}):
        x = across.position(epoch)
        canvas.line([(x, upward.start), (x, upward.start + 4)], FAINT)
        canvas.text((x, upward.start + 8), str(epoch), FAINT, anchor="ma")
    canvas.text(((across.start + across.end) / 2, upward.start + 25), "epoch", INK, anchor="ma")
    heading = f"{name}, log scale" if upward.logarithmic else name
    canvas.text((across.start, upward.end - 14), heading, INK, size=12, anchor="lm")


def _draw_curve(canvas: Canvas, across: Axis, upward: Axis, curve: Sequence[float], color: str) -> None:
    finite = [(epoch, value) for epoch, value in enumerate(curve, 1) if math.isfinite(value)]
    points = [(across.position(epoch), upward.position(value)) for epoch, value in finite]
    if len(points) > 1:
        canvas.line(points, color, width=1.75)
    if len(points) <= MARKERS_UP_TO:
        for point in points:
            canvas.dot(point, color, 2.5)


def _draw_legend(canvas: Canvas, y: float, curves: Mapping[str, str], best_epoch: int | None) -> None:
    x: float = WIDTH - RIGHT
    entries = list(curves.items()) + ([(f"best: epoch {best_epoch}", FAINT)] if best_epoch is not None else [])
    for label, color in reversed(entries):
        x -= canvas.text_width(label)
        canvas.text((x, y), label, INK)
        if color == FAINT:
            canvas.dashes((x - 26, y), (x - 6, y), color)
        else:
            canvas.line([(x - 26, y), (x - 6, y)], color, width=2)
        x -= 42
