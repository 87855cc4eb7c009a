"""Compute once what is written twice."""

from typing import Any

from ..core.graph import Graph, Node, rewrite
from ..core.primitive import Leaf


def share(graph: Graph) -> Graph:
    """Two nodes of one primitive with the same inputs and parameters become one; equal constants too."""
    seen: dict[Any, Node] = {}

    def key(node: Node) -> Any:
        if node.is_constant:
            return node.aval, node.value.tobytes()
        return node.primitive, node.inputs, tuple(sorted(node.params.items())), node.aval

    constants = {node: seen.setdefault(key(node), node) for node in graph.nodes if node.is_constant}

    def rule(node: Node) -> Node:
        inputs = tuple(constants.get(source, source) for source in node.inputs)
        if any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
            node = Node(node.primitive, inputs, node.params, node.aval, node.label)
        assert not isinstance(node.primitive.lower, Leaf)
        return seen.setdefault(key(node), node)

    return rewrite(graph, rule)
