"""Sums of products in register tiles: a tile of rows x 16 lanes of the result stays in registers while its products are
added in index order; what comes after it elementwise is computed on the tile before it is stored.

One operand is read as vectors along the result's lanes, the other as single elements for all lanes. A bias that is
added to the result is where the sums start.

What is slow to compute on a tile (an optimizer's roots and quotients, an exponential) waits: the tile's sums are put
aside, and each turn of the next tile's innermost loop computes one row of it beside the products. Random words for a
tile need no sums: they are made beside its own.
"""

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any

from ..core.aval import Aval
from ..core.graph import Node
from ..core.primitive import Elementwise
from ..ops.contraction import split_labels
from .clusters import Cluster, is_move
from .evaluate import Evaluator, Storage, is_aligned, is_vector
from .index import LANE, LANES, Index, Variable, reindex, variable_index
from .kernels import Code, Frame, Position, store_outputs
from .layout import Buffer, Layout
from .loops import Value
from .machine import Machine
from .noise import TileNoise, blocks_of
from .sums import UNROLL, Meanwhile, Operand, ProductLoops, separate, turns_of
from .waiting import Tiles, WaitingTiles, tiles_of

FAR = 16  # times the bytes that stay nearby: as much does not stay in any cache of one core's own
# cost per element of an epilogue that waits for the next tile's products; a larger one does not fit beside them
SLOW = range(16, 60)
MakeBuffer = Callable[[str, Aval, Layout], Buffer]


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


class Product:
    """The kernel of a cluster's contraction, with its epilogue; scratch: makes a buffer that lives within one run."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        lane_axis: int,
        by_panel: bool,
        storage: Storage,
        machine: Machine,
        scratch: MakeBuffer,
    ):
        assert cluster.root is not None
        self.name, self.cluster, self.root, self.lane_axis = name, cluster, cluster.root, lane_axis
        self.by_panel, self.storage, self.machine, self.scratch = by_panel, storage, machine, scratch
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
        if len(other) != 1 or other[0] in self._dependent():
            return None, None
        return other[0], users[0]

    def _dependent(self) -> set[Node]:
        """The root and the members that are computed from it."""
        found = {self.root}
        for node in self.cluster.members:  # sources come first
            if not found.isdisjoint(node.inputs):
                found.add(node)
        return found

    # the loops around a tile
    def write(self) -> Code:
        work = -(-self.sizes[self.lane] // LANES)
        rows = self.sizes[self.row] if self.row else 1
        most = self.machine.tile_rows[self.dtype]
        beside = self._panels_beside(rows, most)
        if not self.by_panel and min(beside, work) > 1:
            work = self._over_groups(tiles_of(work, beside), rows)
            return self.frame.finish(self.name, work, 2 * prod(self.sizes.values()))
        single = rows * prod(self.sizes[k] for k in self.summed) * self.root.aval.dtype.itemsize
        # where the rows' elements are too many to stay near: all panels for one tile of rows before the next
        rows_first = self.by_panel and single > self.machine.nearby_bytes
        if rows_first and self.dtype in self.machine.roomy and single > FAR * self.machine.nearby_bytes:
            most *= 2  # both operands come from far: higher tiles need half as much of the panels
        for tiles in tiles_of(rows, most, self._together()):
            unroll = self._unroll_while_waiting(tiles.height)
            if unroll:
                WaitingTiles(self, tiles, work, unroll).write(rows_first)
            else:
                self._over_tiles(tiles, work, rows_first)
        return self.frame.finish(self.name, work, 2 * prod(self.sizes.values()))

    def _over_tiles(self, tiles: Tiles, work: int, rows_first: bool) -> None:
        """Every tile from its sums to its outputs."""
        others = [self.sizes[label] for label in self.others]
        if rows_first:
            self._over_rows(
                tiles,
                lambda row: self.frame.nest(others, lambda rest: self._over_panels(work, rest, row, tiles.height)),
            )
            return

        def panel_of_tiles(panel: Index) -> None:
            self.frame.nest(
                others, lambda rest: self._over_rows(tiles, lambda row: self._tile(panel, rest, row, tiles.height))
            )

        self.frame.divided(work, panel_of_tiles)

    def _over_panels(self, work: int, rest: list[Index], row: Index, height: int) -> None:
        self.frame.divided(work, lambda panel: self._tile(panel, rest, row, height))

    def _over_rows(self, tiles: Tiles, tile: Callable[[Index], Any]) -> None:
        """tile(its first row)"""
        variable = Variable("t", tiles.many)

        def turn(value: Any, *_: Any) -> None:
            variable.value = value
            tile(Index({variable: tiles.height}, tiles.first))

        self.frame.b.loop(0, tiles.many, 1, turn, name="t")

    def _panels_beside(self, rows: int, most: int) -> int:
        """How many panels side by side make a tile of these rows about as large as one of `most` rows.

        Then the rows' single elements stay in registers, too, for which there may be no room.
        """
        held = 0 if self.dtype in self.machine.roomy else max(rows - 2, 0)
        return (most - held) // rows

    def _over_groups(self, groups: list[Tiles], rows: int) -> int:
        """Tiles of all rows, several panels wide: few rows are too few sums at a time. Returns how many tiles."""
        work = 0
        for group in groups:
            self._over_group(group, rows, work)
            work += group.many
        return work

    def _over_group(self, group: Tiles, rows: int, before: int) -> None:
        """Tiles of equal width; as many tiles as are `before` them are done by others."""
        b, variable = self.frame.b, Variable("p", before + group.many)
        others = [self.sizes[label] for label in self.others]

        def turn(value: Any, *_: Any) -> None:
            variable.value = value
            panel = Index({variable: group.height}, group.first - before * group.height)
            self.frame.nest(others, lambda rest: self._tile(panel, rest, Index(), rows, group.height))

        b.loop(b.imax(self.frame.low, before), b.imin(self.frame.high, before + group.many), 1, turn, name="p")

    def _together(self) -> int:
        """How many rows of a tile are cheapest finished together."""
        rules = [node.primitive.lower for node in self.cluster.members]
        return max((rule.together for rule in rules if isinstance(rule, Elementwise)), default=1)

    def _unroll_while_waiting(self, height: int) -> int:
        """How far to unroll sums whose turns compute a row each of the tile before; 0 where nothing is to wait."""
        cost = sum(node.primitive.cost for node in self.cluster.members if node is not self.root)
        if cost not in SLOW or self.others or self.dtype not in self.machine.roomy:
            return 0
        counted = [counts for _, _, counts in self.nests()]
        fitting = (n for n in (UNROLL, 1) if sum(turns_of(counts, n) for counts in counted) >= height)
        return next(fitting, 0)

    # one tile
    def _tile(self, panel: Index, rest: list[Index], row: Index, height: int, panels: int = 1) -> None:
        evaluator = self.evaluator(panel)
        positions = [at for k in range(panels) for at in self.positions(panel + k, rest, row, height)]
        sums = self._sums_and_noise(evaluator, positions)
        for position, value in zip(positions, sums, strict=True):
            evaluator.preset(self.start_node or self.root, position, value)
        for position in positions:
            store_outputs(evaluator, self.cluster, position)

    def _sums_and_noise(self, evaluator: Evaluator, positions: list[Position]) -> list[Value]:
        """The sums of a tile, with random words for it made beside them where there are registers for both."""
        node = next((node for node in self.cluster.members if self._is_noise(node)), None)
        blocks = blocks_of(node, positions) if node else None
        if node is None or blocks is None:
            return self.sums(evaluator, positions, UNROLL)
        noise = TileNoise(evaluator, node, positions, blocks)
        sums = self.sums(evaluator, positions, UNROLL, noise.rounds)
        noise.tell()
        return sums

    def _is_noise(self, node: Node) -> bool:
        is_random = node.primitive.name == "random_bits" and node.aval.shape == self.root.aval.shape
        return is_random and self.dtype in self.machine.roomy

    def evaluator(self, panel: Index) -> Evaluator:
        own = next(iter(panel.terms), None)
        return Evaluator(self.frame.b, self.frame.access, self.storage, set(self.cluster.members), own)

    def positions(self, panel: Index, rest: list[Index], row: Index, height: int) -> list[Position]:
        """Where in the result the rows of a tile are."""
        places = dict(zip(self.others, rest, strict=True))
        places[self.lane] = panel * LANES + variable_index(LANE)
        rows = [places | ({self.row: row + r} if self.row else {}) for r in range(height)]
        return [tuple(at[label] for label in self.output) for at in rows]

    def sums(
        self,
        evaluator: Evaluator,
        positions: list[Position],
        unroll: int,
        meanwhile: Meanwhile | None = None,
    ) -> list[Value]:
        """start + the products, added in the order of the summed labels."""
        if self.initial is not None:
            sums = [evaluator.value(self.initial, position) for position in positions]
        else:
            sums = [self.frame.b.constant(0, self.dtype) for _ in positions]
        places = [dict(zip(self.output, position, strict=True)) for position in positions]
        for variables, indices, counts in self.nests():
            at = [place | indices for place in places]
            operands = [self._address(k, at, variables, evaluator) for k in range(len(self.operands))]
            sums = ProductLoops(self.frame, operands, counts, unroll, meanwhile).add(sums)
        return sums

    def nests(self) -> Iterator[tuple[list[Variable], dict[str, Index], list[int]]]:
        """The nests of loops over the summed labels: (variables, index of each label, counts).

        A label that lies in panels goes panel by panel; the whole ones are a nest, the rest of the last one another.
        """
        split = [label for label in self.summed if self._in_panels(label)]
        for part in self._parts(split):
            variables: list[Variable] = []
            indices: dict[str, Index] = {}
            for label in self.summed:
                first, many, inside = part.get(label, (0, 1, self.sizes[label]))
                outer, inner = Variable(f"{label}p", many), Variable(label, inside)
                variables += [outer, inner] if label in split else [inner]
                indices[label] = Index({outer: LANES, inner: 1}, first) if label in split else variable_index(inner)
            yield variables, indices, [v.size for v in variables]

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
    ) -> Operand:
        labels = (self.left, self.right)[k]
        operand = self.operands[k]
        positions = [operand.position(tuple(place[label] for label in labels)) for place in places]
        for buffer in self.storage.buffers[operand.base]:
            offsets = [buffer.layout.offset(position) for position in positions]
            vector = is_vector(offsets[0])
            if not vector and any(offset.uses_lane for offset in offsets):
                continue
            bases, strides = separate(offsets, variables)
            if bases is None:
                continue
            self.frame.access.read(buffer, evaluator.shared_axis(buffer, offsets[0]))
            aligned = all(is_aligned(base) for base in bases) and all(s % LANES == 0 for s in strides)
            return Operand(buffer, vector, aligned, bases, strides)
        raise AssertionError(f"{self.name}: no buffer of {operand.base.primitive} {operand.base.aval} suits its lanes")
