"""The oracle: a graph run node by node by the NumPy meaning of its primitives.

Nothing is fused, laid out or shared here, so this is what a graph means; every backend is held against it.
"""

from collections.abc import Sequence

import numpy as np

from ..core.graph import Graph, Node, evaluate


class Executable:
    """One graph as a function of arrays, interpreted; it stands in for `compile.Executable`.

    Parameters:
        graph: what to compute.
        batch: inputs whose axis 0 counts samples; here they are inputs like any other.
    """

    def __init__(self, graph: Graph, batch: Sequence[Node] = ()):
        assert set(batch) <= set(graph.inputs)
        self.graph = graph

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        given = [np.asarray(array, node.aval.dtype) for node, array in zip(self.graph.inputs, arrays, strict=True)]
        assert all(array.shape == node.aval.shape for node, array in zip(self.graph.inputs, given, strict=True))
        with np.errstate(all="ignore"):
            return evaluate(self.graph, given)
