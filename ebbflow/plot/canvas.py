"""What all pictures share: matplotlib, imported when it is first needed, axes to draw on, and colors."""

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from ..functions.arguments import expect

# Eight colors that color-blind readers can tell apart.
# Source: Okabe, Ito (2008), "Color Universal Design: How to make figures and presentations that are friendly to
# colorblind people".
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#444444")
INK, FAINT, GRID = "#1f2933", "#697586", "#e4e8ee"
FORWARD, BACKWARD = COLORS[0], "#B8480A"
DIVERGING, GROWING = "RdBu_r", "viridis"
FEW_POINTS = 25  # more dots than this only thicken a line


def matplotlib(module: str = "pyplot") -> Any:
    """A module of matplotlib; raises ImportError, with what to do, where it is missing."""
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise ImportError("ebbflow.plot needs matplotlib: pip install 'ebbflow[plot]'") from error


def new_axes(owner: str, axes: Any, size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """The given axes, or those of a new figure of this size in inches; raises ArgumentError for what is no Axes."""
    if axes is None:
        return matplotlib().subplots(figsize=size, layout="constrained")[1]
    return expect_axes(owner, axes)


def expect_axes(owner: str, axes: Any) -> Any:
    """The axes; raises ArgumentError for anything else."""
    expect(isinstance(axes, matplotlib("axes").Axes), owner, "axes", "Axes of matplotlib", axes)
    return axes


def panels(owner: str, count: int, axes: Any, size: tuple[float, float], columns: int = 3) -> tuple[Any, list[Any]]:
    """What to return, and one Axes for each panel: the given ones, or those of a new figure.

    `size`: of one panel in inches. Raises ArgumentError when fewer axes are given than there are panels.
    """
    pyplot = matplotlib()
    if axes is not None:
        given = list(np.ravel(np.asarray(axes, object)))
        expect(len(given) >= count, owner, "axes", f"{count} Axes", len(given))
        given = [expect_axes(owner, one) for one in given]
        return given[0] if count == 1 else given[0].figure, given[:count]
    columns = min(columns, count)
    rows = -(-count // columns)
    shape = {"nrows": rows, "ncols": columns, "squeeze": False, "layout": "constrained"}
    figure, grid = pyplot.subplots(figsize=(size[0] * columns, size[1] * rows), **shape)
    for spare in grid.flat[count:]:
        spare.remove()
    return grid.flat[0] if count == 1 else figure, list(grid.flat[:count])


def tidy(axes: Any, title: str, across: str = "", upward: str = "", grid: bool = True) -> None:
    """Title, labels, a faint grid behind the data, and no frame on the right and above."""
    axes.set_title(title, fontsize=11, color=INK)
    axes.set_xlabel(across)
    axes.set_ylabel(upward)
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)


def whole_ticks(axis: Any) -> None:
    """Ticks of an axis at whole numbers only."""
    axis.set_major_locator(matplotlib("ticker").MaxNLocator(integer=True))


def matrix(owner: str, name: str, data: Any, axes: int = 2) -> np.ndarray:
    """Finite numbers with so many axes; raises ArgumentError for others."""
    array = np.asarray(data)
    if array.dtype.kind not in "biuf" or array.ndim != axes or not array.size:
        raise ArgumentError(f"{owner}: expected an array of numbers with {axes} axes for {name}, got {describe(array)}")
    return array


def words(owner: str, name: str, given: Any, count: int) -> list[Any] | None:
    """So many names or more; raises ArgumentError for fewer, and for what is no list of them."""
    if given is None:
        return None
    fits = isinstance(given, (list, tuple, np.ndarray)) and np.ndim(given) == 1 and len(given) >= count
    expect(fits, owner, name, f"a list of {count} names", given)
    return list(given)


def describe(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def as_images(owner: str, rows: np.ndarray, image_shape: Sequence[int] | None) -> np.ndarray | None:
    """Rows as images (rows, height, width) or (rows, height, width, 3); None for rows that are not images.

    Without image_shape, rows that have two axes, or three of which the last is of 1, 3 or 4, are images.
    Raises ArgumentError where the shape does not fit.
    """
    if image_shape is None:
        shape = rows.shape[1:]
        if not (len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3, 4))):
            return None
    else:
        shape = tuple(image_shape) if isinstance(image_shape, (list, tuple)) else ()
        whole = all(isinstance(side, (int, np.integer)) and side > 0 for side in shape)
        fits = len(shape) in (2, 3) and whole and int(np.prod(shape)) == int(np.prod(rows.shape[1:]))
        allowed = f"(height, width) or (height, width, channels) of {int(np.prod(rows.shape[1:]))} numbers"
        expect(fits and (len(shape) == 2 or shape[-1] in (1, 3, 4)), owner, "image_shape", allowed, image_shape)
    images = rows.reshape(len(rows), *shape)
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def show_image(axes: Any, image: np.ndarray, colormap: str = "gray", low: Any = None, high: Any = None) -> None:
    """One image without ticks."""
    axes.imshow(image, cmap=colormap, vmin=low, vmax=high, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
