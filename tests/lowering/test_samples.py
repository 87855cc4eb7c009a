"""Samples are the lanes of a graph's kernels where that computes least, lanes beyond the end of an axis included."""

import numpy as np
import pytest

from ebbflow.core.aval import Aval
from ebbflow.core.tensor import trace
from ebbflow.lowering.samples import as_lanes, sample_axes
from ebbflow.ops.elementwise import relu


@pytest.mark.parametrize(
    ("samples", "units", "are_lanes"),
    [
        (1, 64, False),
        (7, 64, False),
        (16, 64, True),
        (17, 64, False),  # of 32 lanes 15 are unused
        (50, 64, False),  # 14 of 64
        (50, 10, True),  # 14 of 64, and with features as lanes 6 of 16
        (8, 1, True),
        (120, 64, True),  # 8 of 128 are a price for threads that need not wait for each other
        (1000, 64, True),
    ],
)
def test_lanes_are_what_wastes_least(samples: int, units: int, are_lanes: bool) -> None:
    avals = [("x", Aval((samples, 32), np.dtype("float32"))), ("w", Aval((32, units), np.dtype("float32")))]
    graph = trace(lambda x, w: relu(x @ w), avals).graph
    axes = sample_axes(graph, {graph.inputs[0]})
    assert set(axes.values()) == {0} and graph.outputs[0] in axes
    assert as_lanes(axes) == (axes if are_lanes else {})
