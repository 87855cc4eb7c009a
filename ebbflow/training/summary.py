"""The table that `Model.summary` prints."""

from typing import Any

from ..layers.base import Layer

HEADER = ("Layer (type)", "Output shape", "Parameters")


def summarize(model: Any) -> str:
    """One line a layer with output shape and number of parameters, then totals."""
    rows = [_row(layer) for layer in model.layers]
    widths = [max(len(row[k]) for row in [HEADER, *rows]) for k in range(3)]
    rule = "─" * (sum(widths) + 4)
    lines = [str(model), rule, _line(HEADER, widths), rule, *(_line(row, widths) for row in rows), rule]
    return "\n".join([*lines, *_totals(model)])


def _row(layer: Layer) -> tuple[str, str, str]:
    count = f"{layer.count_params():,}" if layer.built else "not built"
    return f"{layer.name} ({type(layer).__name__})", _shape(layer.output_shape), count


def _shape(shape: Any) -> str:
    return "?" if shape is None else str(shape)


def _line(row: tuple[str, str, str], widths: list[int]) -> str:
    return f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}"


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
