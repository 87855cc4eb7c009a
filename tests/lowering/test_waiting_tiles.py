"""A tile's epilogue may wait for the next tile's products: what it computes is the same to the last bit."""

from dataclasses import replace

import numpy as np
import pytest

from ebbflow import ops
from ebbflow.backends.cpu.target import Target, host
from ebbflow.compile import Executable
from ebbflow.core.aval import aval_of
from ebbflow.core.graph import Graph
from ebbflow.core.tensor import trace

SHAPES = [  # rows and lanes of the result, and how many products are summed
    (8, 16, 8),  # one tile, of as many turns as it has rows
    (8, 64, 32),
    (64, 8, 32),
    (19, 40, 50),  # tiles of two heights, lanes and sums that do not fill their vectors
    (5, 20, 19),
    (1, 33, 9),  # one row: a tile of several panels, which does not wait
    (128, 20, 3),  # too few products to wait for
]


def targets() -> tuple[Target, Target]:
    """This machine's target, once with tiles that wait and once without."""
    roomy, crowded = (replace(host().machine, roomy=types) for types in (("float32",), ()))
    return replace(host(), machine=roomy), replace(host(), machine=crowded)


def layer(rows: int, lanes: int, products: int) -> tuple[Graph, list[np.ndarray]]:
    random = np.random.default_rng(rows)
    arrays = [random.standard_normal(shape, dtype=np.float32) for shape in ((rows, products), (products, lanes))]

    def slow(x, w):
        y = x @ w
        return ops.tanh(y) / (1.0 + ops.sqrt(y * y))

    return trace(slow, [(name, aval_of(a)) for name, a in zip("xw", arrays, strict=True)], "slow").graph, arrays


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_waiting_changes_no_bit(sizes: tuple[int, int, int]) -> None:
    graph, arrays = layer(*sizes)
    waiting, at_once = (Executable(graph, target=target) for target in targets())
    np.testing.assert_array_equal(waiting(*arrays)[0], at_once(*arrays)[0])


@pytest.mark.parametrize("sizes", SHAPES[:-2], ids=str)
def test_tiles_wait_where_there_are_registers_for_it(sizes: tuple[int, int, int]) -> None:
    graph, _ = layer(*sizes)
    has_waiting = [
        any(buffer.name.endswith("waiting") for buffer in Executable(graph, target=target).lowered.scratch)
        for target in targets()
    ]
    assert has_waiting == [True, False]
