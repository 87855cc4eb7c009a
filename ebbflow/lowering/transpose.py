"""16 x 16 transposes: functions that every kernel of a module shares, since their code is long.

    transpose4(source, source_step, target, target_step)
    transpose4_part(source, source_step, rows, target, target_step, columns)

Row r of the source is the vector at source + r * source_step (in elements); column c becomes the vector at target + c *
target_step. The second form reads `rows` rows and writes `columns` columns of at most 16.
"""

from typing import Any

from .arithmetic import Arithmetic
from .index import LANES
from .loops import INDEX, Kernel, Value, verify_kernel

ELEMENTS = {1: "uint8", 4: "int32", 8: "int64"}


def transposed(b: Arithmetic, vectors: list[Value]) -> list[Value]:
    """16 vectors of 16 lanes transposed in registers, by four stages of exchanging halves."""
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


def function_name(itemsize: int, part: bool) -> str:
    return f"transpose{itemsize}{'_part' if part else ''}"


def shared_function(name: str) -> Kernel | None:
    """The function of this name, if it is one of these."""
    for itemsize in ELEMENTS:
        for part in (False, True):
            if name == function_name(itemsize, part):
                return _write(itemsize, part)
    return None


def _write(itemsize: int, part: bool) -> Kernel:
    b, dtype = Arithmetic(), ELEMENTS[itemsize]
    source, source_step = b.parameter("source"), b.parameter("source_step", INDEX)
    rows: Any = b.parameter("rows", INDEX) if part else LANES
    target, target_step = b.parameter("target"), b.parameter("target_step", INDEX)
    columns: Any = b.parameter("columns", INDEX) if part else LANES

    def held(k: int, count: Any) -> Any:
        return b.imin(k, b.isub(count, 1)) if part else k

    def vector(k: int) -> Value:
        return b.load(b.at(source, dtype, b.imul(source_step, held(k, rows))), dtype, LANES)

    columns_first_last = list(enumerate(transposed(b, [vector(k) for k in range(LANES)])))
    # last column first: those beyond the end fall on the last one, which is then written over by its own
    for k, column in reversed(columns_first_last):
        b.store(column, b.at(target, dtype, b.imul(target_step, held(k, columns))))
    return verify_kernel(b.finish(function_name(itemsize, part)))


def call_transpose(
    b: Arithmetic, itemsize: int, source: tuple[Value, int], rows: int, target: tuple[Value, int], columns: int
) -> None:
    """Call the function that fits: (address, step) of the source with so many rows, of the target with its columns."""
    if rows == columns == LANES:
        b.effect("call", *source, *target, attributes=function_name(itemsize, False))
    else:
        b.effect("call", *source, rows, *target, columns, attributes=function_name(itemsize, True))
