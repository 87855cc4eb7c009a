"""The table that `Model.summary` prints."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.errors import ArgumentError
from ..functions.arguments import expect, expect_integer
from ..functions.naming import expect_flag
from ..layers.base import Layer

HEADER = ("Layer (type)", "Output shape", "Parameters", "Trainable")
LEAST = 8  # of the width of the layers' names


def summarize(
    model: Any,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """One line a layer with output shape and number of parameters, then totals; parameters: as of Model.summary."""
    columns = 4 if expect_flag(str(model), "show_trainable", show_trainable) else 3
    layers = _in_range(model, layer_range)
    if expect_flag(str(model), "expand_nested", expand_nested):
        shown = [one for layer in layers for one in _nested(layer, 0)]
    else:
        shown = [(0, layer) for layer in layers]
    rows = [row[:columns] for row in [HEADER, *(_row(layer, depth) for depth, layer in shown)]]
    widths = [max(len(row[k]) for row in rows) for k in range(columns)]
    if line_length is not None:
        others = sum(widths[1:]) + 2 * (columns - 1)
        widths[0] = expect_integer(str(model), "line_length", line_length, others + LEAST) - others
    rule = "─" * (sum(widths) + 2 * (columns - 1))
    head, *body = (_line(row, widths) for row in rows)
    return "\n".join([str(model), rule, head, rule, *body, rule, *_totals(model)])


def _in_range(model: Any, layer_range: Sequence[str] | None) -> list[Layer]:
    """The layers from the first that matches one expression to the last that matches the other."""
    layers: list[Layer] = model.layers
    if layer_range is None:
        return layers
    good = isinstance(layer_range, (list, tuple)) and len(layer_range) == 2
    good = good and all(isinstance(one, str) for one in layer_range)
    expect(good, str(model), "layer_range", "two names of layers", layer_range)
    first, last = ([k for k, one in enumerate(layers) if re.match(name, one.name)] for name in layer_range)
    if not first or not last:
        raise ArgumentError(
            f"{model}: expected two of {', '.join(one.name for one in layers)} as layer_range, got {layer_range!r}"
        )
    return layers[min(first) : max(last) + 1]


def _nested(layer: Any, depth: int) -> Iterator[tuple[int, Layer]]:
    """The layer and those inside it, each with its depth."""
    yield depth, layer
    for inner in getattr(layer, "layers", None) or layer.sublayers:
        yield from _nested(inner, depth + 1)


def _row(layer: Layer, depth: int) -> tuple[str, ...]:
    count = f"{layer.count_params():,}" if layer.built else "not built"
    name = f"{'  ' * depth}{layer.name} ({type(layer).__name__})"
    return name, _shape(layer.output_shape), count, "yes" if layer.trainable and layer.weights else "no"


def _shape(shape: Any) -> str:
    return "?" if shape is None else str(shape)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    name, shape, *figures = row
    name = name if len(name) <= widths[0] else f"{name[: widths[0] - 1]}…"
    cells = [f"{name:<{widths[0]}}", f"{shape:<{widths[1]}}"]
    return "  ".join(cells + [f"{one:>{width}}" for one, width in zip(figures, widths[2:], strict=True)])


def _totals(model: Any) -> list[str]:
    if not all(layer.built for layer in model.layers):
        return ["The parameters are made when the model first sees data; begin with ebbflow.Input to make them now."]
    kinds = {"Trainable": model.trainable_weights, "Not trainable": model.non_trainable_weights}
    lines = [f"{kind} parameters: {sum(w.aval.size for w in weights):,}" for kind, weights in kinds.items()]
    size = sum(weight.aval.size * weight.dtype.itemsize for weight in model.weights)
    return [f"Total parameters: {sum(w.aval.size for w in model.weights):,} ({_bytes(size)})", *lines]


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
