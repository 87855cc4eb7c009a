"""Algebra that changes no result: neutral elements, moves that undo or absorb each other."""

from collections.abc import Callable

import numpy as np

from ..core.graph import Graph, Node, rewrite


def simplify(graph: Graph) -> Graph:
    """Apply the rules below to every node, innermost first."""
    return rewrite(graph, simplified)


def simplified(node: Node) -> Node:
    """What the primitive's rule makes of the node."""
    rule = RULES.get(node.primitive.name)
    return (rule(node) or node) if rule else node


def scalar_of(node: Node) -> float | None:
    """The number that every element of this node is, when that is known."""
    while node.primitive.name in ("broadcast_to", "reshape", "transpose"):
        node = node.inputs[0]
    return node.scalar


def _neutral(position: int, number: float) -> Callable[[Node], Node | None]:
    """The operation gives its other input back when input `position` is `number`; x + 0 is not x for x = -0."""

    def rule(node: Node) -> Node | None:
        scalar = scalar_of(node.inputs[position])
        same = scalar is not None and scalar == number
        if same and node.aval.is_float:
            same = bool(np.signbit(scalar) == np.signbit(number))
        return node.inputs[1 - position] if same else None

    return rule


def _either(number: float) -> Callable[[Node], Node | None]:
    return lambda node: _neutral(0, number)(node) or _neutral(1, number)(node)


def _reshape(node: Node) -> Node | None:
    source = node.inputs[0]
    if source.aval == node.aval:
        return source
    if source.primitive is not node.primitive:
        return None
    inner = source.inputs[0]
    return inner if inner.aval == node.aval else _moved(node, inner)


def _moved(node: Node, inner: Node) -> Node:
    return Node(node.primitive, (inner,), node.params, node.aval, node.label)


def _broadcast(node: Node) -> Node | None:
    source = node.inputs[0]
    if source.aval == node.aval:
        return source
    return _moved(node, source.inputs[0]) if source.primitive is node.primitive else None


def _transpose(node: Node) -> Node | None:
    source, axes = node.inputs[0], node.params["axes"]
    if axes == tuple(range(len(axes))):
        return source
    if source.primitive is not node.primitive:
        return None
    joined = tuple(source.params["axes"][axis] for axis in axes)
    return Node(node.primitive, source.inputs, {"axes": joined}, node.aval, node.label)


def _cast(node: Node) -> Node | None:
    return node.inputs[0] if node.inputs[0].aval == node.aval else None


def _negative(node: Node) -> Node | None:
    return node.inputs[0].inputs[0] if node.inputs[0].primitive is node.primitive else None


def _where(node: Node) -> Node | None:
    return node.inputs[1] if node.inputs[1] is node.inputs[2] else None


RULES: dict[str, Callable[[Node], Node | None]] = {
    "add": _either(-0.0),
    "multiply": _either(1.0),
    "subtract": _neutral(1, 0.0),
    "divide": _neutral(1, 1.0),
    "reshape": _reshape,
    "broadcast_to": _broadcast,
    "transpose": _transpose,
    "cast": _cast,
    "negative": _negative,
    "where": _where,
    "stop_gradient": lambda node: node.inputs[0],
}
