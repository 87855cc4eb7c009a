"""Images read at other places than their pixels: an affine map of coordinates, and what lies between and beyond pixels.

Coordinates are those of pixels, with (0, 0) the center of the first one: y counts rows, x columns.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ...core.tensor import Tensor
from ...functions import array, shapes
from ...ops.indexing import iota, take

Coefficient = Tensor | float  # (batch,), one for each image, or the same for all


class AffineMap(NamedTuple):
    """Where pixel (x, y) of the result comes from: x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2.

    The numbers 1.0 for a0 and b1 and 0.0 for a1 and b0 cost nothing.
    """

    a0: Coefficient
    a1: Coefficient
    a2: Coefficient
    b0: Coefficient
    b1: Coefficient
    b2: Coefficient


def shifted(dx: Coefficient, dy: Coefficient) -> AffineMap:
    """The map of an image that moves dx pixels to the right and dy pixels down."""
    return AffineMap(1.0, 0.0, -dx, 0.0, 1.0, -dy)


def about_center(
    a0: Coefficient,
    a1: Coefficient,
    b0: Coefficient,
    b1: Coefficient,
    size: tuple[int, ...],
    shift: tuple[Coefficient, Coefficient] = (0.0, 0.0),
) -> AffineMap:
    """The map p' = A (p - c - t) + c with A = [[a0, a1], [b0, b1]], center c and shift t.

    Parameters:
        size: (height, width) of the images.
        shift: t = (dx, dy), by which the image moves after the rest was done about its center.
    """
    cx, cy = (size[1] - 1) / 2, (size[0] - 1) / 2
    x, y = shift[0] + cx, shift[1] + cy
    return AffineMap(a0, a1, cx - a0 * x - a1 * y, b0, b1, cy - b0 * x - b1 * y)


def cosine_and_sine(turns: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi turns, to 1e-13 in float64: Taylor's series of half the angle, cos 2a = cos^2 a - sin^2 a."""
    half = (turns - array.floor(turns + 0.5)) * math.pi
    square = half * half
    cosine, sine = (_polynomial(square, [(-1) ** k / math.factorial(2 * k + odd) for k in range(10)]) for odd in (0, 1))
    sine = sine * half
    return cosine * cosine - sine * sine, 2.0 * sine * cosine


def _polynomial(x: Tensor, coefficients: list[float]) -> Tensor:
    """The sum of coefficients[k] x^k."""
    result = shapes.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = result * x + coefficient
    return result


# beyond the edge


def _clamped(i: Tensor, n: int) -> Tensor:
    return array.clip(i, 0.0, n - 1.0)


def _wrapped(i: Tensor, n: int) -> Tensor:
    return i - array.floor(i / n) * n


def _reflected(i: Tensor, n: int) -> Tensor:
    """Forth and back again: 0 1 2 2 1 0 0 1 2 ..."""
    place = _wrapped(i, 2 * n)
    return array.minimum(place, 2.0 * n - 1.0 - place)


FILL_MODES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "reflect": _reflected,  # (d c b a | a b c d | d c b a)
    "wrap": _wrapped,  # (a b c d | a b c d | a b c d)
    "constant": _clamped,  # (k k k k | a b c d | k k k k); what is read there is replaced
    "nearest": _clamped,  # (a a a a | a b c d | d d d d)
}
INTERPOLATIONS = ("bilinear", "nearest")


# between pixels


class _Neighbor(NamedTuple):
    """A row or column that a pixel of the result is read from."""

    place: Tensor  # int32
    weight: Tensor | float
    inside: Tensor  # whether the image has this place itself


def _neighbors(coordinate: Tensor, n: int, interpolation: str, fill_mode: str) -> list[_Neighbor]:
    first = array.floor(coordinate if interpolation == "bilinear" else coordinate + 0.5)
    if interpolation == "nearest":
        return [_neighbor(first, 1.0, n, fill_mode)]
    weight = coordinate - first
    return [_neighbor(first, 1.0 - weight, n, fill_mode), _neighbor(first + 1.0, weight, n, fill_mode)]


def _neighbor(place: Tensor, weight: Tensor | float, n: int, fill_mode: str) -> _Neighbor:
    found = FILL_MODES[fill_mode](place, n)
    return _Neighbor(array.cast(found, "int32"), weight, array.equal(found, place))


def resample(
    images: Tensor, source: AffineMap, interpolation: str, fill_mode: str, fill_value: Tensor | float
) -> Tensor:
    """Each image read where `source` says.

    Parameters:
        images: floats (batch, height, width) or (batch, height, width, channels).
        interpolation: "bilinear" weights the four pixels around a place by nearness, "nearest" takes one.
        fill_mode: a name in FILL_MODES, which says what lies beyond the edges.
        fill_value: what "constant" finds there, also where only some of the four pixels lie there.

    Returns images of the same shape.
    """
    batch, height, width, *channels = images.shape
    depth = math.prod(channels)
    x, y, channel = _places(height, width, depth, images.dtype)
    table = images.reshape((images.size,))
    start = iota((batch, 1), 0) * (height * width * depth) + channel

    def pixel(row: _Neighbor, column: _Neighbor) -> Tensor:
        found = take(table, start + (row.place * width + column.place) * depth)
        if fill_mode != "constant":
            return found
        return array.where(array.logical_and(row.inside, column.inside), found, fill_value)

    a0, a1, a2, b0, b1, b2 = (one if isinstance(one, float) else one.reshape((batch, 1)) for one in source)
    columns = _neighbors(_sum(a0, x, a1, y, a2), width, interpolation, fill_mode)
    rows = _neighbors(_sum(b1, y, b0, x, b2), height, interpolation, fill_mode)
    result = _weighted(rows, lambda row: _weighted(columns, lambda column: pixel(row, column)))
    return result.reshape(images.shape)


def _places(height: int, width: int, depth: int, dtype: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Column, row and channel of all numbers of an image, each (1, height * width * depth).

    All in one axis, so that vectors are full even where rows are short, and Flatten has nothing to move.
    """
    place = iota((1, height * width * depth), 1, dtype)
    pixel = array.floor(place / depth)
    row = array.floor(pixel / width)
    return pixel - row * width, row, array.cast(place - pixel * depth, "int32")


def _sum(a: Coefficient, x: Tensor, b: Coefficient, y: Tensor, c: Coefficient) -> Tensor:
    """a x + b y + c."""
    along = x if isinstance(a, float) and a == 1.0 else a * x
    return along + c if isinstance(b, float) and b == 0.0 else along + b * y + c


def _weighted(neighbors: list[_Neighbor], value: Callable[[_Neighbor], Tensor]) -> Tensor:
    first, *others = (one.weight * value(one) for one in neighbors)
    return first + others[0] if others else first
