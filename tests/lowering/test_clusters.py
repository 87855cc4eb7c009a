"""Which nodes become one kernel, and what is stored between kernels."""

import numpy as np

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.core.aval import Aval
from ebbflow.core.tensor import Tensor, trace
from ebbflow.lowering.clusters import Clustering

MATRIX = Aval((40, 30), np.dtype("float32"))


def test_what_is_deeply_shared_is_stored() -> None:
    """Computed again, y would take 2^60 additions: a cost that must not be found out by adding them up."""

    def doubled(x: Tensor) -> list[Tensor]:
        y = x
        for _ in range(60):
            y = y + y
        return [y.sum(axis=0), y.max(axis=1)]

    graph = trace(doubled, [("x", MATRIX)]).graph
    clusters = Clustering(graph).clusters()
    assert [[str(node.primitive) for node in cluster.outputs] for cluster in clusters] == [["add"], ["sum"], ["max"]]


def test_what_is_cheap_is_computed_where_it_is_read() -> None:
    graph = trace(lambda x: [(x + 1.0).sum(axis=0), (x + 1.0).max(axis=1)], [("x", MATRIX)]).graph
    clusters = Clustering(graph).clusters()
    assert [[str(node.primitive) for node in cluster.members] for cluster in clusters] == [["sum"], ["max"]]
