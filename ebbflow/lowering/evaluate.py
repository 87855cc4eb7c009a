"""One element of a value, or 16 of them: computed from what a kernel holds, or loaded from where it is stored."""

from typing import Any

from ..core.graph import Node
from ..core.primitive import Elementwise, Pointwise
from .arithmetic import Arithmetic
from .index import LANE, LANES, Index, Variable
from .layout import Buffer
from .loops import Constant, Value

Position = tuple[Index, ...]


class Storage:
    """Where values are stored: for each node its buffers, the first of them its own, others in other layouts."""

    def __init__(self) -> None:
        self.buffers: dict[Node, list[Buffer]] = {}

    def add(self, node: Node, buffer: Buffer) -> Buffer:
        self.buffers.setdefault(node, []).append(buffer)
        return buffer

    def __contains__(self, node: Node) -> bool:
        return node in self.buffers


class Access:
    """The buffers that a kernel reads and writes, as its parameters.

    Attributes: reads and writes, buffer -> the axis along whose panels the turns of the kernel share it out, each turn
    touching its own panel alone; None where a turn touches more.
    """

    def __init__(self, b: Arithmetic):
        self.b = b
        self.pointers: dict[Buffer, Value] = {}
        self.uniform: dict[Node, Value] = {}  # scalars that the kernel reads, the same in all lanes
        self.reads: dict[Buffer, int | None] = {}
        self.writes: dict[Buffer, int | None] = {}

    def pointer(self, buffer: Buffer) -> Value:
        if buffer not in self.pointers:
            self.pointers[buffer] = self.b.parameter(f"buffer{len(self.pointers)}")
        return self.pointers[buffer]

    def read(self, buffer: Buffer, shared: int | None) -> Value:
        self.reads[buffer] = shared if self.reads.get(buffer, shared) == shared else None
        return self.pointer(buffer)

    def write(self, buffer: Buffer, shared: int | None) -> Value:
        self.writes[buffer] = shared if self.writes.get(buffer, shared) == shared else None
        return self.pointer(buffer)


def is_vector(offset: Index) -> bool:
    """Whether the lanes of an address are neighbours in memory."""
    return offset.coefficient(LANE) == 1 and not any(v.uses_lane for v in offset.terms if v is not LANE)


def is_aligned(offset: Index) -> bool:
    return offset.constant % LANES == 0 and all(c % LANES == 0 for v, c in offset.terms.items() if v is not LANE)


class Evaluator:
    """Elements of nodes within one innermost scope of a kernel.

    Parameters:
        members: the nodes that the kernel computes itself; others are loaded if they are stored.
        panel: the loop variable over panels of samples, if the kernel has one.
    """

    def __init__(self, b: Arithmetic, access: Access, storage: Storage, members: set[Node], panel: Any = None):
        self.b, self.access, self.storage, self.members, self.panel = b, access, storage, members, panel
        self._known: dict[tuple[Node, Position], Value] = {}

    def preset(self, node: Node, position: Position, value: Value) -> None:
        self._known[node, position] = value

    def value(self, node: Node, position: Position) -> Value:
        """The node's element(s) at a position."""
        if self.b.lanes > 1 and node.aval.shape == () and node not in self.members:
            return self._uniform(node)
        key = node, position
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._compute(node, position)
        return known

    def _uniform(self, node: Node) -> Value:
        """A scalar such as a learning rate: computed once, before all loops."""
        known, lanes = self.access.uniform, self.b.lanes
        if node not in known:
            with self.b.outermost():
                self.b.lanes = 1
                scalar = Evaluator(self.b, self.access, self.storage, self.members).value(node, ())
                self.b.lanes = lanes
                known[node] = (
                    self.b.constant(scalar.number, scalar.dtype)
                    if isinstance(scalar, Constant)
                    else self.b.splat(scalar)
                )
        return known[node]

    def _compute(self, node: Node, position: Position) -> Value:
        if node.is_constant and (scalar := node.scalar) is not None:
            return self.b.constant(scalar, node.aval.dtype)
        if node in self.storage and node not in self.members:
            return self.load(node, position)
        rule = node.primitive.lower
        if isinstance(rule, Pointwise):
            return rule.emit(self.b, *(self.value(source, position) for source in node.inputs), **node.params)
        assert isinstance(rule, Elementwise), f"{node.primitive} has no element outside of its own kernel"
        avals = [source.aval for source in node.inputs]
        return rule.emit(self.b, position, _Loader(self, node), *avals, **node.params)

    # loads
    def load(self, node: Node, position: Position) -> Value:
        """From the buffer whose lanes fit best: a vector, one element for all lanes, or element by element."""
        buffers = self.storage.buffers[node]
        offsets = [buffer.layout.offset(position) for buffer in buffers]
        for buffer, offset in zip(buffers, offsets, strict=True):
            if not offset.uses_lane:
                pointer = self.access.read(buffer, self.shared_axis(buffer, offset))
                return self.b.splat(self._scalar(buffer, pointer, offset))
        for buffer, offset in zip(buffers, offsets, strict=True):
            if is_vector(offset):
                pointer = self.access.read(buffer, self.shared_axis(buffer, offset))
                return self._vector(buffer, pointer, offset)
        return self._lane_by_lane(buffers[0], position)

    def shared_axis(self, buffer: Buffer, offset: Index) -> int | None:
        """The buffer's lane axis if the address stays in that panel of it which has the number of this turn."""
        if self.panel is None or not buffer.layout.panels:
            return None
        pitch, turns = buffer.layout.pitch, self.panel.size
        own = offset.coefficient(self.panel) == (pitch if turns > 1 else 0)
        inside = own and offset.minimum >= 0 and offset.maximum < turns * pitch
        return buffer.layout.lane_axis if inside else None

    def _scalar(self, buffer: Buffer, pointer: Value, offset: Index) -> Value:
        return self.b.load(self.b.at(pointer, buffer.dtype, self.b.position(offset)), buffer.dtype)

    def _vector(self, buffer: Buffer, pointer: Value, offset: Index) -> Value:
        at = self.b.at(pointer, buffer.dtype, self.b.position(offset - Index({LANE: 1})))
        return self.b.load(at, buffer.dtype, LANES, is_aligned(offset))

    def _lane_by_lane(self, buffer: Buffer, position: Position) -> Value:
        pointer = self.access.read(buffer, None)
        scalars = []
        for lane in range(LANES):
            own = tuple(i.at_lane(lane).clamped(n) for i, n in zip(position, buffer.aval.shape, strict=True))
            scalars.append(self._scalar(buffer, pointer, buffer.layout.offset(own)))
        return self.b.from_lanes(scalars)

    # stores
    def store(self, node: Node, position: Position, value: Value) -> None:
        """Into every buffer of the node that its own kernel fills."""
        for buffer in self.storage.buffers[node]:
            if buffer.kind == "copy":
                continue
            offset = buffer.layout.offset(position)
            pointer = self.access.write(buffer, self.shared_axis(buffer, offset))
            if not offset.uses_lane and self.b.lanes == 1:
                self.b.store(value, self.b.at(pointer, buffer.dtype, self.b.position(offset)))
            elif is_vector(offset):
                at = self.b.at(pointer, buffer.dtype, self.b.position(offset - Index({LANE: 1})))
                self.b.store(value, at, is_aligned(offset))
            else:
                self._store_lanes(buffer, pointer, position, value)

    def _store_lanes(self, buffer: Buffer, pointer: Value, position: Position, value: Value) -> None:
        """Last lane first, so that lanes beyond the end, held back to the last element, are overwritten by its own."""
        for lane in reversed(range(LANES)):
            own = tuple(i.at_lane(lane).clamped(n) for i, n in zip(position, buffer.aval.shape, strict=True))
            at = self.b.at(pointer, buffer.dtype, self.b.position(buffer.layout.offset(own)))
            self.b.store(self.b.extract(value, lane), at)


class _Loader:
    """What an Elementwise rule calls to get elements of its inputs."""

    def __init__(self, evaluator: Evaluator, node: Node):
        self._evaluator, self._node = evaluator, node

    def __call__(self, k: int, position: Position) -> Value:
        return self._evaluator.value(self._node.inputs[k], position)

    def row(self, k: int, row: Value, position: Position) -> Value:
        """Element [row, *position] of input k, where each lane has its own row, held within the table."""
        evaluator, table = self._evaluator, self._node.inputs[k]
        b = evaluator.b
        buffer = evaluator.storage.buffers[table][0]
        pointer = evaluator.access.read(buffer, None)
        last = table.aval.shape[0] - 1
        scalars = []
        for lane in range(b.lanes):
            number = row if b.lanes == 1 else b.extract(row, lane)
            at = b.imin(b.imax(b.op("to_index", ("index", 1), number), 0), last)
            rest = tuple(i.at_lane(lane) for i in position)
            scalars.append(evaluator._scalar(buffer, pointer, _at_row(buffer, at, last + 1, rest)))
        return scalars[0] if b.lanes == 1 else b.from_lanes(scalars)


def _at_row(buffer: Buffer, row: Any, rows: int, rest: Position) -> Index:
    first = Index({Variable("row", rows, row): 1}) if not isinstance(row, int) else Index({}, row)
    clamped = tuple(i.clamped(n) for i, n in zip(rest, buffer.aval.shape[1:], strict=True))
    return buffer.layout.offset((first, *clamped))
