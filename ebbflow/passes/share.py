"""Compute once what is written twice."""

from collections.abc import Callable
from typing import Any

from ..core.graph import Graph, Node, rewrite


def share(graph: Graph) -> Graph:
    """Two nodes of one primitive with the same inputs and parameters become one; equal constants too."""
    return rewrite(graph, sharing())


def sharing() -> Callable[[Node], Node]:
    """A function from each node, given after its inputs, to the first one that was the same."""
    seen: dict[Any, Node] = {}
    return lambda node: seen.setdefault(_key(node), node)


def _key(node: Node) -> Any:
    if node.is_constant:
        return node.aval, node.value.tobytes()
    return node.primitive, node.inputs, tuple(sorted(node.params.items())), node.aval
