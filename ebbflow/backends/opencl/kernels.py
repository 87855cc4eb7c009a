"""Clusters to kernels: elementwise ones and reductions, with a work item for each element of the result.

Sums are added in the order in which the processor adds them, which is one after another, or, where it folds along its
vectors, in 16 lanes that are then added by halves.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ...core.graph import Node
from ...lowering.clusters import Cluster
from ...lowering.evaluate import Position, Storage
from ...lowering.index import LANES, Index, unflatten
from ...lowering.kernels import store_outputs
from ...lowering.layout import Buffer
from ...lowering.loops import Value
from ...lowering.reductions import Fold, fold_loops, operand_position
from .frame import Code, Frame, whole_groups, within
from .writing import memory_type

RESULTS = 8  # that a group folds, each in 16 lanes


def elementwise_kernel(cluster: Cluster, storage: Storage, has_double: bool) -> Code:
    """Every output of the cluster."""
    frame = Frame(storage, has_double)

    def element(position: Position) -> None:
        store_outputs(frame.evaluator(set(cluster.members)), cluster, position)

    return frame.elements(cluster.shape, element)


def ordered_fold(cluster: Cluster, storage: Storage, has_double: bool) -> Code:
    """A reduction, one element merged after another."""
    frame, root = Frame(storage, has_double), cluster.root
    assert root is not None
    fold, members = Fold(frame, root), set(cluster.members)  # type: ignore[arg-type]
    axes, source = root.params["axes"], root.inputs[0].aval.shape

    def element(position: Position) -> None:
        def step(at: Sequence[Index], state: list[Value]) -> list[Value]:
            where = operand_position(position, at, axes, len(source))
            return fold.merge(state, fold.lifted(frame.evaluator(members), where))

        state = fold_loops(frame, [source[a] for a in axes], fold.initial(), step)  # type: ignore[arg-type]
        _finish(frame, fold, cluster, position, state)

    return frame.elements(cluster.shape, element)


def _finish(frame: Frame, fold: Fold, cluster: Cluster, position: Position, state: Sequence[Value]) -> None:
    """What follows the fold of one result, stored."""
    evaluator = frame.evaluator(set(cluster.members))
    evaluator.preset(fold.root, position, fold.rule.finish(frame.b, tuple(state)))
    store_outputs(evaluator, cluster, position)


def lane_fold(cluster: Cluster, operand_axis: int, storage: Storage, has_double: bool) -> Code:
    """A reduction in 16 lanes, each a work item: lane l takes elements l, l + 16, ... along the operand's axis."""
    assert cluster.root is not None
    return _LaneFold(cluster, cluster.root, operand_axis, storage, has_double).write()


class _LaneFold:
    def __init__(self, cluster: Cluster, root: Node, operand_axis: int, storage: Storage, has_double: bool):
        self.cluster, self.root, self.operand_axis = cluster, root, operand_axis
        self.frame = Frame(storage, has_double)
        self.fold = Fold(self.frame, root)  # type: ignore[arg-type]
        self.axes, self.source = root.params["axes"], root.inputs[0].aval.shape
        self.count = prod(cluster.shape)
        self.results = RESULTS if self.count > 1 else 1
        self.lane = self.frame.number("lane", LANES, "get_local_id(0)")
        self.row = self.frame.number("row", self.results, "get_local_id(1)")

    def write(self) -> Code:
        frame = self.frame
        size = whole_groups(self.count, self.results)
        result = frame.number("result", size, "get_global_id(1)")
        position = unflatten(result.clamped(self.count), self.cluster.shape)
        state = self._across(self._lanes(position))

        def store() -> None:
            own = unflatten(within(result, self.count), self.cluster.shape)
            frame.inside(result, self.count, lambda: _finish(frame, self.fold, self.cluster, own, state))

        frame.inside(self.lane, 1, store)
        return frame.finish((LANES, size), (LANES, self.results))

    def _lanes(self, position: Position) -> list[Value]:
        """The state of this lane: whole vectors of the operand first, then the rest of the last one."""
        frame = self.frame
        inner = [self.source[axis] for axis in self.axes if axis != self.operand_axis]
        n = self.source[self.operand_axis]
        whole, tail = divmod(n, LANES)

        def vector(at: Sequence[Index], state: list[Value]) -> list[Value]:
            return self._step(position, at[1:], at[0] * LANES + self.lane, state, LANES)

        def rest(at: Sequence[Index], state: list[Value]) -> list[Value]:
            return self._step(position, at, (self.lane + whole * LANES).clamped(n), state, tail)

        state = fold_loops(frame, [whole, *inner], self.fold.initial(), vector)  # type: ignore[arg-type]
        return fold_loops(frame, inner, state, rest) if tail else state  # type: ignore[arg-type]

    def _step(
        self, position: Position, at: Sequence[Index], along: Index, state: list[Value], valid: int
    ) -> list[Value]:
        """The state with one element merged in, or the neutral one in lanes beyond the end."""
        frame, fold = self.frame, self.fold
        rest = iter(at)
        reduced = [along if axis == self.operand_axis else next(rest) for axis in self.axes]
        where = operand_position(position, reduced, self.axes, len(self.source))
        lifted = fold.lifted(frame.evaluator(set(self.cluster.members)), where)
        if valid < LANES:
            inside = frame.b.index_below(self.lane, valid)
            lifted = tuple(frame.b.select(inside, x, n) for x, n in zip(lifted, fold.initial(), strict=True))
        return fold.merge(state, lifted)

    def _across(self, state: list[Value]) -> list[Value]:
        """The fold of all 16 lanes, by halves."""
        frame = self.frame
        names = [frame.share(f"lanes{k}", x.dtype, LANES * self.results) for k, x in enumerate(state)]
        for distance in (8, 4, 2, 1):
            for name, x in zip(names, state, strict=True):
                frame.put(x, name, self.row * LANES + self.lane)
            frame.barrier()
            other = self.row * LANES + (self.lane + distance) % LANES
            others = [frame.get(x.dtype, name, other) for name, x in zip(names, state, strict=True)]
            frame.barrier()
            state = self.fold.merge(state, others)
        return state


def gather_kernel(target: Buffer, dtype: np.dtype, indexed: bool, storage: Storage, has_double: bool) -> Code:
    """Rows of an array of the user's into a batch, converted to the batch's type on the way.

    Its further arguments are the array, with `indexed` the row numbers (int64), and the number of the first row, or of
    the first of these numbers.
    """
    frame = Frame(storage, has_double)
    b, is_half = frame.b, dtype == np.float16
    name = "uint16" if is_half else str(dtype)
    rows = frame.argument("rows", f"__global {'half' if is_half else memory_type(name)}*")
    order = frame.argument("order", "__global long*") if indexed else None
    first = frame.argument("first", "long", ("int64", 1))
    batch, width = target.aval.shape[0], prod(target.aval.shape[1:])

    def element(position: Position) -> None:
        flat = target.layout.offset(position)
        sample, feature = divmod(flat, width) if width > 1 else (flat, Index())
        number = b.add(first, _long(b, sample))
        if order is not None:
            number = b.load(b.at(order, "int64", number), "int64")
        place = b.add(b.mul(number, b.constant(width, "int64")), _long(b, feature))
        pointer = b.at(rows, "float16" if is_half else name, place)
        value = b.effect("load_half", pointer, type_=("float32", 1)) if is_half else b.load(pointer, name)
        out = b.at(frame.access.write(target, None), target.dtype, b.position(flat))
        b.store(b.cast(value, target.aval.dtype), out)

    assert batch > 0
    return frame.elements(target.aval.shape, element)


def _long(b: Any, index: Index) -> Value:
    """A position as int64: arrays of the user's may have more elements than a GPU's own buffers."""
    return b.cast(b.index_value(index), "int64")
