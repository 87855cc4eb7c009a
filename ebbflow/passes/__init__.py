"""Graph to graph, meaning kept: each pass is a verb, and the graph is verified after every one."""

from ..core.graph import Graph, verify
from .fold import fold
from .share import share
from .simplify import simplify

PASSES = (simplify, fold, share)


def optimize(graph: Graph) -> Graph:
    """Run every pass until nothing gets smaller; dead code drops out by itself, since graphs hold what outputs need."""
    verify(graph)
    while True:
        before = len(graph.nodes)
        for run in PASSES:
            graph = verify(run(graph))
        if len(graph.nodes) >= before:
            return graph


__all__ = ["PASSES", "fold", "optimize", "share", "simplify"]
