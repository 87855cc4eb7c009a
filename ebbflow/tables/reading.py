"""Files of tables -> polars frames, with errors that name the file, the line and the remedy."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ebbflow.core.errors import TableError
from ebbflow.tables.dates import parse_dates

if TYPE_CHECKING:
    import polars

SEPARATORS = ",;\t|"
TEXT_TYPES = (".csv", ".tsv", ".txt")
PARQUET_TYPES = (".parquet", ".pq")
ARROW_TYPES = (".arrow", ".feather", ".ipc")
MISSING_WORDS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "?"]


def read_table(path: str | PathLike[str]) -> polars.DataFrame:
    """Reads a table from a file: .csv .tsv .txt (text), .parquet .pq (Parquet), .arrow .feather .ipc (Arrow).

    A text file is UTF-8 with a header line; its fields are separated by a comma, semicolon, tab or bar, whichever
    the header holds most of (.tsv: always tab). Fields are stripped of surrounding spaces; empty ones, NA, N/A, NaN,
    null and ? are missing. A column becomes whole numbers, decimal numbers, booleans (true/false), dates or instants
    (year first, as in ISO 8601) when every field that is not missing reads as such, and text otherwise. Columns of
    the other files keep their type, except that text which reads as dates becomes dates there too.

    Raises TableError for a file that is missing, empty, of an unknown type, or not a well-formed table.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TEXT_TYPES + PARQUET_TYPES + ARROW_TYPES:
        known = " ".join(TEXT_TYPES + PARQUET_TYPES + ARROW_TYPES)
        raise TableError(f"{path}: expected a table of type {known}, got '{suffix}'; convert it to one of these")
    if not path.is_file():
        raise TableError(f"{path}: expected a file, but there is none; check the path")
    if path.stat().st_size == 0:
        raise TableError(f"{path}: expected a header and rows, but the file is empty")
    frame = _read_text(path) if suffix in TEXT_TYPES else _read_binary(path, suffix)
    if frame.height == 0:
        raise TableError(f"{path}: expected rows below the header, but there are none")
    return frame


def _read_binary(path: Path, suffix: str) -> polars.DataFrame:
    import polars

    read, what = (polars.read_parquet, "Parquet") if suffix in PARQUET_TYPES else (polars.read_ipc, "Arrow")
    try:
        with path.open("rb") as file:  # an open file: polars would take * or [ in a path as a pattern
            frame = read(file)
    except (polars.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TableError(f"{path}: expected a file in {what} format, which this is not ({reason})") from error
    dates = {name: parse_dates(frame[name]) for name, dtype in frame.schema.items() if dtype == polars.String}
    return frame.with_columns(**{name: column for name, column in dates.items() if column is not None})


def _read_text(path: Path) -> polars.DataFrame:
    import polars

    separator, header = _header(path)
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        raise TableError(f"{path}: expected distinct column names, got '{name}' {count} times; rename the copies")
    try:
        with path.open("rb") as file:
            frame = polars.read_csv(file, separator=separator, infer_schema=False)
    except polars.exceptions.PolarsError as error:
        _blank_lines(path, separator)  # names the line where the field count is wrong, the usual cause
        reason = str(error).strip().splitlines()[0]
        raise TableError(
            f"{path}: expected well-formed rows and quotes, which these are not ({reason}); put a field that "
            "holds a quote in quotes, and double the one inside"
        ) from error
    if frame.width != len(header):
        raise TableError(f"{path}: expected lines that end in \\n or \\r\\n, got others; save it anew as a text file")
    frame.columns = header
    frame = frame.select(polars.all().str.strip_chars())
    if frame.height and frame[:, -1].null_count():  # a short or blank line reads as one that ends in missing fields
        blank = _blank_lines(path, separator)
        frame = frame.filter(~polars.int_range(polars.len()).is_in(blank)) if blank else frame
    missing = polars.all().is_in(MISSING_WORDS)
    frame = frame.select(polars.when(~missing).then(polars.all()).name.keep())
    return frame.with_columns([_typed(column) for column in frame])


def _typed(texts: polars.Series) -> polars.Series:
    """The column as the first type that all its fields which are not missing can be read as."""
    import polars

    present = texts.drop_nulls()
    if present.is_empty():
        return texts
    for dtype in (polars.Int64, polars.Float64):
        if (numbers := texts.cast(dtype, strict=False)).null_count() == texts.null_count():
            return numbers
    if present.str.to_lowercase().is_in(["true", "false"]).all():
        return texts.str.to_lowercase() == "true"
    dates = parse_dates(texts)
    return texts if dates is None else dates


def _header(path: Path) -> tuple[str, list[str]]:
    """The separator of a text file and its column names."""
    if not any(field.strip() for record, _ in _records(path, ",", strict=False) for field in record):
        raise TableError(f"{path}: expected a header and rows, but the file is empty")
    candidates = "\t" if path.suffix.lower() == ".tsv" else SEPARATORS
    # Not strict: with a separator that is not the file's, right quotes look wrong.
    readings = [_records(path, separator, strict=False) for separator in candidates]
    headers = [next(record for record, _ in reading if record) for reading in readings]
    separator, _ = max(zip(candidates, headers, strict=True), key=lambda pair: len(pair[1]))
    header = next(record for record, _ in _records(path, separator) if record)
    return separator, [name.strip() for name in header]


def _blank_lines(path: Path, separator: str) -> list[int]:
    """The numbers of the blank rows, from 0; raises TableError at the first row of another length."""
    records = _records(path, separator)
    expected = next(len(record) for record, _ in records if record)
    blank = []
    for row, (record, line) in enumerate(records):
        if not record:
            blank.append(row)
        elif len(record) != expected:
            raise TableError(
                f"{path}: expected {_fields(expected)} in each line as in the header, got {_fields(len(record))} in "
                f"line {line}; "
                "correct it, or put quotes around a field that holds the separator"
            )
    return blank


def _fields(count: int) -> str:
    return f"{count} field" + "s" * (count != 1)


def _records(path: Path, separator: str, strict: bool = True) -> Iterator[tuple[list[str], int]]:
    """Each record of a text file with the number, from 1, of the line it begins in."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=strict)
        line = 1
        try:
            for record in reader:
                yield record, line
                line = reader.line_num + 1
        except UnicodeDecodeError as error:
            raise TableError(f"{path}: expected UTF-8 text, which this is not; save it as UTF-8") from error
        except csv.Error as error:
            raise TableError(f"{path}: expected well-formed quotes, but in line {line}: {error}; correct it") from error
