"""Looking for NaN and infinity: in arrays as soon as they are given, in memory-mapped files when they are read."""

import mmap
from typing import Any

import numpy as np

from ..core.aval import floatx
from ..core.errors import ArgumentError

PIECE = 1 << 18  # bytes that are looked at together: still in the cache when they are used


def is_mapped(array: np.ndarray) -> bool:
    """Whether the array is, or is a view of, a memory-mapped file, which may be larger than memory."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap)


def is_unchecked(array: np.ndarray) -> bool:
    """Whether nobody has looked for NaN and infinity in it, since reading a file twice would take too long."""
    return array.dtype.kind == "f" and is_mapped(array)


def all_finite(array: np.ndarray) -> bool:
    """Whether every number is finite, also as a float of the default type."""
    if array.nbytes <= PIECE and array.dtype.char != "d":
        return bool(np.isfinite(array).all())
    if array.dtype.kind != "f" or not array.size:
        return True
    # The smallest and largest number tell without a temporary array: NaN is passed on by both.
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.array([array.min(), array.max()]).astype(floatx())).all())


def check_finite(caller: str, name: str, array: np.ndarray, rows: Any = None) -> None:
    """Raise ArgumentError for the first number that is not finite in the default float type.

    Parameters: rows, the numbers of the rows as the user counts them, by default from 0.
    """
    if all_finite(array):
        return
    for start in range(0, len(array), step := _rows_in_a_piece(array)):
        piece = array[start : start + step]
        if not all_finite(piece):
            break
    with np.errstate(over="ignore"):
        at = np.argwhere(~np.isfinite(piece.astype(floatx())))[0]
    value = piece[tuple(at)]
    at[0] += start
    if rows is not None:
        at[0] = rows[at[0]]
    what = f"{value}, which is too large for {floatx()}," if np.isfinite(value) else f"{value}"
    raise ArgumentError(
        f"{caller}: expected finite numbers in {name}, got {what} at {place(at)}; fill or drop such rows"
    )


class Lookout:
    """Looks for NaN and infinity in rows of memory-mapped files just before they are used: so each is read once.

    Parameters: data, the arrays by name; those in memory were looked through before.
    """

    def __init__(self, caller: str, data: dict[str, np.ndarray]):
        self._caller, self._data = caller, {name: array for name, array in data.items() if is_unchecked(array)}
        self._seen = 0
        self._step = min(map(_rows_in_a_piece, self._data.values()), default=0)

    def reach(self, end: int) -> None:
        """Look at all rows before `end`; raises ArgumentError for the first number that is not finite."""
        while self._data and self._seen < end:
            rows = range(self._seen, self._seen + self._step)
            for name, array in self._data.items():
                check_finite(self._caller, name, array[rows.start : rows.stop], rows)
            self._seen = rows.stop


def _rows_in_a_piece(array: np.ndarray) -> int:
    return max(1, PIECE * len(array) // max(array.nbytes, 1))


def place(at: Any) -> str:
    """`row 4, column 1`, from an index."""
    return f"row {at[0]}" + "".join(f", column {k}" for k in at[1:]) if len(at) else "the only place"
