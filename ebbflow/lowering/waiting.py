"""Tiles of a product, and those whose slow epilogue waits for the products of the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.aval import Aval
from .index import LANE, LANES, Index, Variable, variable_index
from .kernels import store_outputs
from .layout import panels
from .loops import INDEX, Constant, Value
from .sums import Meanwhile

if TYPE_CHECKING:
    from .contraction import Product


@dataclass
class Tiles:
    """Tiles of equal height, one below the other: their first row, how high they are, and how many."""

    first: int
    height: int
    many: int


def tiles_of(rows: int, most: int, together: int = 1) -> list[Tiles]:
    """rows as tiles of equal height if that is not much lower, else of two heights.

    Rows that had better stay together, `together` of them at a time, do so if all rows can and a tile has the height.
    """
    if 1 < together <= most and rows % together == 0:
        groups = tiles_of(rows // together, most // together)
        return [Tiles(group.first * together, group.height * together, group.many) for group in groups]
    equal = max((h for h in range(1, most + 1) if rows % h == 0), default=1)
    if rows <= most or 4 * equal >= 3 * most:
        return [Tiles(0, equal, rows // equal)]
    tiles = -(-rows // most)
    height, taller = divmod(rows, tiles)
    groups = [Tiles(0, height + 1, taller), Tiles(taller * (height + 1), height, tiles - taller)]
    return [group for group in groups if group.many]


class WaitingTiles:
    """Tiles whose epilogue is computed, row by row, in the turns of the next tile's sums.

    waiting  the sums of the tile before, one place for every thread
    row      the next of its rows to finish; from `height` on there is none
    """

    def __init__(self, product: Product, tiles: Tiles, work: int, unroll: int):
        self.product, self.tiles, self.work, self.unroll = product, tiles, work, unroll
        self.b = product.frame.b
        shape = work * LANES, tiles.height
        aval = Aval(shape, product.root.aval.dtype)
        self.waiting = product.scratch(f"{product.name}_waiting", aval, panels(shape, 0))
        outputs = product.cluster.outputs
        self.written = [b for node in outputs for b in product.storage.buffers[node] if b.kind == "state"]
        self.is_far = sum(buffer.nbytes for buffer in self.written) > product.machine.nearby_bytes
        self.panel, self.tile = Variable("p", work), Variable("t", tiles.many)
        self.panel_before, self.tile_before = Variable("q", work), Variable("s", tiles.many)

    def write(self, rows_first: bool) -> None:
        none = [Constant(n, (INDEX, 1)) for n in (self.tiles.height, 0, 0)]  # row, panel and tile before
        frame, b = self.product.frame, self.b
        panels_loop = (frame.low, frame.high, self.panel)
        tiles_loop = (0, self.tiles.many, self.tile)
        outer, inner = (tiles_loop, panels_loop) if rows_first else (panels_loop, tiles_loop)

        def level(loops: Any, state: list[Value]) -> list[Value]:
            if not loops:
                return self._turn(state)
            (low, high, variable), *rest = loops

            def turn(value: Any, *carried: Value) -> list[Value]:
                variable.value = value
                return level(rest, list(carried))

            return b.loop(low, high, 1, turn, state, name=variable.name)

        row, *before = level([outer, inner], list(none))
        self.panel_before.value, self.tile_before.value = before
        b.loop(row, self.tiles.height, 1, lambda value: self._finish(value), name="r")

    def _turn(self, state: list[Value]) -> list[Value]:
        """The sums of a tile, and meanwhile the outputs of the one before."""
        row, self.panel_before.value, self.tile_before.value = state
        product, b, height = self.product, self.b, self.tiles.height
        panel = variable_index(self.panel)
        positions = product.positions(panel, [], Index({self.tile: height}, self.tiles.first), height)
        meanwhile = Meanwhile(self._finish_one, [row])
        sums = product.sums(product.evaluator(panel), positions, self.unroll, meanwhile)
        for r, value in enumerate(sums):
            b.store(value, self._place(Index({}, r), product.frame.access.write(self.waiting, 0)))
        here = [Constant(v.value, (INDEX, 1)) if isinstance(v.value, int) else v.value for v in (self.panel, self.tile)]
        return [Constant(0, (INDEX, 1)), *here]

    def _finish_one(self, state: list[Value]) -> list[Value]:
        (row,) = state

        def one_row() -> None:
            self._finish(row)
            if self.is_far:
                self._bring_nearer(row)

        self.b.when(self.b.compare_index("lt", row, self.tiles.height), one_row)
        return [self.b.iadd(row, 1)]

    def _bring_nearer(self, row: Value) -> None:
        """Ask for the memory of the present tile's row, which is read and written while the next tile is summed."""
        (position,) = self.product.positions(variable_index(self.panel), [], self._row_index(self.tile, row), 1)
        for buffer in self.written:
            offset = buffer.layout.offset(position) - Index({LANE: 1})
            pointer = self.product.frame.access.pointer(buffer)
            self.b.prefetch(self.b.at(pointer, buffer.dtype, self.b.position(offset)))

    def _row_index(self, tile: Variable, row: Value) -> Index:
        return Index({tile: self.tiles.height, Variable("r", self.tiles.height, row): 1}, self.tiles.first)

    def _finish(self, row: Value) -> None:
        """The outputs of one row of the tile before."""
        product = self.product
        panel = variable_index(self.panel_before)
        (position,) = product.positions(panel, [], self._row_index(self.tile_before, row), 1)
        evaluator = product.evaluator(panel)
        pointer = self._place(
            variable_index(Variable("r", self.tiles.height, row)), product.frame.access.read(self.waiting, 0)
        )
        value = self.b.load(pointer, product.dtype, LANES)
        evaluator.preset(product.start_node or product.root, position, value)
        store_outputs(evaluator, product.cluster, position)

    def _place(self, row: Index, pointer: Value) -> Value:
        """Where a row's sums wait: each thread has a place of its own, at the first of its panels."""
        first = Index({Variable("low", self.work, self.product.frame.low): LANES})
        return self.b.at(pointer, self.waiting.dtype, self.b.position(self.waiting.layout.offset((first, row))))
