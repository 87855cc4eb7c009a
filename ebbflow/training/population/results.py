"""Results: one row a member, or one row a setting."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...core.errors import ArgumentError

__all__ = ["Results", "summarized"]

SHOWN = 20  # rows that a printed table has
Row = dict[str, Any]


class Results(Sequence[Row]):
    """A table: a list of rows, each a dict; results["val_loss"] is a column."""

    def __init__(self, rows: Sequence[Row]):
        self._rows = list(rows)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.columns:
                raise ArgumentError(f"results: expected one of {', '.join(self.columns)}, got {key!r}")
            return [row.get(key) for row in self._rows]
        return Results(self._rows[key]) if isinstance(key, slice) else self._rows[key]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def to_polars(self) -> Any:
        """A polars DataFrame."""
        import polars  # brings a large library

        return polars.DataFrame({name: self[name] for name in self.columns}, strict=False)

    def to_pandas(self) -> Any:
        """A pandas DataFrame."""
        import pandas  # brings a large library

        return pandas.DataFrame({name: self[name] for name in self.columns})

    def __repr__(self) -> str:
        columns = self.columns
        shown = [columns, *([_text(row.get(name)) for name in columns] for row in self._rows[:SHOWN])]
        widths = [max(len(line[k]) for line in shown) for k in range(len(columns))]
        lines = ["  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)) for line in shown]
        left = len(self._rows) - SHOWN
        return "\n".join(lines + ([f"... and {left} more"] if left > 0 else []))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def summarized(
    rows: Sequence[Row], settings: Sequence[Row], figures: Sequence[str], monitor: str, mode: str
) -> Results:
    """For each setting mean and deviation (of the members) of the figures, best first.

    Members that diverged are counted, not averaged; settings of which all did stand last, after those that a search
    dropped, whose figures are of the epoch when it did.
    """
    found, own_of = [], defaultdict(list)
    for row in rows:
        own_of[row["setting"]].append(row)
    for number, setting in enumerate(settings):
        own = own_of[number]
        good = [row for row in own if row["status"] != "diverged"]
        line: Row = {"setting": number, **setting, "members": len(own), "diverged": len(own) - len(good)}
        for name in figures:
            values = np.array([row[name] for row in good if row.get(name) is not None], np.float64)
            line[name] = float(values.mean()) if len(values) else math.nan
            line[f"{name}_std"] = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        if own:
            found.append((any(row["status"] == "dropped" for row in own), line))
    sign = 1.0 if mode == "min" else -1.0
    found.sort(key=lambda pair: (math.isnan(pair[1][monitor]), pair[0], sign * pair[1][monitor]))
    searched = any(dropped for dropped, _ in found)
    return Results(
        [
            {"rank": rank, **line, **({"dropped": dropped} if searched else {})}
            for rank, (dropped, line) in enumerate(found, start=1)
        ]
    )
