"""Dates written as text, year first as in ISO 8601 (2023-06-29, 2023-06-29 14:05), wherever the text came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d")
INSTANT_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
)


def parse_dates(texts: polars.Series) -> polars.Series | None:
    """The texts as dates, or as instants (those with an offset in UTC); None unless all that are there read as such."""
    present = texts.drop_nulls()
    if present.is_empty() or not present.str.contains(r"^\s*\d{4}[-/]\d").all():
        return None
    texts = texts.str.strip_chars()
    readings = [(texts.str.to_date, form) for form in DATE_FORMATS]
    readings += [(texts.str.to_datetime, form) for form in INSTANT_FORMATS]
    for read, form in readings:
        if (dates := read(form, strict=False)).null_count() == texts.null_count():
            return dates
    return None
