"""Frames with texts, dates or gaps, as the matrix that a TableEncoder learns to make of them."""

from typing import Any

import numpy as np

_ROW = "number of the row"


def must_encode(X: Any) -> bool:
    """Whether this is a frame of which scikit-learn could not make numbers: with texts, dates or missing values."""
    if not (hasattr(X, "columns") or hasattr(X, "column_names")):
        return False
    import narwhals as nw

    from ..tables import values

    native = nw.to_native(X, pass_through=True)
    if not isinstance(nw.from_native(native, eager_only=True, pass_through=True), nw.DataFrame):
        return False
    names = list(getattr(X, "columns", None) if hasattr(X, "columns") else X.column_names)
    if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        return False
    table = values.as_frame(X)
    return not all(_is_plain(values, values.column(table, name)) for name in table.columns)


def _is_plain(values: Any, series: Any) -> bool:
    return values.kind_of(series) in ("number", "boolean") and bool(values.present(series).all())


def fit_encoder(X: Any) -> Any:
    """The TableEncoder of a frame's columns."""
    from ..tables import TableEncoder, values

    return TableEncoder.fit(values.as_frame(X).with_row_index(_ROW), _ROW, task="regression")


def names_of(X: Any) -> Any:
    """The frame's columns for scikit-learn, which knows pandas and polars but not pyarrow: an empty frame of pandas."""
    return np.asarray(X.columns if hasattr(X, "columns") else X.column_names, dtype=object)
