"""Sums of products in register tiles: a tile of rows x 16 lanes of the result stays in registers while its products are
added in index order; what comes after it elementwise is computed on the tile before it is stored.

One operand is read as vectors along the result's lanes, the other as single elements for all lanes. A bias that is
added to the result is where the sums start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from ..core.graph import Node
from ..core.primitive import Elementwise
from ..ops.contraction import split_labels
from .clusters import Cluster, is_move
from .evaluate import Evaluator, Storage, is_aligned, is_vector
from .index import LANE, LANES, Index, Variable, reindex, variable_index
from .kernels import Code, Frame, Position, store_outputs
from .layout import Buffer
from .loops import Value
from .machine import Machine

UNROLL = 4


class MovedOperand:
    """An operand read through moves: which stored node it is, and where each of its elements lies."""

    def __init__(self, node: Node):
        self.moves: list[Node] = []
        while is_move(node):
            self.moves.append(node)
            node = node.inputs[0]
        self.base = node

    def position(self, position: Position) -> Position:
        for move in self.moves:
            rule = move.primitive.lower
            assert isinstance(rule, Elementwise)
            position = rule.emit(_POSITIONS, position, lambda k, p: p, move.inputs[0].aval, **move.params)
        return position


class _Positions:
    """Stands in for the builder where only positions are asked for."""

    @staticmethod
    def index(constant: int) -> Index:
        return Index({}, constant)

    @staticmethod
    def reindex(index: Any, shape: Any, target: Any) -> Any:
        return reindex(index, shape, target)


_POSITIONS = _Positions()


def labelled_sizes(root: Node) -> dict[str, int]:
    left, right, _ = split_labels(root.params["labels"])
    return dict(zip(left + right, root.inputs[0].aval.shape + root.inputs[1].aval.shape, strict=True))


def vector_axes(root: Node, lane_axis: int) -> list[tuple[Node, int]]:
    """For every operand that has the result's lane label: its stored node, and which axis of that is the label."""
    left, right, output = split_labels(root.params["labels"])
    found = []
    for labels, operand in zip((left, right), root.inputs, strict=True):
        if output[lane_axis] not in labels:
            continue
        moved = MovedOperand(operand)
        probe = Variable("probe", max(operand.aval.shape[labels.index(output[lane_axis])], 2))
        position = moved.position(
            tuple(variable_index(probe) if label == output[lane_axis] else Index() for label in labels)
        )
        axes = [axis for axis, i in enumerate(position) if i.coefficient(probe) == 1 and i.is_affine]
        if len(axes) == 1 and all(i == Index() or axis == axes[0] for axis, i in enumerate(position)):
            found.append((moved.base, axes[0]))
    return found


@dataclass
class _Operand:
    """How one operand is addressed: a pointer per row of the tile, or one with constant distances, and steps per k."""

    buffer: Buffer
    vector: bool
    aligned: bool
    bases: list[Index]  # per row of the tile, without the summed variables
    strides: list[int]  # per summed variable


def product_kernel(
    name: str, cluster: Cluster, lane_axis: int, by_panel: bool, storage: Storage, machine: Machine
) -> Code:
    """The cluster's contraction with its epilogue."""
    return _Product(name, cluster, lane_axis, by_panel, storage, machine).write()


class _Product:
    def __init__(self, name: str, cluster: Cluster, lane_axis: int, by_panel: bool, storage: Storage, machine: Machine):
        assert cluster.root is not None
        self.name, self.cluster, self.root, self.lane_axis = name, cluster, cluster.root, lane_axis
        self.by_panel, self.storage, self.machine = by_panel, storage, machine
        self.left, self.right, self.output = split_labels(self.root.params["labels"])
        self.sizes = labelled_sizes(self.root)
        self.operands = [MovedOperand(operand) for operand in self.root.inputs]
        self.frame = Frame(storage)
        self.dtype = str(self.root.aval.dtype)
        self.lane = self.output[lane_axis]
        self.row = self._choose_row()
        self.summed = [label for label in self.left if label not in self.output]
        self.others = [label for label in self.output if label not in (self.lane, self.row)]
        self.initial, self.start_node = self._find_start()

    def _choose_row(self) -> str | None:
        """The longest axis of the result that only the operand read as single elements has."""
        candidates = [label for label in self.output if label != self.lane]
        single = [x for x in candidates if not (x in self.left and x in self.right)]
        apart = [x for x in single if (x in self.left) != (self.lane in self.left)]
        return max(apart or single or candidates, key=lambda x: self.sizes[x], default=None)

    def _find_start(self) -> tuple[Node | None, Node | None]:
        """(bias, sum) when the only use of the product is `product + bias`: the sums start at the bias."""
        users = [node for node in self.cluster.members if self.root in node.inputs]
        if len(users) != 1 or users[0].primitive.name != "add" or self.root in self.cluster.outputs:
            return None, None
        other = [x for x in users[0].inputs if x is not self.root]
        if len(other) != 1 or self._depends(other[0]):
            return None, None
        return other[0], users[0]

    def _depends(self, node: Node) -> bool:
        return node is self.root or (
            node in self.cluster.members and any(self._depends(source) for source in node.inputs)
        )

    # the loops around a tile
    def write(self) -> Code:
        lanes = self.sizes[self.lane]
        work = -(-lanes // LANES)
        flops = 2 * prod(self.sizes.values())
        rows = self.sizes[self.row] if self.row else 1
        single = rows * prod(self.sizes[k] for k in self.summed) * self.root.aval.dtype.itemsize
        groups = _heights(rows, self.machine.tile_rows[self.dtype])
        if self.by_panel and single > self.machine.nearby_bytes:
            # the rows' elements are too many to stay near: all panels for one tile of rows before the next
            self._over_rows(groups, lambda *tile: self.frame.divided(work, lambda panel: self._tile(panel, *tile)))
        else:
            self.frame.divided(work, lambda panel: self._over_rows(groups, lambda *tile: self._tile(panel, *tile)))
        return self.frame.finish(self.name, work, flops)

    def _over_rows(self, groups: list[tuple[int, int, int]], tile: Callable[[list[Index], Index, int], Any]) -> None:
        """tile(indices of the other axes, first row, height) for all of the result but its lanes."""

        def every(rest: list[Index]) -> None:
            for first, height, many in groups:
                variable = Variable("t", many)

                def turn(value: Any, *_: Any, v: Variable = variable, first: int = first, height: int = height) -> None:
                    v.value = value
                    tile(rest, Index({v: height}, first), height)

                self.frame.b.loop(0, many, 1, turn, name="t")

        self.frame.nest([self.sizes[label] for label in self.others], every)

    # one tile
    def _tile(self, panel: Index, rest: list[Index], row: Index, height: int) -> None:
        own = next(iter(panel.terms), None)
        places = dict(zip(self.others, rest, strict=True))
        places[self.lane] = panel * LANES + variable_index(LANE)
        positions = []
        for r in range(height):
            at = places | ({self.row: row + r} if self.row else {})
            positions.append(tuple(at[label] for label in self.output))
        members = set(self.cluster.members)
        evaluator = Evaluator(self.frame.b, self.frame.access, self.storage, members, own)
        if self.initial is not None:
            start = [evaluator.value(self.initial, position) for position in positions]
        else:
            start = [self.frame.b.constant(0, self.dtype) for _ in positions]
        sums = self._sums(start, [dict(zip(self.output, position, strict=True)) for position in positions], evaluator)
        for position, value in zip(positions, sums, strict=True):
            evaluator.preset(self.start_node or self.root, position, value)
        for position in positions:
            store_outputs(evaluator, self.cluster, position)

    def _sums(self, start: list[Value], places: list[dict[str, Index]], evaluator: Evaluator) -> list[Value]:
        """start + the products, added in the order of the summed labels; a label in panels goes panel by panel."""
        split = [label for label in self.summed if self._in_panels(label)]
        sums = start
        for part in self._parts(split):
            variables: list[Variable] = []
            indices: dict[str, Index] = {}
            for label in self.summed:
                first, panels, inside = part.get(label, (0, 1, self.sizes[label]))
                outer, inner = Variable(f"{label}p", panels), Variable(label, inside)
                variables += [outer, inner] if label in split else [inner]
                indices[label] = Index({outer: LANES, inner: 1}, first) if label in split else variable_index(inner)
            operands = [
                self._address(k, [place | indices for place in places], variables, evaluator)
                for k in range(len(self.operands))
            ]
            sums = self._run(operands, [v.size for v in variables], sums)
        return sums

    def _in_panels(self, label: str) -> bool:
        for labels, operand in zip((self.left, self.right), self.operands, strict=True):
            for buffer in self.storage.buffers[operand.base]:
                if label in labels and buffer.layout.panels:
                    probe = Variable("probe", max(self.sizes[label], 2))
                    at = operand.position(tuple(variable_index(probe) if x == label else Index() for x in labels))
                    assert buffer.layout.lane_axis is not None
                    if at[buffer.layout.lane_axis] != Index():
                        return True
        return False

    def _parts(self, split: list[str]) -> list[dict[str, tuple[int, int, int]]]:
        """Whole panels first, then the rest: for every split label (first index, panels, indices in each)."""
        choices = []
        for label in split:
            whole, tail = divmod(self.sizes[label], LANES)
            parts = [(label, (0, whole, LANES)), (label, (whole * LANES, 1, tail))]
            choices.append([part for part, count in zip(parts, (whole, tail), strict=True) if count])
        return [dict(chosen) for chosen in product(*choices)]

    def _address(
        self, k: int, places: list[dict[str, Index]], variables: list[Variable], evaluator: Evaluator
    ) -> _Operand:
        labels = (self.left, self.right)[k]
        operand = self.operands[k]
        positions = [operand.position(tuple(place[label] for label in labels)) for place in places]
        for buffer in self.storage.buffers[operand.base]:
            offsets = [buffer.layout.offset(position) for position in positions]
            vector = is_vector(offsets[0])
            if not vector and any(offset.uses_lane for offset in offsets):
                continue
            bases, strides = _separate(offsets, variables)
            if bases is None:
                continue
            self.frame.access.read(buffer, evaluator.shared_axis(buffer, offsets[0]))
            aligned = all(is_aligned(base) for base in bases) and all(s % LANES == 0 for s in strides)
            return _Operand(buffer, vector, aligned, bases, strides)
        raise AssertionError(f"{self.name}: no buffer of {operand.base.primitive} {operand.base.aval} suits its lanes")

    def _run(self, operands: Sequence[_Operand], counts: list[int], sums: list[Value]) -> list[Value]:
        """The nest over the summed variables: pointers are carried and advanced, rows are constant distances apart."""
        b = self.frame.b
        pointers: list[Value] = []
        plans: list[tuple[_Operand, list[tuple[int, int]]]] = []  # per row: (which pointer, distance from it)
        for operand in operands:
            rows: list[tuple[int, int]] = []
            heads: list[tuple[Index, int]] = []
            for base in operand.bases:
                base = base - (Index({LANE: 1}) if operand.vector else 0)
                near = next(((h, base - i) for i, h in heads if not (base - i).terms), None)
                if near is None:
                    heads.append((base, len(pointers)))
                    pointer = self.frame.access.pointer(operand.buffer)
                    pointers.append(b.at(pointer, operand.buffer.dtype, b.position(base)))
                    rows.append((heads[-1][1], 0))
                else:
                    rows.append((near[0], near[1].constant))
            plans.append((operand, rows))

        def step(at: list[Value], sums: list[Value]) -> list[Value]:
            values: list[dict[tuple[int, int], Value]] = [{}, {}]
            result = []
            for r, total in enumerate(sums):
                pair = []
                for k, (operand, rows) in enumerate(plans):
                    if rows[r] not in values[k]:
                        values[k][rows[r]] = self._fetch(operand, at[rows[r][0]], rows[r][1])
                    pair.append(values[k][rows[r]])
                result.append(b.fma(pair[0], pair[1], total))
            return result

        def advance(at: list[Value], k: int, times: int) -> list[Value]:
            result = list(at)
            for operand, rows in plans:
                for which in {row[0] for row in rows}:
                    result[which] = b.at(at[which], operand.buffer.dtype, operand.strides[k] * times)
            return result

        def nest(k: int, at: list[Value], sums: list[Value]) -> list[Value]:
            if k == len(counts):
                return step(at, sums)
            unroll = min(UNROLL, counts[k]) if k == len(counts) - 1 else 1
            whole, tail = divmod(counts[k], unroll)

            def turn(_: Any, *carried: Value) -> list[Value]:
                here, totals = list(carried[: len(at)]), list(carried[len(at) :])
                for q in range(unroll):
                    totals = nest(k + 1, advance(here, k, q), totals)
                return [*advance(here, k, unroll), *totals]

            carried = b.loop(0, whole, 1, turn, [*at, *sums], name="k")
            at, sums = list(carried[: len(at)]), list(carried[len(at) :])
            for q in range(tail):
                sums = nest(k + 1, advance(at, k, q), sums)
            return sums

        kept = [k for k, count in enumerate(counts) if count > 1] or [len(counts) - 1] if counts else []
        if len(kept) < len(counts):
            for operand in operands:
                operand.strides = [operand.strides[k] for k in kept]
            counts = [counts[k] for k in kept]
        return nest(0, pointers, sums)

    def _fetch(self, operand: _Operand, pointer: Value, distance: int) -> Value:
        b = self.frame.b
        at = b.at(pointer, operand.buffer.dtype, distance)
        if operand.vector:
            return b.load(at, operand.buffer.dtype, LANES, operand.aligned)
        return b.splat(b.load(at, operand.buffer.dtype))


def _separate(offsets: list[Index], variables: list[Variable]) -> tuple[Any, Any]:
    """Addresses as bases and the summed variables' strides; (None, None) where they are not affine."""
    strides = [offsets[0].coefficient(v) for v in variables]
    bases = []
    for offset in offsets:
        if [offset.coefficient(v) for v in variables] != strides:
            return None, None
        base = Index({v: c for v, c in offset.terms.items() if v not in variables}, offset.constant)
        hidden = [v for v in base.terms if hasattr(v, "index")]
        if any(_mentions(v, variables) or Index({v: 1}).uses_lane for v in hidden):
            return None, None
        bases.append(base)
    return bases, strides


def _mentions(variable: Any, variables: list[Variable]) -> bool:
    return any(v in variables or (hasattr(v, "index") and _mentions(v, variables)) for v in variable.index.terms)


def _heights(rows: int, most: int) -> list[tuple[int, int, int]]:
    """rows as tiles of equal height if that is not much lower, else of two heights: (first row, height, how many)."""
    equal = max((h for h in range(1, most + 1) if rows % h == 0), default=1)
    if rows <= most or 4 * equal >= 3 * most:
        return [(0, equal, rows // equal)]
    tiles = -(-rows // most)
    height, taller = divmod(rows, tiles)
    groups = [(0, height + 1, taller), (taller * (height + 1), height, tiles - taller)]
    return [group for group in groups if group[2]]
