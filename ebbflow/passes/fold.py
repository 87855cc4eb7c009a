"""Compute now what depends on constants alone."""

import numpy as np

from ..core.graph import Graph, Node, constant_node, rewrite

LARGEST = 4096


def fold(graph: Graph) -> Graph:
    """`add(2, 3)` becomes `5`, as long as the result is small; a constant spread by broadcasting stays spread."""
    return rewrite(graph, folded)


def folded(node: Node) -> Node:
    """The node as a constant, if it can be one."""
    known = node.inputs and all(source.is_constant for source in node.inputs)
    if not known or node.aval.size > LARGEST or node.primitive.name == "broadcast_to":
        return node
    with np.errstate(all="ignore"):
        value = node.primitive.numpy(*(source.value for source in node.inputs), **node.params)
    return constant_node(np.ascontiguousarray(np.asarray(value, node.aval.dtype)).reshape(node.aval.shape))
