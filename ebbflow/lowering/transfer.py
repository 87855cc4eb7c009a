"""Kernels that move data: rows of the user's arrays into a batch, one layout into another, results out to rows."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ..core.aval import Aval
from .evaluate import Storage
from .index import LANE, LANES, Index, Variable, variable_index
from .kernels import Code, Frame
from .layout import Buffer
from .loops import Value


def transposed(b: Any, vectors: Sequence[Value]) -> list[Value]:
    """A 16 x 16 transpose in registers, by four stages of exchanging halves."""
    rows = list(vectors)
    for d in (8, 4, 2, 1):
        low = tuple(lane if not lane & d else LANES + lane - d for lane in range(LANES))
        high = tuple(lane + d if not lane & d else LANES + lane for lane in range(LANES))
        result = list(rows)
        for r in range(LANES):
            if not r & d:
                result[r] = b.shuffle(rows[r], rows[r + d], low)
                result[r + d] = b.shuffle(rows[r], rows[r + d], high)
        rows = result
    return rows


def _by_tiles(frame: Frame, low: Any, high: Any, count: int, tile: Callable[[Index, int], None], name: str) -> None:
    """tile(first index, how many of 16) for the turns low..high over `count` indices, the last turn maybe smaller."""
    whole, tail = divmod(count, LANES)
    variable = Variable(name, max(whole, 1))

    def full(value: Any, *_: Any) -> None:
        variable.value = value
        tile(variable_index(variable) * LANES, LANES)

    b = frame.b
    if whole:
        b.loop(low, b.imin(high, whole), 1, full, name=name)
    if tail:
        b.loop(b.imax(low, whole), high, 1, lambda *_: tile(Index({}, whole * LANES), tail), name=name)


def relayout_kernel(name: str, source: Buffer, target: Buffer) -> Code:
    """Copy a tensor from one lane axis to another, 16 x 16 elements at a time."""
    frame = Frame(Storage())
    a, c = source.layout.lane_axis, target.layout.lane_axis
    assert a is not None and c is not None and a != c
    shape = source.aval.shape
    others = [n for axis, n in enumerate(shape) if axis not in (a, c)]
    b = frame.b

    def offset(buffer: Buffer, rest: Sequence[Index], along_a: Index, along_c: Index) -> Index:
        left = iter(rest)
        position = tuple(along_a if axis == a else along_c if axis == c else next(left) for axis in range(len(shape)))
        return buffer.layout.offset(position)

    def tile(rest: Sequence[Index], first_a: Index, valid_a: int, first_c: Index, valid_c: int) -> None:
        lane = variable_index(LANE)
        read = frame.access.read(source, source.layout.panels)
        write = frame.access.write(target)
        vectors = []
        for r in range(LANES):
            at = offset(source, rest, first_a + lane, first_c + min(r, valid_c - 1)) - lane
            vectors.append(b.load(b.at(read, source.dtype, b.position(at)), source.dtype, LANES))
        for r, vector in enumerate(transposed(b, vectors)[:valid_a]):
            at = offset(target, rest, first_a + r, first_c + lane) - lane
            b.store(vector, b.at(write, target.dtype, b.position(at)))

    def column(first_a: Index, valid_a: int) -> None:
        turns = -(-shape[c] // LANES)
        frame.nest(
            others,
            lambda rest: _by_tiles(
                frame, 0, turns, shape[c], lambda first_c, valid_c: tile(rest, first_a, valid_a, first_c, valid_c), "c"
            ),
        )

    _by_tiles(frame, frame.low, frame.high, shape[a], column, "a")
    return frame.finish(name, -(-shape[a] // LANES), source.layout.panels)


def gather_kernel(name: str, data: Aval, targets: Sequence[Buffer], indexed: bool) -> Code:
    """Rows of an array of the user's into a batch, in every layout that is wanted.

    The first parameters are the array's address and that of the row numbers (int64), or, not indexed, of the first
    row's number. Elements are converted to the batch's type on the way.
    """
    frame = Frame(Storage())
    b = frame.b
    rows, order = b.parameter("rows"), b.parameter("order")
    batch, width = data.shape[0], prod(data.shape[1:])
    dtype = str(data.dtype)

    def row_pointer(sample: Index) -> Value:
        if indexed:
            number = b.op("to_index", ("index", 1), b.load(b.at(order, "int64", b.position(sample)), "int64"))
        else:
            first = b.op("to_index", ("index", 1), b.load(order, "int64"))
            number = b.iadd(first, b.position(sample))
        return b.at(rows, dtype, b.imul(number, width))

    def group(first: Index, valid: int) -> None:
        pointers = [row_pointer(first + min(r, valid - 1)) for r in range(LANES)]
        if width == 1:
            values = b.from_lanes([b.load(pointer, dtype) for pointer in pointers])
            for target in targets:
                _store(target, first, valid, Index(), values)
            return
        _by_tiles(frame, 0, -(-width // LANES), width, lambda at, count: block(pointers, first, valid, at, count), "f")

    def block(pointers: list[Value], first: Index, valid: int, feature: Index, count: int) -> None:
        vectors = [_row_part(b, pointer, dtype, feature, count, width) for pointer in pointers]
        turned = transposed(b, vectors) if any(t.layout.lane_axis == 0 for t in targets) else []
        for target in targets:
            if target.layout.lane_axis == 0:
                for f in range(count):
                    _store(target, first, valid, feature + f, turned[f])
            else:
                for r in range(valid):
                    _store_row(target, first + r, feature, vectors[r])

    def _store(target: Buffer, first: Index, valid: int, feature: Index, vector: Value) -> None:
        layout = target.layout
        vector = b.cast(vector, target.aval.dtype)
        pointer = frame.access.write(target)
        others = prod(layout.others)
        if layout.lane_axis == 0:
            at = (first // LANES * others + feature) * LANES if layout.panels else feature * layout.size + first
            b.store(vector, b.at(pointer, target.dtype, b.position(at)))
        else:
            for r in range(valid):  # one element a row, in rows padded to 16
                scalar = b.extract(vector, r)
                b.store(scalar, b.at(pointer, target.dtype, b.position((first + r) * LANES)))

    def _store_row(target: Buffer, sample: Index, feature: Index, vector: Value) -> None:
        layout = target.layout
        vector = b.cast(vector, target.aval.dtype)
        pointer = frame.access.write(target)
        assert len(layout.shape) == 2
        along = feature + variable_index(LANE)
        at = layout.offset((sample, along)) - variable_index(LANE)
        b.store(vector, b.at(pointer, target.dtype, b.position(at)))

    _by_tiles(frame, frame.low, frame.high, batch, group, "g")
    return frame.finish(name, -(-batch // LANES), True)


def _row_part(b: Any, pointer: Value, dtype: str, feature: Index, count: int, width: int) -> Value:
    """16 elements of a row from `feature` on; where fewer are left nothing behind the row is read."""
    if count == LANES:
        return b.load(b.at(pointer, dtype, b.position(feature)), dtype, LANES, False)
    if width >= LANES:
        last = b.load(b.at(pointer, dtype, width - LANES), dtype, LANES, False)
        return b.shuffle(last, last, tuple(min(lane + LANES - count, LANES - 1) for lane in range(LANES)))
    scalars = [b.load(b.at(pointer, dtype, b.position(feature + f)), dtype) for f in range(count)]
    return b.from_lanes(scalars)


def result_kernel(name: str, source: Buffer) -> Code:
    """A batch of results into rows of the caller's array.

    The first parameters are the array's address and that of the first row's number.
    """
    frame = Frame(Storage(), lanes=1)
    b = frame.b
    rows, first = b.parameter("rows"), b.parameter("first")
    shape = source.aval.shape
    batch, width = shape[0], prod(shape[1:])
    sample = Variable("b", batch)

    def row(value: Any, *_: Any) -> None:
        sample.value = value
        number = b.op("to_index", ("index", 1), b.load(first, "int64"))
        target = b.at(rows, source.dtype, b.imul(b.iadd(number, value), width))

        def element(rest: list[Index]) -> None:
            flat = Index()
            for i, n in zip(rest, shape[1:], strict=True):
                flat = flat * n + i
            offset = source.layout.offset((variable_index(sample), *rest))
            x = b.load(b.at(frame.access.read(source, False), source.dtype, b.position(offset)), source.dtype)
            b.store(x, b.at(target, source.dtype, b.position(flat)))

        frame.nest(list(shape[1:]), element)

    b.loop(frame.low, frame.high, 1, row, name="b")
    return frame.finish(name, batch, False)
