"""Clusters to loops: what all kernels share, and elementwise ones (see reductions.py and contraction.py for others).

Every kernel is called with (low, high): the part of its outermost loop that one thread does. Outputs are divided, sums
never, so results do not depend on the number of threads.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .arithmetic import Arithmetic
from .clusters import Cluster
from .evaluate import Access, Evaluator, Storage
from .index import LANE, LANES, Index, Variable, variable_index
from .loops import Kernel, Value

Position = tuple[Index, ...]


class Code:
    """A kernel with what its caller must know.

    Attributes:
        kernel: the loops; its parameters are the buffers' addresses, then low and high.
        buffers: the buffers that the parameters stand for, in order.
        work: how many turns the outermost loop has in all.
        reads, writes: the buffers that it reads and fills, each with the axis that its turns share out, see Access.
        flops: multiplications and additions of products, for reports and for choosing threads.
    """

    def __init__(self, kernel: Kernel, access: Access, work: int, flops: int = 0):
        self.kernel, self.buffers, self.work = kernel, list(access.pointers), work
        self.reads, self.writes, self.flops = access.reads, access.writes, flops


class Frame:
    """What the writers of all kinds of kernels share: a builder, its access to memory, and the outermost loop."""

    def __init__(self, storage: Storage, lanes: int = LANES):
        self.b = Arithmetic(lanes)
        self.access = Access(self.b)
        self.storage = storage
        self.low, self.high = Value("low", ("index", 1), 0), Value("high", ("index", 1), 0)

    def divided(self, work: int, body: Callable[[Index], None], name: str = "p") -> Variable:
        """for name in low..high: body(name)"""
        variable = Variable(name, work)

        def turn(value: Any, *_: Any) -> None:
            variable.value = value
            body(variable_index(variable))

        self.b.loop(self.low, self.high, 1, turn, name=name)
        return variable

    def nest(self, sizes: Sequence[int], body: Callable[[list[Index]], None], names: str = "ijklmn") -> None:
        """Loops over all of these sizes, the first outermost."""

        def level(k: int, done: list[Index]) -> None:
            if k == len(sizes):
                body(done)
                return
            variable = Variable(names[k % len(names)], sizes[k])

            def turn(value: Any, *_: Any) -> None:
                variable.value = value
                level(k + 1, [*done, variable_index(variable) if sizes[k] > 1 else Index()])

            self.b.loop(0, sizes[k], 1, turn, name=variable.name)

        level(0, [])

    def by_tiles(self, low: Any, high: Any, count: int, tile: Callable[[Index, int], None], name: str) -> None:
        """tile(first index, how many of 16) for the turns low..high over `count` indices; the last may be smaller."""
        whole, tail = divmod(count, LANES)
        variable = Variable(name, max(whole, 1))

        def full(value: Any, *_: Any) -> None:
            variable.value = value
            tile(variable_index(variable) * LANES, LANES)

        b = self.b
        if whole:
            b.loop(low, b.imin(high, whole), 1, full, name=name)
        if tail:
            b.loop(b.imax(low, whole), high, 1, lambda *_: tile(Index({}, whole * LANES), tail), name=name)

    def finish(self, name: str, work: int, flops: int = 0) -> Code:
        self.b.parameters += [self.low, self.high]
        return Code(self.b.finish(name), self.access, work, flops)


def turns(shape: tuple[int, ...], lane_axis: int | None) -> int:
    """How many vectors lie along the lane axis."""
    return 1 if lane_axis is None else -(-shape[lane_axis] // LANES)


def place(lane_axis: int | None, along: Index, others: Sequence[Index], ndim: int) -> Position:
    """A position from the index along the lane axis and the other axes' in order."""
    rest = iter(others)
    return tuple(along if axis == lane_axis else next(rest) for axis in range(ndim))


def elementwise_kernel(name: str, cluster: Cluster, lane_axis: int | None, by_panel: bool, storage: Storage) -> Code:
    """Every output of the cluster, vector by vector."""
    shape = cluster.shape
    frame = Frame(storage, LANES if lane_axis is not None else 1)
    members = set(cluster.members)
    others = [n for axis, n in enumerate(shape) if axis != lane_axis]
    work = turns(shape, lane_axis)

    def at(panel: Index, rest: list[Index]) -> None:
        along = panel * LANES + variable_index(LANE) if lane_axis is not None else panel
        evaluator = Evaluator(frame.b, frame.access, storage, members, next(iter(panel.terms), None))
        store_outputs(evaluator, cluster, place(lane_axis, along, rest, len(shape)))

    if by_panel or not others:
        frame.divided(work, lambda panel: frame.nest(others, lambda rest: at(panel, rest)))
        return frame.finish(name, work)

    def row(first: Index) -> None:
        frame.nest([*others[1:], work], lambda rest: at(rest[-1], [first, *rest[:-1]]))

    frame.divided(others[0], row, "i")
    return frame.finish(name, others[0])


def store_outputs(evaluator: Evaluator, cluster: Cluster, position: Position) -> None:
    """Everything is read before anything is stored, since an output may lie where the old value of a state is read."""
    values = [evaluator.value(node, position) for node in cluster.outputs]
    for node, value in zip(cluster.outputs, values, strict=True):
        evaluator.store(node, position, value)
