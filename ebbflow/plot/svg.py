"""Boxes and arrows as SVG text."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ..core.files import atomic_write
from .layout import Edge, Layout, lay_out

# fill, border and corner radius of each kind of box
STYLES = {
    "input": ("#eef1f5", "#697586", 14),
    "layer": ("#dcebf7", "#0072B2", 5),
    "operation": ("#fdf0dc", "#b57400", 14),
    "weight": ("#ddf1ea", "#009E73", 2),
    "constant": ("#ffffff", "#b6c0cc", 2),
    "output": ("#eef1f5", "#1f2933", 14),
}
TITLE, SMALL, LEADING, PADDING, MARGIN = 13, 11, 15, 9, 16
# mean widths of a character, as parts of its size; texts are pressed into their box where a font is wider
BOLD_WIDTH, PLAIN_WIDTH = 0.61, 0.56


@dataclass(frozen=True)
class Box:
    """A node to be drawn: its kind, its title, and lines below."""

    kind: str
    title: str
    lines: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[float, float]:
        widths = [len(self.title) * TITLE * BOLD_WIDTH, *(len(line) * SMALL * PLAIN_WIDTH for line in self.lines)]
        return max(44.0, max(widths) + 2 * PADDING), TITLE + 2 * PADDING + LEADING * len(self.lines)


class Drawing:
    """A graph as a picture: shown by notebooks, `save(path)` writes it, `str()` is its SVG text.

    Attributes: boxes; edges, pairs of numbers of boxes; svg.
    """

    def __init__(self, title: str, boxes: Sequence[Box], edges: Sequence[Edge]):
        self.title, self.boxes, self.edges = title, list(boxes), list(edges)
        self.svg = _svg(title, self.boxes, lay_out([box.size for box in boxes], edges))

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing {self.title}: {len(self.boxes)} boxes, {len(self.edges)} arrows>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the SVG text to a file."""
        atomic_write(path, self.svg.encode())


def _svg(title: str, boxes: list[Box], layout: Layout) -> str:
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN} {-MARGIN} {width:.0f} {height:.0f}" font-family="Helvetica, Arial, sans-serif" '
        'text-anchor="middle">',
        f"<title>{_clean(title)}</title>",
        '<defs><marker id="ebbflow-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0.5 L8,4 L0,7.5 z" fill="#697586"/></marker></defs>',
        f'<rect x="{-MARGIN}" y="{-MARGIN}" width="{width:.0f}" height="{height:.0f}" fill="white"/>',
    ]
    for edge, points in layout.routes.items():
        lines.append(
            f'<path class="edge" data-from="{edge[0]}" data-to="{edge[1]}" d="{_path(points)}" fill="none" '
            'stroke="#697586" stroke-width="1.2" marker-end="url(#ebbflow-arrow)"/>'
        )
    for number, (box, center) in enumerate(zip(boxes, layout.centers, strict=True)):
        lines += _box(number, box, center)
    return "\n".join([*lines, "</svg>\n"])


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Smooth curves that leave and reach every point vertically."""
    x, y = points[0]
    parts = [f"M{x:.1f},{y:.1f}"]
    for to_x, to_y in points[1:]:
        middle = (y + to_y) / 2
        parts.append(f"C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}")
        x, y = to_x, to_y
    return " ".join(parts)


def _box(number: int, box: Box, center: tuple[float, float]) -> list[str]:
    fill, border, radius = STYLES[box.kind]
    (width, height), (x, y) = box.size, center
    left, top = x - width / 2, y - height / 2
    described = quoteattr(_plain(" ".join([box.title, *box.lines])))
    lines = [
        f'<g class={quoteattr(box.kind)} data-node="{number}" aria-label={described}>',
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius}" fill="{fill}" '
        f'stroke="{border}"/>',
        f'<text x="{x:.1f}" y="{top + PADDING + TITLE - 2:.1f}" font-size="{TITLE}" font-weight="bold" '
        f'fill="#1f2933">{_clean(box.title)}</text>',
    ]
    for k, line in enumerate(box.lines, 1):
        height_of_line = top + PADDING + TITLE - 2 + LEADING * k
        lines.append(
            f'<text x="{x:.1f}" y="{height_of_line:.1f}" font-size="{SMALL}" fill="#4a5565">{_clean(line)}</text>'
        )
    return [*lines, "</g>"]


def _plain(text: str) -> str:
    """The text without the control characters that XML does not allow."""
    return "".join(character if character.isprintable() else " " for character in text)


def _clean(text: str) -> str:
    return escape(_plain(text))
