"""Positions and memory: an element lies where its layout says, and indices are what their parts add up to."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbflow.lowering.index import LANE, Clamp, Index, Quotient, Variable, flatten, reindex, unflatten, variable_index
from ebbflow.lowering.layout import Layout

SHAPES = [(), (1,), (16,), (17,), (3, 5), (5, 33), (33, 5), (2, 3, 20)]


def layouts() -> Iterator[Layout]:
    for shape in SHAPES:
        for axis, panels in product(range(len(shape)), (False, True)):
            yield Layout(shape, axis, panels)
    yield Layout((), None)


every_layout = pytest.mark.parametrize(
    "layout", [pytest.param(x, id=f"{x.shape}-{x.lane_axis}-{x.panels}") for x in layouts()]
)


def filled(layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """An array of different numbers, and memory that holds it."""
    array = np.arange(1.0, 1 + np.prod(layout.shape, dtype=int)).reshape(layout.shape)
    memory = np.full(layout.size, np.nan)
    layout.pack(array, memory)
    return array, memory


@every_layout
def test_every_element_lies_at_its_offset(layout: Layout) -> None:
    array, memory = filled(layout)
    for position in np.ndindex(layout.shape):
        offset = layout.offset(tuple(Index({}, i) for i in position))
        assert offset.terms == {} and memory[offset.constant] == array[position]


@every_layout
def test_unpacking_undoes_packing(layout: Layout) -> None:
    array, memory = filled(layout)
    np.testing.assert_array_equal(layout.unpack(memory), array, strict=True)
    memory[:] = 0
    assert layout.unpack(filled(layout)[1]).sum() == array.sum(), "what is unpacked is a copy"


@every_layout
def test_sixteen_neighbours_along_the_lanes_are_neighbours_in_memory(layout: Layout) -> None:
    if layout.lane_axis is None:
        assert layout.size == 16
        return
    position = [Index()] * len(layout.shape)
    position[layout.lane_axis] = variable_index(LANE)
    assert layout.offset(tuple(position)).coefficient(LANE) == 1 or layout.shape[layout.lane_axis] == 1


# indices

ROW, COLUMN = Variable("i", 5), Variable("j", 40)
VALUES = list(product(range(ROW.size), range(0, COLUMN.size, 3), range(0, 16, 5)))


def number(index: Index, known: dict[Any, int]) -> int:
    """What an index is worth when its variables have these values."""

    def worth(v: Variable) -> int:
        if isinstance(v, Quotient):
            inner = number(v.index, known)
            return inner % v.divisor if v.remainder else inner // v.divisor
        if isinstance(v, Clamp):
            return min(max(number(v.index, known), 0), v.size - 1)
        return known[v]

    return index.constant + sum(c * worth(v) for v, c in index.terms.items())


def cases(index: Index) -> Iterator[tuple[dict[Any, int], int]]:
    for i, j, lane in VALUES:
        known = {ROW: i, COLUMN: j, LANE: lane}
        yield known, number(index, known)


affine = st.builds(
    lambda a, b, c, d: Index({ROW: a, COLUMN: b, LANE: c}, d),
    *(st.integers(0, 40) for _ in range(3)),
    st.integers(0, 100),
)
signed = st.builds(
    lambda a, b, c, d: Index({ROW: a, COLUMN: b, LANE: c}, d),
    *(st.integers(-9, 9) for _ in range(3)),
    st.integers(-50, 50),
)


@given(affine, st.integers(1, 48))
def test_quotient_and_remainder(index: Index, divisor: int) -> None:
    """floor(n / d) and n mod d, whether they could be simplified or not."""
    quotient, remainder = index // divisor, index % divisor
    for known, n in cases(index):
        assert (number(quotient, known), number(remainder, known)) == divmod(n, divisor)


@given(signed, signed, st.integers(-5, 5))
def test_sums_and_multiples(x: Index, y: Index, factor: int) -> None:
    for known, n in cases(x):
        m = number(y, known)
        assert (
            number(x + y, known) == n + m and number(x - y, known) == n - m and number(x * factor, known) == n * factor
        )
        assert x.minimum <= n <= x.maximum


@given(signed, st.integers(1, 60), affine, st.integers(1, 48))
def test_one_lane_and_clamping(x: Index, size: int, y: Index, divisor: int) -> None:
    combined = x.clamped(size) + (y // divisor) * 3 + y % divisor
    for known, n in cases(combined):
        lane = combined.at_lane(known[LANE])
        assert not lane.uses_lane and number(lane, known) == n
        assert number(x.clamped(size), known) == min(max(number(x, known), 0), size - 1)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.data())
def test_reshaped_positions_are_the_same_elements(shape: list[int], data: st.DataObject) -> None:
    """unflatten(flatten(index)), but axes that a reshape leaves alone stay themselves."""
    size = int(np.prod(shape))
    first = data.draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
    target = data.draw(st.sampled_from([(size,), (first, size // first), (*shape, 1), (1, *shape)]))
    variables = [Variable(f"a{axis}", n) for axis, n in enumerate(shape)]
    index = tuple(map(variable_index, variables))
    moved = reindex(index, tuple(shape), target)
    assert len(moved) == len(target)
    for values in np.ndindex(*shape):
        known = dict(zip(variables, values, strict=True))
        flat = np.ravel_multi_index(values, shape)
        assert number(flatten(index, tuple(shape)), known) == flat
        assert [number(i, known) for i in moved] == list(np.unravel_index(flat, target))
        assert [number(i, known) for i in unflatten(flatten(index, tuple(shape)), target)] == list(
            np.unravel_index(flat, target)
        )
    assert reindex(index, tuple(shape), (1, *shape, 1)) == (Index(), *index, Index())


@pytest.mark.parametrize(
    "layout", [Layout((16,), 0), Layout((3, 32), 1), Layout((32, 4), 0, True), Layout((), None)], ids=str
)
def test_what_is_unpacked_is_the_callers_own(layout: Layout) -> None:
    """Also where the memory already looks like the result: programs go on writing to it."""
    memory = np.zeros(layout.size, np.float32)
    assert not np.shares_memory(layout.unpack(memory), memory)
