"""Which axis of each value counts the samples of the batch, and whether samples become the lanes of its vectors."""

from collections.abc import Mapping
from math import prod

from ..core.graph import Graph, Node
from ..core.primitive import Contraction, Elementwise, Pointwise, Reduction
from ..ops.contraction import split_labels
from .contraction import labelled_sizes
from .layout import round_up

SAVING = 1.08  # what features as lanes must save: with samples as lanes threads need not wait for each other


def sample_axes(graph: Graph, batch: set[Node]) -> dict[Node, int]:
    """The sample axis of every value that has one, given the inputs whose axis 0 it is."""
    axes: dict[Node, int] = {node: 0 for node in batch if node.aval.shape}
    for node in graph.nodes:
        known = [axes.get(source) for source in node.inputs]
        if node in axes or all(axis is None for axis in known):
            continue
        axis = _through(node, known)
        if axis is not None:
            axes[node] = axis
    return axes


def as_lanes(axes: Mapping[Node, int]) -> dict[Node, int]:
    """The same where samples make good lanes, else none: then the features are the lanes.

    What counts is how much is computed in all, in lanes beyond the end of their axis too: 7 samples, or 50 of them,
    leave many lanes unused, and so do 10 features.
    """
    samples = sum(_work(node) * _padding(node.aval.shape[axis]) for node, axis in axes.items())
    features = sum(_work(node) * min(map(_padding, node.aval.shape)) for node in axes)
    return dict(axes) if samples <= SAVING * features else {}


def _work(node: Node) -> int:
    """About how many operations the node takes."""
    if isinstance(node.primitive.lower, Contraction):
        return prod(labelled_sizes(node).values())
    return node.primitive.cost * node.aval.size if isinstance(node.primitive.lower, (Pointwise, Elementwise)) else 0


def _padding(n: int) -> float:
    return round_up(n) / max(n, 1)


def _through(node: Node, known: list[int | None]) -> int | None:
    rule, params = node.primitive.lower, node.params
    first = known[0]
    if isinstance(rule, Contraction):
        left, right, output = split_labels(params["labels"])
        for labels, axis in zip((left, right), known, strict=True):
            if axis is not None and labels[axis] in output:
                return output.index(labels[axis])
        return None
    if isinstance(rule, Pointwise):
        return next(axis for axis in known if axis is not None)
    if node.primitive.name == "take":
        return known[1]
    if first is None:
        return None
    if isinstance(rule, Reduction):
        return None if first in params["axes"] else first - sum(axis < first for axis in params["axes"])
    if node.primitive.name == "broadcast_to":
        return first + node.aval.ndim - node.inputs[0].aval.ndim if node.inputs[0].aval.shape[first] > 1 else None
    if node.primitive.name == "transpose":
        return params["axes"].index(first)
    if node.primitive.name == "reshape":
        return _through_reshape(node.inputs[0].aval.shape, first, node.aval.shape)
    return first if node.aval.shape[first] == node.inputs[0].aval.shape[first] else None


def _through_reshape(shape: tuple[int, ...], axis: int, target: tuple[int, ...]) -> int | None:
    before = prod(shape[:axis])
    for position, n in enumerate(target):
        if n == shape[axis] and prod(target[:position]) == before:
            return position
    return None
