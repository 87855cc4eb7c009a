"""What users give as data, as arrays that the model reads, with every mistake named before anything is changed.

Arrays stay as they lie, in the user's memory or file and in the user's type; a batch is converted when it is read.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..core.aval import floatx
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..core.variable import Variable
from .finite import check_finite, is_mapped, is_unchecked, place

Rows = dict[str, np.ndarray]  # "x", "y" and maybe "sample_weight", in this order: what one step reads a batch of

INT32 = np.iinfo(np.int32)
READABLE = [np.dtype(code) for code in ("?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")]
WHOLE = (Integral, np.bool_)
NUMBER = (Real, Decimal, np.bool_)


def prepare_x(caller: str, x: Any, whole: bool = False) -> np.ndarray:
    """Inputs as they lie, one row per sample; a single axis becomes one column. Whoever reads a batch converts it.

    Parameters: whole, to look for NaN and infinity in a memory-mapped file too, which is else left to its reader.
    """
    return _checked(caller, "x", _numbers(caller, "x", x), whole)


def prepare_y(caller: str, y: Any, whole: bool = False) -> np.ndarray:
    """Targets as they lie; raises ArgumentError for whole numbers beyond int32, as which they are read."""
    array = _numbers(caller, "y", y)
    wide = array.dtype.kind in "iu" and array.dtype.itemsize >= 4 and array.dtype != np.int32
    if wide and (array.min() < INT32.min or array.max() > INT32.max):
        raise ArgumentError(f"{caller}: expected whole numbers in y of at most 32 bits; give larger ones as floats")
    return _checked(caller, "y", array, whole)


def prepare_rows(caller: str, x: Any, y: Any, sample_weight: Any = None, whole: bool = False) -> Rows:
    """Inputs, targets and, where given, weights, of the same number of rows."""
    _expect_array(caller, "x", x)
    if y is None and x is not None:
        raise ArgumentError(f"{caller}: expected targets y of {_rows_of(x)}, got None")
    rows = {"x": prepare_x(caller, x, whole), "y": prepare_y(caller, y, whole)}
    if sample_weight is not None:
        weights = _checked(caller, "sample_weight", _numbers(caller, "sample_weight", sample_weight), whole)
        rows["sample_weight"] = weights.reshape(-1) if weights.ndim == 2 and weights.shape[1] == 1 else weights
    count = len(rows["x"])
    for name, array in rows.items():
        if len(array) != count:
            raise ShapeError(
                f"{caller}: expected one row of {name} for each row of x, got {count} x and {len(array)} {name}"
            )
    return rows


def prepare_pair(caller: str, x: Any, y: Any, whole: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the same number of rows."""
    rows = prepare_rows(caller, x, y, whole=whole)
    return rows["x"], rows["y"]


def prepare_validation(data: Any) -> Rows:
    """The arrays given as validation_data, (x, y) or (x, y, sample_weight)."""
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ArgumentError(f"fit: expected validation_data=(x, y) or (x, y, sample_weight), got {_kind_of(data)}")
    x, y, *weights = data
    return prepare_rows("fit: validation_data", x, y, weights[0] if weights else None, whole=True)


def batch_type(name: str, array: np.ndarray) -> np.dtype:
    """The element type of a batch read from this array: int32 for whole y, else the default float."""
    return np.dtype(np.int32) if name == "y" and array.dtype.kind in "biu" else floatx()


def batch_of(name: str, array: np.ndarray, rows: Any) -> np.ndarray:
    """These rows as a batch, rounded to the nearest numbers of its type."""
    with np.errstate(over="ignore"):  # a number too large becomes infinite, which the reader looks for
        return array[rows].astype(batch_type(name, array), copy=False)


def number_of_rows(rows: Rows) -> int:
    return len(rows["x"])


def part(rows: Rows, start: int, stop: int) -> Rows:
    """The rows from start to before stop, as views."""
    return {name: array[start:stop] for name, array in rows.items()}


def split_last(rows: Rows, fraction: float) -> tuple[Rows, Rows]:
    """The first rows to train on and the last `fraction` of them, before any shuffling, to validate on."""
    count = number_of_rows(rows)
    first = int(count * (1.0 - fraction))
    if first in (0, count):
        missing = "train" if first == 0 else "validate"
        raise ArgumentError(
            f"fit: validation_split={fraction:g} of {_count(count, 'row')} leaves none to {missing} on; "
            "give more rows or another fraction"
        )
    return part(rows, 0, first), part(rows, first, count)


def first_steps(caller: str, name: str, rows: Rows, steps: int | None, batch_size: int) -> Rows:
    """The rows of so many first batches, all for None; raises ArgumentError where there are not as many."""
    if steps is None:
        return rows
    count = -(-number_of_rows(rows) // batch_size)
    if whole_number(caller, name, steps, 1) > count:
        raise ArgumentError(
            f"{caller}: expected {name} of at most {count}, the batches of {batch_size} that "
            f"{_count(number_of_rows(rows), 'row')} give, got {steps}"
        )
    return part(rows, 0, steps * batch_size)


def batches(rows: int, batch_size: int) -> Iterator[slice]:
    """Slices of batch_size rows, the last one smaller."""
    return (slice(start, start + batch_size) for start in range(0, rows, batch_size))


def check_labels(caller: str, y: np.ndarray, classes: int, ignored: int | None = None) -> None:
    """Raise ArgumentError unless y holds class numbers from 0 to classes - 1, or the one that is ignored."""
    whole = y.dtype.kind != "f"
    if whole and y.min() >= 0 and y.max() < classes:
        return
    wrong = (y < 0) | (y >= classes)
    if not whole:
        wrong |= y != np.floor(y)
    if ignored is not None:
        wrong &= y != ignored
    if wrong.any():
        at = np.argwhere(wrong)[0]
        raise ArgumentError(
            f"{caller}: expected labels in y from 0 to {classes - 1} (the model has {_count(classes, 'output')}), "
            f"got {float(y[tuple(at)]):g} at row {at[0]}; number the classes from 0, or give the last layer more units"
        )


def whole_number(caller: str, name: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`, or ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"{caller}: expected {name} as a whole number of at least {least}, got {value!r}")
    return int(value)


def _numbers(caller: str, name: str, data: Any) -> np.ndarray:
    """data as a contiguous array of numbers, itself if it is one, with at least two axes for x and one for y."""
    if data is None:
        raise ArgumentError(f"{caller}: expected an array of numbers as {name}, got None")
    _expect_array(caller, name, data)
    try:
        array = data.numpy() if isinstance(data, (Tensor, Variable)) else np.asarray(data)
    except ValueError as error:
        raise ArgumentError(f"{caller}: expected {name} as one array, got rows of different lengths") from error
    if array.dtype.kind == "O":
        if array.ndim == 0:
            raise _no_array(caller, name, data)
        array = _numbers_of_objects(caller, name, array, data)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"{caller}: expected numbers in {name}, got {_example(array)}; {_advice(name)}")
    if array.ndim == 0:
        raise ShapeError(f"{caller}: expected {name} with one row per sample, got a single number")
    if len(array) == 0:
        raise ArgumentError(f"{caller}: expected at least one row in {name}, got none (shape {array.shape})")
    if name == "x" and array.ndim == 1:
        array = array[:, None]
    return _readable(caller, name, array)


def _expect_array(caller: str, name: str, data: Any) -> None:
    """Raise ArgumentError for what brings its rows in pieces, or under names."""
    is_lazy = hasattr(type(data), "__getitem__") and not isinstance(data, (Sequence, Tensor, Variable))
    is_array = any(hasattr(data, one) for one in ("__array__", "__array_interface__", "__dlpack__"))
    if isinstance(data, (Mapping, Iterator, Set)) or (is_lazy and not is_array):
        raise _no_array(caller, name, data)


def _no_array(caller: str, name: str, data: Any) -> ArgumentError:
    kind = type(data).__name__
    hint = "collect what it yields into one array" if isinstance(data, Iterator) else "give one array"
    return ArgumentError(
        f"{caller}: expected an array of numbers as {name}, got a {kind}; {hint}, which may be in a memory-mapped file"
    )


def _readable(caller: str, name: str, array: np.ndarray) -> np.ndarray:
    """The array itself if its rows lie one after another in a type that native code reads, else a copy of that kind."""
    known = array.dtype.newbyteorder("=")
    if known not in READABLE:  # such as a long double
        known = floatx()
    if array.flags.c_contiguous and array.flags.aligned and array.dtype == known:
        return array
    if name == "x" and is_mapped(array):
        raise ArgumentError(
            f"{caller}: expected the rows of a memory-mapped x one after another in the file, as {known}, got "
            f"{array.dtype.str} with strides {array.strides}; write the file so, or copy x into memory first, with "
            f"numpy.array(x, '{known}', order='C')"
        )
    return np.require(array, known, ["C", "A"])


def _checked(caller: str, name: str, array: np.ndarray, whole: bool) -> np.ndarray:
    if whole or not is_unchecked(array):
        check_finite(caller, name, array)
    return array


def _numbers_of_objects(caller: str, name: str, array: np.ndarray, data: Any) -> np.ndarray:
    """Python objects as int64 if all are whole numbers or booleans, as float64 if all are numbers or missing.

    NumPy sees a frame whose columns have different types as such objects.
    """
    kinds = set(map(type, array.flat))
    gaps = {kind for kind in kinds if kind.__name__ in ("NoneType", "NAType")}  # the latter is pandas.NA's
    strange = {kind for kind in kinds - gaps if not issubclass(kind, NUMBER)}
    if strange:
        example = _first(array, _of_types(array, strange), data)
        raise ArgumentError(f"{caller}: expected numbers in {name}, got {example}; {_advice(name)}")
    array = np.where(_of_types(array, gaps), np.nan, array) if gaps else array
    whole = not gaps and all(issubclass(kind, WHOLE) for kind in kinds)
    try:
        return array.astype(np.int64 if whole else np.float64)
    except OverflowError as error:
        raise ArgumentError(f"{caller}: expected numbers of 64 bits in {name}, got larger ones; scale them") from error


def _of_types(array: np.ndarray, types: set[type]) -> np.ndarray:
    return np.array([type(value) in types for value in array.flat]).reshape(array.shape)


def _first(array: np.ndarray, marks: np.ndarray, data: Any) -> str:
    """`'red' at row 0, column 2`, or `'red' in column 'colour'` of a frame: the first in the first marked column."""
    at = np.argwhere(marks.T)[0][::-1]
    columns = getattr(data, "column_names", getattr(data, "columns", None)) if len(at) == 2 else None
    where = f"at {place(at)}" if columns is None else f"in column {columns[at[1]]!r}"
    return f"{array[tuple(at)]!r} {where}"


def _example(array: np.ndarray) -> str:
    if array.dtype.kind in "US":
        return f"text such as {array.flat[0].item()!r}" if array.size else "text"
    return f"an array of {array.dtype}"


def _advice(name: str) -> str:
    if name == "sample_weight":
        return "give one number per row"
    if name == "y":
        return "number classes from 0 first, for example with numpy.unique(y, return_inverse=True)[1]"
    return "turn text and dates into numbers first, for example with ebbflow.tables.TableEncoder"


def _rows_of(x: Any) -> str:
    return _count(len(x), "row") if hasattr(x, "__len__") else "as many rows"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _kind_of(data: Any) -> str:
    return f"a {type(data).__name__} of {len(data)}" if isinstance(data, (tuple, list)) else f"a {type(data).__name__}"
