"""What users give as data, as arrays that the model reads, with every mistake named before anything is changed."""

from collections.abc import Iterator
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..core.aval import floatx
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..core.variable import Variable

INT32 = np.iinfo(np.int32)
WHOLE = (Integral, np.bool_)
NUMBER = (Real, Decimal, np.bool_)


def prepare_x(caller: str, x: Any) -> np.ndarray:
    """Inputs as floats of the default type, one row per sample; a single axis becomes one column."""
    array = _numbers(caller, "x", x)
    return _floats(caller, "x", array)


def prepare_y(caller: str, y: Any) -> np.ndarray:
    """Targets: whole numbers as int32, others as floats of the default type."""
    array = _numbers(caller, "y", y)
    if array.dtype.kind == "f":
        return _floats(caller, "y", array)
    if array.dtype.itemsize >= 4 and ((array < INT32.min) | (array > INT32.max)).any():
        raise ArgumentError(f"{caller}: expected whole numbers in y of at most 32 bits; give larger ones as floats")
    return array.astype(np.int32, copy=False)


def prepare_pair(caller: str, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the same number of rows."""
    if y is None:
        raise ArgumentError(f"{caller}: expected targets y of {_rows_of(x)}, got None")
    inputs, targets = prepare_x(caller, x), prepare_y(caller, y)
    if len(inputs) != len(targets):
        raise ShapeError(f"{caller}: expected one row of y for each row of x, got {len(inputs)} x and {len(targets)} y")
    return inputs, targets


def prepare_validation(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """The pair (x, y) given as validation_data."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ArgumentError(f"fit: expected validation_data=(x, y), got {_kind_of(data)}")
    return prepare_pair("fit: validation_data", *data)


def split_last(
    x: np.ndarray, y: np.ndarray, fraction: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The first rows to train on and the last `fraction` of them, before any shuffling, to validate on."""
    first = int(len(x) * (1.0 - fraction))
    if first in (0, len(x)):
        missing = "train" if first == 0 else "validate"
        raise ArgumentError(
            f"fit: validation_split={fraction:g} of {_rows_of(x)} leaves none to {missing} on; "
            "give more rows or another fraction"
        )
    return (x[:first], y[:first]), (x[first:], y[first:])


def batches(rows: int, batch_size: int) -> Iterator[slice]:
    """Slices of batch_size rows, the last one smaller."""
    return (slice(start, start + batch_size) for start in range(0, rows, batch_size))


def check_labels(caller: str, y: np.ndarray, classes: int) -> None:
    """Raise ArgumentError unless y holds class numbers from 0 to classes - 1."""
    wrong = (y < 0) | (y >= classes) | (y != np.floor(y))
    if wrong.any():
        at = np.argwhere(wrong)[0]
        raise ArgumentError(
            f"{caller}: expected labels in y from 0 to {classes - 1} (the model has {_count(classes, 'output')}), "
            f"got {y[tuple(at)]:g} at row {at[0]}; number the classes from 0, or give the last layer more units"
        )


def whole_number(caller: str, name: str, value: Any, least: int) -> int:
    """`value` as an int of at least `least`, or ArgumentError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"{caller}: expected {name} as a whole number of at least {least}, got {value!r}")
    return int(value)


def _numbers(caller: str, name: str, data: Any) -> np.ndarray:
    """data as a contiguous array of numbers with at least two axes for x and one for y."""
    if data is None:
        raise ArgumentError(f"{caller}: expected an array of numbers as {name}, got None")
    try:
        array = data.numpy() if isinstance(data, (Tensor, Variable)) else np.asarray(data)
    except ValueError as error:
        raise ArgumentError(f"{caller}: expected {name} as one array, got rows of different lengths") from error
    if array.dtype.kind == "O":
        array = _numbers_of_objects(caller, name, array, data)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"{caller}: expected numbers in {name}, got {_example(array)}; {_advice(name)}")
    if array.ndim == 0:
        raise ShapeError(f"{caller}: expected {name} with one row per sample, got a single number")
    if len(array) == 0:
        raise ArgumentError(f"{caller}: expected at least one row in {name}, got none (shape {array.shape})")
    if name == "x" and array.ndim == 1:
        array = array[:, None]
    return np.ascontiguousarray(array)


def _floats(caller: str, name: str, given: np.ndarray) -> np.ndarray:
    """given in the default float type; raises ArgumentError for the first number that is not finite in it."""
    with np.errstate(over="ignore"):
        array = given.astype(floatx(), copy=False)
    # The smallest and largest number tell without a temporary array: NaN is passed on by both.
    if array.size == 0 or (np.isfinite(array.min()) and np.isfinite(array.max())):
        return array
    at = np.argwhere(~np.isfinite(array))[0]
    value = given[tuple(at)]
    what = f"{value}, which is too large for {array.dtype}," if np.isfinite(value) else f"{value}"
    raise ArgumentError(
        f"{caller}: expected finite numbers in {name}, got {what} at {_place(at)}; fill or drop such rows"
    )


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
    place = f"at {_place(at)}" if columns is None else f"in column {columns[at[1]]!r}"
    return f"{array[tuple(at)]!r} {place}"


def _place(at: Any) -> str:
    return f"row {at[0]}" + "".join(f", column {k}" for k in at[1:]) if len(at) else "the only place"


def _example(array: np.ndarray) -> str:
    if array.dtype.kind in "US":
        return f"text such as {array.flat[0].item()!r}" if array.size else "text"
    return f"an array of {array.dtype}"


def _advice(name: str) -> str:
    if name == "y":
        return "number classes from 0 first, for example with numpy.unique(y, return_inverse=True)[1]"
    return "turn text and dates into numbers first, for example with ebbflow.tables.TableEncoder"


def _rows_of(x: Any) -> str:
    return _count(len(x), "row") if hasattr(x, "__len__") else "as many rows"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _kind_of(data: Any) -> str:
    return f"a {type(data).__name__} of {len(data)}" if isinstance(data, (tuple, list)) else f"a {type(data).__name__}"
