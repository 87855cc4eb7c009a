"""Random words of a tile may be made beside its sums, a round in each turn: they are the generator's, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.backends.cpu.target import host
from ebbflow.compile import Executable
from ebbflow.core.aval import aval_of
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import Tensor, trace
from ebbflow.functions.array import where
from ebbflow.lowering.loops import For, Operation, walk
from ebbflow.ops.random import MULTIPLIERS, ROUNDS, random_bits
from ebbflow.passes import optimize

STATE = np.array([7, 1, 2, 3], np.uint32)


def masked_layer(samples: int, summed: int, units: int, roomy: bool) -> Executable:
    """The words of a layer's outputs where these are positive, which they all are."""

    def words(x: Tensor, w: Tensor, state: Tensor) -> Tensor:
        return where(x @ w > 0.0, random_bits(state, (samples, units)), np.uint32(0))

    avals = zip("xws", map(aval_of, arrays(samples, summed, units)), strict=True)
    graph = optimize(trace(words, list(avals)).graph)
    machine = replace(host().machine, roomy=("float32",) if roomy else ())
    return Executable(graph, graph.inputs[:1], target=replace(host(), machine=machine))


def arrays(samples: int, summed: int, units: int) -> list[np.ndarray]:
    return [np.ones((samples, summed), np.float32), np.ones((summed, units), np.float32), STATE]


def products_of_the_generator(executable: Executable) -> list[bool]:
    """Of each product by the generator's first constant, whether it is in a loop beside multiplications of the sums."""
    (product,) = [code for code in executable.lowered.codes if code.flops]
    loops = [s.body for _, s in walk(product.kernel.body) if isinstance(s, For)]
    own = [[o for o in body if isinstance(o, Operation)] for body in [product.kernel.body, *loops]]
    return [
        any(other.name == "fma" for other in body)
        for body in own
        for o in body
        if o.name == "mul" and any(str(x) == str(MULTIPLIERS[0]) for x in o.operands)
    ]


@pytest.mark.parametrize("units", [8, 12, 20, 30, 64])
@pytest.mark.parametrize("summed", [1, 2, 5, 19, 20, 21, 30, 64])
def test_words_made_beside_sums_are_those_made_alone(summed: int, units: int) -> None:
    for samples in (16, 21):
        given = arrays(samples, summed, units)
        both = [masked_layer(samples, summed, units, roomy) for roomy in (True, False)]
        (wanted,) = evaluate(both[0].graph, given)
        for executable in both:
            np.testing.assert_array_equal(executable(*given)[0], wanted)


def test_rounds_are_done_in_the_turns_of_the_sums() -> None:
    """Two blocks of a tile of eight rows: one round of both in a turn; none is left for after long sums."""
    assert products_of_the_generator(masked_layer(16, 64, 64, roomy=True)) == [True] * 2
    alone = products_of_the_generator(masked_layer(16, 64, 64, roomy=False))
    assert alone == [False] * (2 * ROUNDS - 1)  # after the first round the blocks differ in their second half only


def test_what_short_sums_leave_is_done_after_them() -> None:
    """Eight products are four turns, which leave six rounds of both blocks."""
    found = products_of_the_generator(masked_layer(16, 8, 64, roomy=True))
    assert sorted(found) == [False] * 2 * (ROUNDS - 4) + [True] * 2
