"""TableEncoder: what the training rows of a table teach about turning its rows into a network's inputs and targets."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ebbflow.core.errors import ArgumentError, ModelFileError, TableError
from ebbflow.tables import values
from ebbflow.tables.columns import KINDS, Column, Unusable, fit_column
from ebbflow.tables.target import TASKS, Amount, Classes, Label, check_target, decide_task

VERSION = 1
LONGEST_LIST = 20  # column names in an error


class TableEncoder:
    """Turns the rows of a table into a float32 matrix and a target, and the network's outputs back into table terms.

    All columns but the target are features: numbers and dates are standardized, texts one-hot, booleans 0 and 1.
    Constant columns and identifiers are left out; `describe` and `dropped` say so. All of it is learned from the
    table given to `fit`, so give it the training rows only. Tables may be of pandas, polars or pyarrow.

        encoder = TableEncoder.fit(train, "price")
        x, y = encoder.encode(train), encoder.encode_target(train)
        prices = encoder.decode_target(model.predict(encoder.encode(new)))
    """

    def __init__(
        self, task: str, reason: str, target: Classes | Amount, columns: list[Column], dropped: dict[str, str]
    ):
        self.task = task
        self.reason = reason
        self.dropped = dropped
        self._target = target
        self._columns = columns

    @classmethod
    def fit(cls, frame: Any, target: str, task: str | None = None) -> Self:
        """Learns an encoder from the rows of a table whose target is not missing.

        task: "classification" or "regression"; None decides by the target's values, and `reason` says why.
        Raises TableError if the target is not there, constant or all missing, if fewer than 2 rows have one, if a
        number is infinite, or if no column can serve as a feature.
        """
        if task is not None and task not in TASKS:
            raise ArgumentError(f"TableEncoder: expected task to be one of {', '.join(TASKS)} or None, got {task!r}")
        table = values.as_frame(frame)
        answers = _target_column(table, target)
        rows = values.present(answers)
        check_target(answers, rows, task)
        decided, reason = (task, f"{task}, as asked") if task else decide_task(answers, rows)
        columns, dropped = _fit_features(table, target, rows)
        fitted = (Classes if decided == "classification" else Amount).fit(answers, rows)
        return cls(decided, reason, fitted, columns, dropped)

    @property
    def target(self) -> str:
        """The name of the target column."""
        return self._target.name

    @property
    def classes(self) -> list[Label]:
        """The class labels in the order of their codes; raises ArgumentError for a regression."""
        if isinstance(self._target, Classes):
            return list(self._target.labels)
        raise ArgumentError("TableEncoder: expected a classification to ask classes of, got a regression")

    @property
    def n_outputs(self) -> int:
        """How many numbers the network gives for a row: one for each class, or 1 for a regression."""
        return self._target.outputs

    @property
    def n_features(self) -> int:
        """The number of columns of the encoded matrix."""
        return len(self.feature_names)

    @property
    def feature_names(self) -> list[str]:
        """The name of each column of the encoded matrix, such as `age`, `age is missing`, `city = Oslo`."""
        return [name for column in self._columns for name in column.names]

    def describe(self) -> list[str]:
        """One line for each column of the table: its kind and what is done with it."""
        used = [f"{column.name}: {column.describe()}" for column in self._columns]
        left_out = [f"{name or '(no name)'}: left out ({reason})" for name, reason in self.dropped.items()]
        return [f"{self.target}: the target; {self.reason}", *used, *left_out]

    def encode(self, frame: Any) -> NDArray[np.float32]:
        """The features of a table as float32 (rows, n_features); raises TableError naming columns that it lacks."""
        table = values.as_frame(frame)
        lacking = [column.name for column in self._columns if column.name not in table.columns]
        if lacking:
            names = ", ".join(f"'{name}'{_nearest(name, table.columns)}" for name in lacking)
            raise TableError(f"table: expected the columns used in training, but {names} not there; add or rename")
        return np.hstack([column.encode(values.column(table, column.name)) for column in self._columns])

    def encode_target(self, frame: Any) -> NDArray[np.int32] | NDArray[np.float32]:
        """The target of a table: class codes int32 (rows,), or standardized numbers float32 (rows, 1).

        Raises TableError for a row without a target or a class that training did not have.
        """
        answers = _target_column(values.as_frame(frame), self.target)
        gaps = np.flatnonzero(~values.present(answers))
        if gaps.size:
            raise TableError(
                f"column '{self.target}': expected a target in every row, but it is missing in row {gaps[0] + 1}; "
                "leave out such rows (rows_with_target marks the others)"
            )
        return self._target.encode(answers)

    def decode_target(self, outputs: ArrayLike) -> NDArray[Any]:
        """Class codes (rows,) -> labels (rows,), or standardized numbers (rows, 1) -> float64 (rows,) in its units."""
        return self._target.decode(outputs)

    def to_json(self) -> dict[str, Any]:
        """All that was learned, as plain JSON; floats keep their exact value."""
        return {
            "version": VERSION,
            "task": self.task,
            "reason": self.reason,
            "target": self._target.to_json(),
            "columns": [column.to_json() for column in self._columns],
            "dropped": dict(self.dropped),
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        """The encoder that `to_json` wrote; raises ModelFileError if it is damaged or of a newer version."""
        version = state.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise ModelFileError(
                f"table encoding: expected version {VERSION} or older, got {version}; use a newer ebbflow to read it"
            )
        try:
            target = (Classes if state["task"] == "classification" else Amount).from_json(state["target"])
            columns = [KINDS[column["kind"]].from_json(column) for column in state["columns"]]
            return cls(state["task"], state["reason"], target, columns, dict(state["dropped"]))
        except (KeyError, TypeError) as error:
            raise ModelFileError(f"table encoding: expected a whole one, but it lacks or alters {error}") from error


def rows_with_target(frame: Any, target: str) -> NDArray[np.bool_]:
    """Which rows of a table have a target, bool (rows,): the ones that can be trained on and evaluated.

    Raises TableError if there is no such column.
    """
    return values.present(_target_column(values.as_frame(frame), target))


def _target_column(table: Any, target: str) -> Any:
    if target in table.columns:
        return values.column(table, target)
    others = table.columns
    known = f"; its columns are {', '.join(others)}" if len(others) <= LONGEST_LIST else ""
    raise TableError(f"table: expected a target column '{target}', but there is none{_nearest(target, others)}{known}")


def _nearest(name: str, names: list[str]) -> str:
    by_folded = {other.casefold(): other for other in names}
    close = get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(repr(by_folded[match]) for match in close)}?)" if close else ""


def _fit_features(table: Any, target: str, rows: NDArray[np.bool_]) -> tuple[list[Column], dict[str, str]]:
    columns: list[Column] = []
    dropped: dict[str, str] = {}
    for name in table.columns:
        if name == target:
            continue
        series = values.column(table, name)
        try:
            _refuse_row_numbers(series)
            columns.append(fit_column(series, rows))
        except Unusable as reason:
            dropped[name] = str(reason)
    if not columns:
        reasons = "; ".join(f"'{name}': {reason}" for name, reason in dropped.items()) or "there is only the target"
        raise TableError(f"table: expected at least one usable feature column, got none ({reasons}); add one")
    return columns, dropped


def _refuse_row_numbers(series: Any) -> None:
    """Raises Unusable for a column without a name that numbers the rows, as pandas writes its index to a file."""
    nameless = series.name == "" or series.name.startswith("Unnamed:")
    if nameless and values.kind_of(series) == "number":
        numbers = values.numbers(series)
        if np.array_equal(numbers, numbers[0] + np.arange(len(numbers))):
            raise Unusable("has no name and counts the rows")
