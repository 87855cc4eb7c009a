"""Reductions to loops: folds with the lanes along a kept axis, along a reduced one, or one lane after another."""

from collections.abc import Callable, Sequence
from typing import Any

from ..core.graph import Node
from ..core.primitive import Reduction
from .clusters import Cluster
from .evaluate import Evaluator, Position, Storage
from .index import LANE, LANES, Index, Variable, variable_index
from .kernels import Code, Frame, place, store_outputs, turns
from .loops import Value

TOGETHER = 4  # sums of few samples side by side, since an addition takes as many cycles


def reduction_kernel(name: str, cluster: Cluster, lane_axis: int | None, operand_axis: int, storage: Storage) -> Code:
    """Folds with the lanes along a kept axis (nothing horizontal) or along a reduced one (a fixed tree at the end).

    Parameters:
        lane_axis: the axis of the result along the lanes, None for a scalar.
        operand_axis: the axis of the operand along the lanes while it is folded.
    """
    assert cluster.root is not None
    if operand_axis in cluster.root.params["axes"]:
        return _LaneFold(cluster, lane_axis, operand_axis, storage).write(name)
    return _fold_kept(name, cluster, lane_axis, storage)


class Fold:
    """The state of a reduction as a tuple of values."""

    def __init__(self, frame: Frame, root: Node):
        assert isinstance(root.primitive.lower, Reduction)
        self.b, self.rule, self.root, self.operand = frame.b, root.primitive.lower, root, root.inputs[0]

    def initial(self) -> list[Value]:
        state = []
        for number in self.rule.initial(self.operand.aval):
            dtype = number.dtype if hasattr(number, "dtype") else self.operand.aval.dtype
            state.append(self.b.constant(number, dtype))
        return list(state)

    def lifted(self, evaluator: Evaluator, position: Position) -> tuple[Value, ...]:
        x = evaluator.value(self.operand, position)
        where = position[self.root.params["axes"][-1]]
        return self.rule.lift(
            self.b, x, self.b.index_value(where) if len(self.rule.initial(self.operand.aval)) > 1 else None
        )

    def merge(self, s: Sequence[Value], t: Sequence[Value]) -> list[Value]:
        return list(self.rule.merge(self.b, tuple(s), tuple(t)))


def _fold_kept(name: str, cluster: Cluster, lane_axis: int | None, storage: Storage) -> Code:
    root = cluster.root
    assert root is not None and lane_axis is not None
    frame = Frame(storage)
    fold = Fold(frame, root)
    shape, axes = cluster.shape, root.params["axes"]
    source = root.inputs[0].aval.shape
    others = [n for axis, n in enumerate(shape) if axis != lane_axis]
    members = set(cluster.members)

    def element(panel: Index, rest: list[Index]) -> None:
        own = next(iter(panel.terms), None)
        position = place(lane_axis, panel * LANES + variable_index(LANE), rest, len(shape))

        def step(at: list[Index], state: list[Value]) -> list[Value]:
            evaluator = Evaluator(frame.b, frame.access, storage, members, own)
            return fold.merge(state, fold.lifted(evaluator, operand_position(position, at, axes, len(source))))

        state = fold_loops(frame, [source[a] for a in axes], fold.initial(), step)
        evaluator = Evaluator(frame.b, frame.access, storage, members, own)
        evaluator.preset(root, position, fold.rule.finish(frame.b, tuple(state)))
        store_outputs(evaluator, cluster, position)

    work = turns(shape, lane_axis)
    frame.divided(work, lambda panel: frame.nest(others, lambda rest: element(panel, rest)))
    return frame.finish(name, work)


def operand_position(kept: Position, reduced: Sequence[Index], axes: tuple[int, ...], ndim: int) -> Position:
    """The operand's position from the result's and the reduced axes' own."""
    left, folded = iter(kept), dict(zip(axes, reduced, strict=True))
    return tuple(folded[axis] if axis in folded else next(left) for axis in range(ndim))


def fold_loops(
    frame: Frame,
    sizes: Sequence[int],
    state: list[Value],
    step: Callable[[list[Index], list[Value]], list[Value]],
    done: Sequence[Index] = (),
) -> list[Value]:
    """Loops over sizes that carry a state: state = step(indices, state)."""
    if not sizes:
        return step(list(done), state)
    variable = Variable("k", sizes[0])

    def turn(value: Any, *carried: Value) -> list[Value]:
        variable.value = value
        own = variable_index(variable) if sizes[0] > 1 else Index()
        return fold_loops(frame, sizes[1:], list(carried), step, [*done, own])

    return frame.b.loop(0, sizes[0], 1, turn, state, name="k")


def fold_in_order(name: str, cluster: Cluster, storage: Storage) -> Code:
    """Folds element after element, of a few samples at a time: see _OrderedFold."""
    return _OrderedFold(cluster, storage).write(name)


class _OrderedFold:
    """Lanes along the last axis, which is reduced, while the operand is computed, then one lane merged after another.

    So the order is the one in which samples as lanes are folded, and a sample's result has the same bits either way.
    """

    def __init__(self, cluster: Cluster, storage: Storage):
        assert cluster.root is not None
        self.cluster, self.root, self.storage = cluster, cluster.root, storage
        self.frame = Frame(storage, lanes=1)
        self.fold = Fold(self.frame, self.root)
        self.axes, self.source = self.root.params["axes"], self.root.inputs[0].aval.shape

    def write(self, name: str) -> Code:
        first, *others = self.cluster.shape
        together = min(TOGETHER, first)
        turns = -(-first // together)

        def group(turn: Index) -> None:
            rows = [(turn * together + r).clamped(first) for r in range(together)]
            self.frame.nest(others, lambda rest: self._folds([(row, *rest) for row in rows]))

        self.frame.divided(turns, group)
        return self.frame.finish(name, turns)

    def _folds(self, kept: list[Position]) -> None:
        """The results at these positions, whose sums go on side by side."""
        state = [value for _ in kept for value in self.fold.initial()]
        outer = [self.source[axis] for axis in self.axes[:-1]]
        state = fold_loops(self.frame, outer, state, lambda at, state: self._line(kept, at, state))
        width = len(state) // len(kept)
        for k, position in enumerate(kept):
            evaluator = Evaluator(self.frame.b, self.frame.access, self.storage, set(self.cluster.members))
            result = self.fold.rule.finish(self.frame.b, tuple(state[k * width : (k + 1) * width]))
            evaluator.preset(self.root, position, result)
            store_outputs(evaluator, self.cluster, position)

    def _line(self, kept: list[Position], at: list[Index], state: list[Value]) -> list[Value]:
        """All along the last axis."""
        whole, tail = divmod(self.source[self.axes[-1]], LANES)
        lane = variable_index(LANE)

        def step(panel: list[Index], state: list[Value]) -> list[Value]:
            return self._vectors(kept, [*at, panel[0] * LANES + lane], state, LANES)

        state = fold_loops(self.frame, [whole], state, step)
        return self._vectors(kept, [*at, lane + whole * LANES], state, tail) if tail else state

    def _vectors(self, kept: list[Position], at: list[Index], state: list[Value], valid: int) -> list[Value]:
        """Each state with the first so many lanes of one vector of its operand merged in."""
        b, fold = self.frame.b, self.fold
        b.lanes = LANES
        evaluator = Evaluator(b, self.frame.access, self.storage, set(self.cluster.members))
        lifted = [fold.lifted(evaluator, operand_position(p, at, self.axes, len(self.source))) for p in kept]
        b.lanes = 1
        width = len(state) // len(kept)
        states = [state[k * width : (k + 1) * width] for k in range(len(kept))]
        for lane in range(valid):
            states = [
                fold.merge(own, [b.extract(x, lane) for x in vector])
                for own, vector in zip(states, lifted, strict=True)
            ]
        return [value for own in states for value in own]


class _LaneFold:
    """Lanes along a reduced axis: 16 results are folded side by side, then across lanes all at once."""

    def __init__(self, cluster: Cluster, lane_axis: int | None, operand_axis: int, storage: Storage):
        assert cluster.root is not None
        self.cluster, self.root, self.storage = cluster, cluster.root, storage
        self.lane_axis, self.operand_axis = lane_axis, operand_axis
        self.frame = Frame(storage)
        self.fold = Fold(self.frame, self.root)
        self.axes, self.source = self.root.params["axes"], self.root.inputs[0].aval.shape

    def write(self, name: str) -> Code:
        frame, shape = self.frame, self.cluster.shape
        if self.lane_axis is None:
            assert not shape
            frame.divided(1, lambda _: self._scalar())
            return frame.finish(name, 1)
        others = [n for axis, n in enumerate(shape) if axis != self.lane_axis]
        count = shape[self.lane_axis]

        def group(first: Index, valid: int) -> None:
            frame.nest(others, lambda rest: self._group(first, valid, rest))

        frame.by_tiles(frame.low, frame.high, count, group, "g")
        return frame.finish(name, -(-count // LANES))

    def _scalar(self) -> None:
        (state,) = self._states([()])
        self._finish((), [self.frame.b.extract(value, 0) for value in _across(self.frame, self.fold, state)])

    def _group(self, first: Index, valid: int, rest: list[Index]) -> None:
        """The results first, first + 1, ... of at most 16 along the lanes."""
        assert self.lane_axis is not None
        ndim = len(self.cluster.shape)
        kept = [place(self.lane_axis, first + r, rest, ndim) for r in range(valid)]
        states = self._states(kept) + [self.fold.initial()] * (LANES - valid)
        position = place(self.lane_axis, first + variable_index(LANE), rest, ndim)
        self._finish(position, _side_by_side(self.frame, self.fold, states))

    def _states(self, kept: list[Position]) -> list[list[Value]]:
        """The lanewise states of these results: whole vectors of the operand first, then the rest of the last one."""
        inner = [self.source[axis] for axis in self.axes if axis != self.operand_axis]
        whole, tail = divmod(self.source[self.operand_axis], LANES)
        lane = variable_index(LANE)
        state = [value for _ in kept for value in self.fold.initial()]
        state = fold_loops(
            self.frame,
            [whole, *inner],
            state,
            lambda at, state: self._step(kept, at[1:], state, at[0] * LANES + lane, LANES),
        )
        if tail:
            along = lane + whole * LANES
            state = fold_loops(self.frame, inner, state, lambda at, state: self._step(kept, at, state, along, tail))
        width = len(state) // len(kept)
        return [state[k * width : (k + 1) * width] for k in range(len(kept))]

    def _step(self, kept: list[Position], at: list[Index], state: list[Value], along: Index, valid: int) -> list[Value]:
        """Each result's state with one vector of the operand merged in, of which `valid` lanes count."""
        b, fold = self.frame.b, self.fold
        evaluator = Evaluator(b, self.frame.access, self.storage, set(self.cluster.members))
        rest = iter(at)
        reduced = [along if axis == self.operand_axis else next(rest) for axis in self.axes]
        width = len(state) // len(kept)
        result = []
        for k, position in enumerate(kept):
            lifted = fold.lifted(evaluator, operand_position(position, reduced, self.axes, len(self.source)))
            if valid < LANES:
                inside = b.index_below(variable_index(LANE), valid)
                lifted = tuple(b.select(inside, x, n) for x, n in zip(lifted, fold.initial(), strict=True))
            result += fold.merge(state[k * width : (k + 1) * width], lifted)
        return result

    def _finish(self, position: Position, state: list[Value]) -> None:
        b = self.frame.b
        b.lanes = LANES if position else 1
        evaluator = Evaluator(b, self.frame.access, self.storage, set(self.cluster.members))
        evaluator.preset(self.root, position, self.fold.rule.finish(b, tuple(state)))
        store_outputs(evaluator, self.cluster, position)
        b.lanes = LANES


def _across(frame: Frame, fold: Fold, state: list[Value]) -> list[Value]:
    """The fold of all 16 lanes, by halves."""
    for distance in (8, 4, 2, 1):
        order = tuple((lane + distance) % LANES for lane in range(LANES))
        state = fold.merge(state, [frame.b.shuffle(x, x, order) for x in state])
    return state


def _side_by_side(frame: Frame, fold: Fold, states: list[list[Value]]) -> list[Value]:
    """One state whose lane r is the fold of all lanes of states[r], in 15 merges."""
    for d in (8, 4, 2, 1):
        low = tuple(lane if not lane & d else LANES + lane - d for lane in range(LANES))
        high = tuple(lane + d if not lane & d else LANES + lane for lane in range(LANES))
        states = [
            fold.merge(
                [frame.b.shuffle(x, y, low) for x, y in zip(states[r], states[r + d], strict=True)],
                [frame.b.shuffle(x, y, high) for x, y in zip(states[r], states[r + d], strict=True)],
            )
            for r in range(d)
        ]
    return states[0]
