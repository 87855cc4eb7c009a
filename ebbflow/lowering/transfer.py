"""Kernels that move data: rows of the user's arrays into a batch, one layout into another, results out to rows."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..core.aval import Aval
from .evaluate import Storage
from .index import LANES, Index, Variable, variable_index
from .kernels import Code, Frame
from .layout import Buffer, Layout
from .loops import Value
from .transpose import call_transpose


def relayout_kernel(
    name: str, source: Buffer, target: Buffer, divided: int, layouts: tuple[Layout, Layout] | None = None
) -> Code:
    """Copy a tensor from one lane axis to another, 16 x 16 elements at a time.

    Parameters:
        divided: the axis, of source or target lanes, whose panels the threads share out.
        layouts: of source and target, where the memory is seen as a tensor of another shape.
    """
    frame = Frame(Storage())
    old, new = layouts or (source.layout, target.layout)
    shape = old.shape
    assert old.lane_axis is not None and new.lane_axis is not None and old.lane_axis != new.lane_axis
    assert divided in (old.lane_axis, new.lane_axis)
    old_lanes, new_lanes = old.lane_axis, new.lane_axis
    inner = new_lanes if divided == old_lanes else old_lanes
    others = [n for axis, n in enumerate(shape) if axis not in (divided, inner)]
    b = frame.b
    itemsize = source.aval.dtype.itemsize

    def address(layout: Layout, pointer: Value, position: dict[int, Index], along: int) -> tuple[Value, int]:
        """Where the vector at a position starts, and how far the next one along an axis is."""
        here = layout.offset(tuple(position[axis] for axis in range(len(shape))))
        after = layout.offset(tuple(position[axis] + (axis == along) for axis in range(len(shape))))
        return b.at(pointer, source.dtype, b.position(here)), (after - here).constant

    def tile(rest: Sequence[Index], first: dict[int, Index], valid: dict[int, int]) -> None:
        left = iter(rest)
        position = {axis: first[axis] if axis in first else next(left) for axis in range(len(shape))}
        read, write = frame.access.read(source, divided), frame.access.write(target, divided)
        call_transpose(
            b,
            itemsize,
            address(old, read, position, new_lanes),
            valid[new_lanes],
            address(new, write, position, old_lanes),
            valid[old_lanes],
        )

    def turn(first: Index, valid: int) -> None:
        turns = -(-shape[inner] // LANES)
        frame.nest(
            others,
            lambda rest: frame.by_tiles(
                0,
                turns,
                shape[inner],
                lambda at, count: tile(rest, {divided: first, inner: at}, {divided: valid, inner: count}),
                "c",
            ),
        )

    frame.by_tiles(frame.low, frame.high, shape[divided], turn, "a")
    return frame.finish(name, -(-shape[divided] // LANES))


def gather_kernel(name: str, data: Aval, target: Buffer, layout: Layout, indexed: bool) -> Code:
    """Rows of an array of the user's into a batch, converted to the batch's type on the way, to the nearest number.

    The first parameters are the array's address and that of the row numbers (int64), or, not indexed, of the first
    row's number. The layout, of (samples, width), has a row's elements along the lanes, or the samples if width is 1.
    """
    frame = Frame(Storage())
    b = frame.b
    rows, order = b.parameter("rows"), b.parameter("order")
    batch, width = layout.shape
    is_half = data.dtype == np.float16
    dtype = "uint16" if is_half else str(data.dtype)

    def row_pointer(sample: Index) -> Value:
        if indexed:
            number = b.op("to_index", ("index", 1), b.load(b.at(order, "int64", b.position(sample)), "int64"))
        else:
            first = b.op("to_index", ("index", 1), b.load(order, "int64"))
            number = b.iadd(first, b.position(sample))
        return b.at(rows, dtype, b.imul(number, width))

    def store(sample: Index, feature: Index, vector: Value) -> None:
        at = b.at(frame.access.write(target, 0), target.dtype, b.position(layout.offset((sample, feature))))
        b.store(b.cast(_from_half(b, vector) if is_half else vector, target.aval.dtype), at)

    def column(first: Index, valid: int) -> None:
        pointers = [row_pointer(first + min(r, valid - 1)) for r in range(LANES)]
        store(first, Index(), b.from_lanes([b.load(pointer, dtype) for pointer in pointers]))

    def group(first: Index, valid: int) -> None:
        def row(rest: list[Index]) -> None:
            sample = first + rest[0]
            pointer = row_pointer(sample)
            frame.by_tiles(
                0,
                -(-width // LANES),
                width,
                lambda at, count: store(sample, at, _row_part(b, pointer, dtype, at, count, width)),
                "f",
            )

        frame.nest([valid], row, "r")

    frame.by_tiles(frame.low, frame.high, batch, column if layout.lane_axis == 0 else group, "g")
    return frame.finish(name, -(-batch // LANES))


def _row_part(b: Any, pointer: Value, dtype: str, feature: Index, count: int, width: int) -> Value:
    """16 elements of a row from `feature` on; where fewer are left nothing behind the row is read."""
    if count == LANES:
        return b.load(b.at(pointer, dtype, b.position(feature)), dtype, LANES, False)
    if width >= LANES:
        last = b.load(b.at(pointer, dtype, width - LANES), dtype, LANES, False)
        return b.shuffle(last, last, tuple(min(lane + LANES - count, LANES - 1) for lane in range(LANES)))
    scalars = [b.load(b.at(pointer, dtype, b.position(feature + f)), dtype) for f in range(count)]
    return b.from_lanes(scalars)


def _from_half(b: Any, bits: Value) -> Value:
    """float16, given as bits, to float32: sign, 5 bits of exponent, 10 of fraction move to where float32 has them.

    The exponent's bias is 127 instead of 15, and all ones of it mean infinity or NaN. A subnormal number x is
    (2^-14 + x) - 2^-14: nowhere on the way may it be a subnormal float32, which native code counts as 0.
    """

    def number(value: int) -> Value:
        return b.constant(value, "uint32")

    wide = b.cast(bits, "uint32")
    shifted = b.shift_left(b.bitwise_and(wide, number(0x7FFF)), number(13))
    exponent = b.bitwise_and(shifted, number(0x1F << 23))
    normal = b.add(shifted, number((127 - 15) << 23))
    endless = b.add(normal, number((127 - 15) << 23))
    beside = b.bitcast(b.add(shifted, number((127 - 14) << 23)), "float32")
    small = b.bitcast(b.sub(beside, b.constant(2.0**-14, "float32")), "uint32")
    magnitude = b.select(b.compare("eq", exponent, number(0x1F << 23)), endless, normal)
    magnitude = b.select(b.compare("eq", exponent, number(0)), small, magnitude)
    sign = b.shift_left(b.bitwise_and(wide, number(0x8000)), number(16))
    return b.bitcast(b.bitwise_or(magnitude, sign), "float32")


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
            x = b.load(b.at(frame.access.read(source, None), source.dtype, b.position(offset)), source.dtype)
            b.store(x, b.at(target, source.dtype, b.position(flat)))

        frame.nest(list(shape[1:]), element)

    b.loop(frame.low, frame.high, 1, row, name="b")
    return frame.finish(name, batch)
