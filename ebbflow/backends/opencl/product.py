"""Sums of products: a tile of the result for each group of work items, its operands read through shared memory.

A group of 16 x 16 work items computes a tile of 16r x 16r elements, r x r of them each. Both operands' parts for 16
terms of the sums are brought into shared memory, then added, term after term in index order; so a sum has the same bits
as on the processor. What comes before it (a bias) and after it elementwise is computed where the sum is.
"""

from collections.abc import Callable, Sequence
from math import prod

from ...lowering.contraction import MovedOperand, Product
from ...lowering.evaluate import Evaluator, Position, Storage
from ...lowering.index import Index, Variable, unflatten, variable_index
from ...lowering.kernels import store_outputs
from ...lowering.loops import Value
from .frame import Code, Frame

SIDE = 16  # work items of a group along each side of its tile; also how many terms are in shared memory at a time
FEWEST = 8  # rows, columns or terms that are worth a tile
PITCH = 1  # elements left free between rows of shared memory, so that columns of it lie in different banks
ENOUGH_GROUPS = 128  # to keep a GPU busy
Labels = dict[str, Index]


class _Terms:
    """A run of terms of a sum: how many there are, and the indices of the summed labels for the k-th of them."""

    def __init__(self, count: int, labels: Callable[[Index], Labels]):
        self.count, self.labels = count, labels


def terms_of(product: Product) -> list[_Terms]:
    """The terms in the order in which the processor adds them, which is label by label, or panel by panel."""
    if len(product.summed) < 2:
        return [_Terms(prod(product.sizes[x] for x in product.summed), lambda k: dict.fromkeys(product.summed, k))]
    return [_nest(*nest) for nest in product.nests()]


def _nest(variables: list[Variable], indices: Labels, counts: list[int]) -> _Terms:
    def labels(k: Index) -> Labels:
        values = dict(zip(variables, unflatten(k, tuple(counts)), strict=True))
        result = {}
        for label, index in indices.items():
            result[label] = Index({}, index.constant)
            for variable, factor in index.terms.items():
                result[label] += values[variable] * factor
        return result

    return _Terms(prod(counts), labels)


def product_kernel(product: Product, storage: Storage, has_double: bool) -> Code:
    """The kernel of a product; `product` says what is summed in which order."""
    sides = _Sides(product)
    most = max(terms.count for terms in terms_of(product))
    if min(sides.rows, sides.columns, most) < FEWEST:
        return _by_element(product, storage, has_double)
    return _Tiled(product, sides, storage, has_double).write()


def _by_element(product: Product, storage: Storage, has_double: bool) -> Code:
    """Few rows or columns: a work item for each element of the result."""
    frame = Frame(storage, has_double)

    def element(position: Position) -> None:
        place = dict(zip(product.output, position, strict=True))
        (total,) = _starts(frame, product, [position])
        for terms in terms_of(product):
            variable = Variable("k", terms.count)

            def turn(k: Value, total: Value, variable: Variable = variable, terms: _Terms = terms) -> list[Value]:
                variable.value = k
                at = place | terms.labels(variable_index(variable) if terms.count > 1 else Index())
                evaluator = frame.evaluator(set())
                x, y = (_element(evaluator, product, side, at) for side in (0, 1))
                return [frame.b.fma(x, y, total)]

            (total,) = frame.b.loop(0, terms.count, 1, turn, [total], name="k")
        _store(frame, product, position, total)

    return frame.elements(product.root.aval.shape, element)


def _starts(frame: Frame, product: Product, positions: Sequence[Position]) -> list[Value]:
    """What the sums begin with."""
    if product.initial is None:
        return [frame.b.constant(0, product.dtype) for _ in positions]
    evaluator = frame.evaluator(set(product.cluster.members))
    return [evaluator.value(product.initial, position) for position in positions]


def _element(evaluator: Evaluator, product: Product, side: int, at: Labels) -> Value:
    """An element of an operand."""
    operand: MovedOperand = product.operands[side]
    labels = (product.left, product.right)[side]
    return evaluator.load(operand.base, operand.position(tuple(at[label] for label in labels)))


def _store(frame: Frame, product: Product, position: Position, total: Value) -> None:
    """What follows a finished sum, stored."""
    evaluator = frame.evaluator(set(product.cluster.members))
    evaluator.preset(product.start_node or product.root, position, total)
    store_outputs(evaluator, product.cluster, position)


class _Sides:
    """The labels of the result's rows, columns and batch; neighbouring columns are neighbours in memory."""

    def __init__(self, product: Product):
        sizes, output = product.sizes, product.output
        both = [x for x in output if x in product.left and x in product.right]
        last = next((x for x in reversed(output) if x not in both), None)
        self.column_side = 0 if last is not None and last in product.left else 1
        self.column_labels = [
            x for x in output if x not in both and x in (product.left, product.right)[self.column_side]
        ]
        self.row_labels = [x for x in output if x not in both and x not in self.column_labels]
        self.batch_labels = both
        self.rows, self.columns, self.batch = (
            prod(sizes[x] for x in labels) for labels in (self.row_labels, self.column_labels, self.batch_labels)
        )


class _Tiled:
    def __init__(self, product: Product, sides: _Sides, storage: Storage, has_double: bool):
        self.product, self.sides, self.frame = product, sides, Frame(storage, has_double)
        self.times = self._choose_times()
        self.edge = SIDE * self.times
        frame = self.frame
        self.x = frame.number("x", SIDE, "get_local_id(0)")
        self.y = frame.number("y", SIDE, "get_local_id(1)")
        self.groups = -(-sides.columns // self.edge), -(-sides.rows // self.edge)
        self.first_column = frame.number("tile_x", self.groups[0], "get_group_id(0)") * self.edge
        self.first_row = frame.number("tile_y", self.groups[1], "get_group_id(1)") * self.edge
        self.member = frame.number("member", sides.batch, "get_group_id(2)")

    def _choose_times(self) -> int:
        """As many elements for each work item as leave enough groups."""

        def groups(times: int) -> int:
            edge = SIDE * times
            return -(-self.sides.rows // edge) * -(-self.sides.columns // edge) * self.sides.batch

        return next((times for times in (4, 2) if groups(times) >= ENOUGH_GROUPS), 1)

    def write(self) -> Code:
        frame, dtype = self.frame, self.product.dtype
        self.shared = [frame.share(name, dtype, SIDE * (self.edge + PITCH)) for name in ("row_part", "column_part")]
        own = [
            (self.first_row + self.y + i * SIDE, self.first_column + self.x + j * SIDE)
            for i in range(self.times)
            for j in range(self.times)
        ]
        positions = [self._position(self._place(row, column)) for row, column in own]
        sums = _starts(frame, self.product, positions)
        for terms in terms_of(self.product):
            sums = self._add(terms, sums)
        for (row, column), position, total in zip(own, positions, sums, strict=True):
            self._store_inside(row, column, position, total)
        size = self.groups[0] * SIDE, self.groups[1] * SIDE, self.sides.batch
        return frame.finish(size, (SIDE, SIDE, 1))

    def _store_inside(self, row: Index, column: Index, position: Position, total: Value) -> None:
        frame, sides = self.frame, self.sides

        def store() -> None:
            _store(frame, self.product, position, total)

        frame.inside(row, sides.rows, lambda: frame.inside(column, sides.columns, store))

    def _place(self, row: Index, column: Index) -> Labels:
        """The indices of the result's labels, held within its shape."""
        sides, sizes = self.sides, self.product.sizes
        found: Labels = {}
        for labels, index, count in (
            (sides.row_labels, row, sides.rows),
            (sides.column_labels, column, sides.columns),
            (sides.batch_labels, self.member, sides.batch),
        ):
            shape = tuple(sizes[label] for label in labels)
            found |= dict(zip(labels, unflatten(index.clamped(count), shape), strict=True))
        return found

    def _position(self, place: Labels) -> Position:
        return tuple(place[label] for label in self.product.output)

    def _add(self, terms: _Terms, sums: list[Value]) -> list[Value]:
        """A run of terms, 16 at a time, then those that are left."""
        whole, tail = divmod(terms.count, SIDE)
        variable = Variable("part", max(whole, 1))

        def part(value: Value, *sums: Value) -> list[Value]:
            variable.value = value
            first = variable_index(variable) * SIDE if whole > 1 else Index()
            return self._part(terms, first, SIDE, list(sums))

        sums = self.frame.b.loop(0, whole, 1, part, sums, name="part")
        return self._part(terms, Index({}, whole * SIDE), tail, sums) if tail else sums

    def _part(self, terms: _Terms, first: Index, count: int, sums: list[Value]) -> list[Value]:
        """The terms from `first` on, through shared memory."""
        frame, sides = self.frame, self.sides
        self._bring(terms, first, 1 - sides.column_side, self.shared[0], self.first_row)
        self._bring(terms, first, sides.column_side, self.shared[1], self.first_column)
        frame.barrier()
        variable, dtype = Variable("k", count), self.product.dtype

        def turn(value: Value, *sums: Value) -> list[Value]:
            variable.value = value
            line = (variable_index(variable) if count > 1 else Index()) * (self.edge + PITCH)
            rows = [frame.get(dtype, self.shared[0], line + self.y + i * SIDE) for i in range(self.times)]
            columns = [frame.get(dtype, self.shared[1], line + self.x + j * SIDE) for j in range(self.times)]
            pairs = [(x, y) for x in rows for y in columns]
            return [frame.b.fma(x, y, total) for (x, y), total in zip(pairs, sums, strict=True)]

        sums = frame.b.loop(0, count, 1, turn, sums, name="k")
        frame.barrier()
        return sums

    def _bring(self, terms: _Terms, first: Index, side: int, name: str, start: Index) -> None:
        """An operand's part into shared memory, term by term; work items beside each other read what lies so."""
        along_terms = self._runs_along_terms(terms, side)
        evaluator = self.frame.evaluator(set())
        for i in range(self.times):
            k, across = (self.x, self.y + i * SIDE) if along_terms else (self.y, self.x + i * SIDE)
            at = self._at(terms, (first + k).clamped(terms.count), side, start + across)
            value = _element(evaluator, self.product, side, at)
            self.frame.put(value, name, k * (self.edge + PITCH) + across)

    def _at(self, terms: _Terms, k: Index, side: int, across: Index) -> Labels:
        is_column = side == self.sides.column_side
        place = self._place(Index() if is_column else across, across if is_column else Index())
        return place | terms.labels(k)

    def _runs_along_terms(self, terms: _Terms, side: int) -> bool:
        """Whether neighbouring terms are neighbours in memory."""
        operand = self.product.operands[side]
        labels = (self.product.left, self.product.right)[side]
        offsets = []
        for k in (0, 1):
            at = dict.fromkeys(labels, Index()) | terms.labels(Index({}, min(k, terms.count - 1)))
            position = operand.position(tuple(at[label] for label in labels))
            offsets.append(self.frame.storage.buffers[operand.base][0].layout.offset(position))
        return (offsets[1] - offsets[0]).constant == 1
