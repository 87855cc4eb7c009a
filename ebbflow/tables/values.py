"""Frames of pandas, polars and pyarrow -> the same NumPy values, whichever library they came from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ebbflow.core.errors import TableError
from ebbflow.tables.dates import parse_dates

if TYPE_CHECKING:
    import narwhals as nw

MICROSECONDS_PER_DAY = 86_400_000_000
MISSING = -1  # the code of a missing text


def as_frame(frame: Any) -> nw.DataFrame[Any]:
    """Any pandas, polars or pyarrow table as a narwhals frame whose column names are distinct texts."""
    import narwhals as nw

    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        came = f"{type(frame).__module__.split('.')[0]}.{type(frame).__name__}"
        raise TableError(f"table: expected a table of pandas, polars or pyarrow, got {came}; convert it") from error
    except ValueError as error:  # narwhals names the names that occur twice
        reason = " ".join(str(error).split())
        raise TableError(f"table: expected distinct column names ({reason}); rename the copies") from error
    for name in table.columns:
        if not isinstance(name, str):
            raise TableError(f"table: expected column names that are texts, got {name!r}; rename that column")
    return table


def column(table: nw.DataFrame[Any], name: str) -> nw.Series[Any]:
    """One column, with a pandas column of Python objects turned into the type that all of them have."""
    import narwhals as nw

    series = table[name]
    if series.dtype != nw.Object or all_missing(series):
        return series
    import polars

    gaps = series.is_null().to_list()
    values = [None if gap else value for value, gap in zip(series.to_list(), gaps, strict=True)]
    kinds = {type(value) for value in values if value is not None}
    for base, dtype in (
        ((bool, np.bool_), polars.Boolean),
        (Number, polars.Float64),
        (date, polars.Datetime("us")),
        (str, polars.String),
    ):
        if all(issubclass(kind, base) for kind in kinds):
            return nw.from_native(polars.Series(name, values, dtype=dtype, strict=False), series_only=True)
    if len(kinds) > 1:
        mixture = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TableError(f"column '{name}': expected values of one type, got {mixture}; convert it or leave it out")
    return series


def all_missing(series: nw.Series[Any]) -> bool:
    """Whether no value is there; such a column fits any kind."""
    return bool(present(series).sum() == 0)


def present(series: nw.Series[Any]) -> NDArray[np.bool_]:
    """Which rows hold a value: neither null nor NaN."""
    there = ~np.asarray(series.is_null().to_numpy(), bool)
    return there & ~np.isnan(_floats(series)) if series.dtype.is_numeric() else there


def kind_of(series: nw.Series[Any]) -> str:
    """'empty', 'boolean', 'number', 'text', 'date', or, for anything else, the name of its type."""
    import narwhals as nw

    if all_missing(series):
        return "empty"
    if series.dtype == nw.Boolean:
        return "boolean"
    if series.dtype.is_numeric():
        return "number"
    if series.dtype in (nw.String, nw.Categorical, nw.Enum):
        return "text"
    return "date" if series.dtype in (nw.Date, nw.Datetime) else str(series.dtype)


def numbers(series: nw.Series[Any]) -> NDArray[np.float64]:
    """Numbers or booleans as float64 (rows,), NaN where missing; raises TableError for text and for infinite values."""
    kind = kind_of(series)
    if kind == "empty":
        return np.full(len(series), np.nan)
    if kind not in ("number", "boolean"):
        raise TableError(f"column '{series.name}': expected numbers as in training, got {_example(series)}; correct it")
    values = _floats(series)
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        row = infinite[0]
        raise TableError(
            f"column '{series.name}': expected finite numbers, got {values[row]} in row {row + 1}; "
            "replace it or leave it empty"
        )
    return values


def dates_in(series: nw.Series[Any]) -> nw.Series[Any] | None:
    """A column of text as the dates that all its texts read as, or None."""
    import narwhals as nw
    import polars

    words = series.cast(nw.String).to_list()
    there = present(series)
    texts = [word if is_there else None for word, is_there in zip(words, there, strict=True)]
    dates = parse_dates(polars.Series(series.name, texts, dtype=polars.String))
    return None if dates is None else nw.from_native(dates, series_only=True)


def instants(series: nw.Series[Any]) -> NDArray[np.float64]:
    """Dates or instants as days since 1970-01-01 on the clock they were written in, float64 (rows,), NaN if missing."""
    import narwhals as nw

    if kind_of(series) == "text" and (dates := dates_in(series)) is not None:
        series = dates
    kind = kind_of(series)
    if kind == "empty":
        return np.full(len(series), np.nan)
    if kind != "date":
        example = _example(series, _reads_as_date)
        raise TableError(f"column '{series.name}': expected dates as in training, got {example}; correct it")
    if isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone is not None:
        series = series.dt.replace_time_zone(None)
    series = series.cast(nw.Datetime("us"))
    return _floats(series.dt.timestamp("us")) / MICROSECONDS_PER_DAY


def texts(series: nw.Series[Any]) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts in order, and for each row the place of its text in them, MISSING where there is none.

    Whole numbers read as texts too, as a column of codes does when only its numeric ones occur.
    """
    import narwhals as nw

    kind = kind_of(series)
    there, codes = present(series), np.full(len(series), MISSING, np.int64)
    if kind == "empty":
        return [], codes
    if kind == "number" and is_whole(whole := numbers(series)):
        distinct, codes[there] = np.unique(whole[there], return_inverse=True)
        return [str(int(number)) for number in distinct], codes
    if kind != "text":
        raise TableError(f"column '{series.name}': expected text as in training, got {_example(series)}; correct it")
    words = series.filter(there.tolist()).cast(nw.String)
    known = sorted(words.unique().to_list())
    codes[there] = words.replace_strict(known, list(range(len(known))), return_dtype=nw.Int64).to_numpy()
    return known, codes


def is_whole(values: NDArray[np.float64]) -> bool:
    """Whether every number that is there is a whole one."""
    values = values[~np.isnan(values)]
    return bool(np.all(values == np.floor(values)))


def _floats(series: nw.Series[Any]) -> NDArray[np.float64]:
    import narwhals as nw

    return np.asarray(series.cast(nw.Float64).to_numpy(), np.float64)


def _example(series: nw.Series[Any], fits: Callable[[Any], bool] | None = None) -> str:
    """The kind of a column with the first value that shows it, for an error: one that does not read as a number."""
    fits = fits or _reads_as_number
    values = series.to_list()
    row = next(
        (row for row in np.flatnonzero(present(series)) if not fits(values[row])),
        int(np.flatnonzero(present(series))[0]),
    )
    return f"{kind_of(series)} ({values[row]!r} in row {row + 1})"


def _reads_as_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _reads_as_date(value: Any) -> bool:
    import polars

    return isinstance(value, str) and parse_dates(polars.Series([value])) is not None
