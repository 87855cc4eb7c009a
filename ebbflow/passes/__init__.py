"""Graph to graph, meaning kept: each pass is a verb, and what it does to one node is its participle."""

from collections.abc import Callable

from ..core.graph import Graph, Node, rewrite, verify
from .fold import fold, folded
from .share import share, sharing
from .simplify import simplified, simplify


def optimize(graph: Graph) -> Graph:
    """All passes on node after node, until nothing gets smaller.

    Dead code drops out by itself, since graphs hold what outputs need.
    """
    while True:
        before = len(graph.nodes)
        graph = rewrite(graph, _improving())
        if len(graph.nodes) >= before:
            return verify(graph)


def _improving() -> Callable[[Node], Node]:
    shared = sharing()
    return lambda node: shared(folded(simplified(node)))


__all__ = ["fold", "optimize", "share", "simplify"]
