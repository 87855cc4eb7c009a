"""The kinds of feature columns: each learns from training rows, encodes to a float32 block, and is plain JSON.

Every kind has: kind (its name in JSON), fit(series, rows), encode(series) -> float32 (rows, len(names)), names (of the
block's columns), describe(), to_json(), from_json(). Fitting raises Unusable when the column tells nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ebbflow.core.errors import TableError
from ebbflow.tables import values

MOST_CATEGORIES = 50
MOST_DISTINCT = 20  # a column with more distinct texts, nearly all of them once, is an identifier
LARGEST_SCALED = 1e6  # keeps a wild value at prediction time from overflowing float32 products
DAYS_PER_YEAR = 365.2425

Block = NDArray[np.float32]
Rows = NDArray[np.bool_]


class Unusable(Exception):
    """A column that tells a network nothing; the message says why."""


class Column(Protocol):
    """What every kind of column can do."""

    name: str

    @property
    def names(self) -> list[str]: ...
    def encode(self, series: Any) -> Block: ...
    def describe(self) -> str: ...
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Scaling:
    """z = (x - mean) / deviation, where a missing x is first replaced by the training median.

    Mean and standard deviation (divided by n) are those of the training values after the replacement.
    """

    median: float
    mean: float
    deviation: float

    @classmethod
    def fit(cls, numbers: NDArray[np.float64]) -> Self:
        median = float(np.nanmedian(numbers))
        filled = np.where(np.isnan(numbers), median, numbers)
        magnitude = float(np.max(np.abs(filled))) or 1.0  # squares of values beyond 1e154 would overflow
        mean, deviation = np.mean(filled / magnitude) * magnitude, np.std(filled / magnitude) * magnitude
        varies = filled.min() < filled.max() and deviation > 0  # equal values can have a deviation by rounding
        return cls(median, float(mean), float(deviation) if varies else 0.0)

    def encode(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        filled = np.where(np.isnan(numbers), self.median, numbers)
        if self.deviation == 0:
            return np.zeros_like(filled)
        with np.errstate(over="ignore"):
            return np.clip((filled - self.mean) / self.deviation, -LARGEST_SCALED, LARGEST_SCALED)


@dataclass(frozen=True)
class Numeric:
    """A number, standardized; where it was missing in training, an indicator column tells so beside the median."""

    kind: ClassVar[str] = "number"
    name: str
    scaling: Scaling
    missing: int  # training rows without a value

    @classmethod
    def fit(cls, series: Any, rows: Rows) -> Self:
        numbers = values.numbers(series)[rows]
        scaling, missing = Scaling.fit(numbers), int(np.isnan(numbers).sum())
        if scaling.deviation == 0 and not missing:
            raise Unusable(f"constant, always {scaling.median:g}")
        return cls(series.name, scaling, missing)

    @property
    def names(self) -> list[str]:
        return [self.name] + [f"{self.name} is missing"] * bool(self.missing)

    def encode(self, series: Any) -> Block:
        numbers = values.numbers(series)
        return _block(self.scaling.encode(numbers), *[np.isnan(numbers)] * bool(self.missing))

    def describe(self) -> str:
        scaling = self.scaling
        scaled = f"standardized by mean {scaling.mean:.6g} and standard deviation {scaling.deviation:.6g}"
        return f"number, {scaled}" + _filling(f"{scaling.median:.6g}", self.missing)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(state["name"], Scaling(**state["scaling"]), state["missing"])


@dataclass(frozen=True)
class Boolean:
    """A truth value as 0 or 1; where it was missing in training, an indicator column tells so beside the median."""

    kind: ClassVar[str] = "boolean"
    name: str
    median: float
    missing: int

    @classmethod
    def fit(cls, series: Any, rows: Rows) -> Self:
        numbers = values.numbers(series)[rows]
        missing = int(np.isnan(numbers).sum())
        if np.nanmin(numbers) == np.nanmax(numbers) and not missing:
            raise Unusable(f"constant, always {'true' if numbers[0] else 'false'}")
        return cls(series.name, float(np.nanmedian(numbers)), missing)

    @property
    def names(self) -> list[str]:
        return [self.name] + [f"{self.name} is missing"] * bool(self.missing)

    def encode(self, series: Any) -> Block:
        numbers = values.numbers(series)
        filled = np.where(np.isnan(numbers), self.median, numbers)
        strange = np.flatnonzero((numbers < 0) | (numbers > 1))
        if strange.size:
            raise TableError(
                f"column '{self.name}': expected true or false as in training, got {numbers[strange[0]]:g} in row "
                f"{strange[0] + 1}; correct it"
            )
        return _block(filled, *[np.isnan(numbers)] * bool(self.missing))

    def describe(self) -> str:
        return "boolean, 0 or 1" + _filling(f"{self.median:g}", self.missing)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(state["name"], state["median"], state["missing"])


@dataclass(frozen=True)
class Categorical:
    """A text, one-hot: one column of 0 and 1 for each category by name, for the missing, and for all others.

    The 50 most frequent categories have columns of their own, rarer ones share the column of the others. There is a
    column for missing or other values only where training had such rows: a weight that never met a 1 in training is
    noise, so a value with no column to go to is a row of zeros. A missing value without its own column is an other.
    """

    kind: ClassVar[str] = "category"
    name: str
    categories: list[str]
    missing: int
    others: int

    @classmethod
    def fit(cls, series: Any, rows: Rows) -> Self:
        words, codes = values.texts(series)
        codes = codes[rows]
        counts = np.bincount(codes[codes != values.MISSING], minlength=len(words))
        seen, present = int(np.count_nonzero(counts)), int(counts.sum())
        if seen > MOST_DISTINCT and seen > 0.9 * present:
            raise Unusable(f"text with {seen} distinct values in {present} rows, as an identifier has")
        if seen < 2 and present == len(codes):
            raise Unusable(f"constant, always '{words[codes[0]]}'")
        most_frequent = np.argsort(-counts, kind="stable")[: min(seen, MOST_CATEGORIES)]
        others = present - int(counts[most_frequent].sum())
        return cls(series.name, [words[place] for place in sorted(most_frequent)], len(codes) - present, others)

    @property
    def names(self) -> list[str]:
        own = [f"{self.name} = {category}" for category in self.categories]
        return own + [f"{self.name} is missing"] * bool(self.missing) + [f"{self.name} is other"] * bool(self.others)

    def encode(self, series: Any) -> Block:
        words, codes = values.texts(series)
        places = {category: place for place, category in enumerate(self.categories)}
        width = len(self.names)
        other = width - 1 if self.others else width
        missing = len(places) if self.missing else other
        targets = np.array([places.get(word, other) for word in words] + [missing])  # its last answers code MISSING
        block = np.zeros((len(codes), width + 1), np.float32)  # the spare last column takes what has none
        block[np.arange(len(codes)), targets[codes]] = 1
        return block[:, :width]

    def describe(self) -> str:
        count = len(self.categories)
        parts = [f"category, {count} value{'s' * (count != 1)} one-hot"]
        parts += [f"missing in {_count(self.missing)}, as a category of its own"] * bool(self.missing)
        parts += [f"rarer values ({_count(self.others)}) together as other"] * bool(self.others)
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(state["name"], list(state["categories"]), state["missing"], state["others"])


@dataclass(frozen=True)
class Date:
    """A date or instant as days since the first one in training and sine and cosine of year, week and day.

    With t the days since 1970-01-01 on the clock the value was written in: the angle 2 pi (t mod P) / P for the periods
    P = 365.2425, 7 and 1 days. Each part is standardized; parts that are constant in training are left out.
    """

    kind: ClassVar[str] = "date"
    name: str
    start: float  # days since 1970-01-01
    parts: dict[str, Scaling]
    missing: int

    @classmethod
    def fit(cls, series: Any, rows: Rows) -> Self:
        days = values.instants(series)[rows]
        start, missing = float(np.nanmin(days)), int(np.isnan(days).sum())
        scalings = {part: Scaling.fit(numbers) for part, numbers in _date_parts(days, start).items()}
        # One time of day on many days gives sines that differ by rounding only; scaling would make noise of them.
        parts = {part: scaling for part, scaling in scalings.items() if scaling.deviation > 1e-9}
        if not parts and not missing:
            raise Unusable("constant, always the same date")
        return cls(series.name, start, parts, missing)

    @property
    def names(self) -> list[str]:
        return [f"{self.name} {part}" for part in self.parts] + [f"{self.name} is missing"] * bool(self.missing)

    def encode(self, series: Any) -> Block:
        days = values.instants(series)
        numbers = _date_parts(days, self.start)
        scaled = [scaling.encode(numbers[part]) for part, scaling in self.parts.items()]
        return _block(*scaled, *[np.isnan(days)] * bool(self.missing))

    def describe(self) -> str:
        first = np.datetime64(int(np.floor(self.start)), "D")
        return f"date, from {first} on as {', '.join(self.parts)}, standardized" + _filling("the median", self.missing)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        parts = {part: Scaling(**scaling) for part, scaling in state["parts"].items()}
        return cls(state["name"], state["start"], parts, state["missing"])


def _date_parts(days: NDArray[np.float64], start: float) -> dict[str, NDArray[np.float64]]:
    parts = {"days": days - start}
    for name, period, times in (
        ("year", DAYS_PER_YEAR, days),
        ("week", 7.0, np.floor(days)),  # whole days, so that a weekday is one point of the circle
        ("day", 1.0, days),
    ):
        angle = 2 * np.pi * (times % period) / period
        parts[f"{name} sine"], parts[f"{name} cosine"] = np.sin(angle), np.cos(angle)
    return parts


def _block(*columns: NDArray[Any]) -> Block:
    return np.stack(columns, axis=1).astype(np.float32)


def _count(rows: int) -> str:
    return f"{rows} row" + "s" * (rows != 1)


def _filling(fill: str, missing: int) -> str:
    return f"; missing in {_count(missing)}, filled with {fill}, plus an indicator" if missing else ""


KINDS: dict[str, Any] = {kind.kind: kind for kind in (Numeric, Boolean, Categorical, Date)}
BY_VALUES: dict[str, Any] = {"number": Numeric, "boolean": Boolean, "text": Categorical, "date": Date}


def fit_column(series: Any, rows: Rows) -> Column:
    """The column's encoding, of the kind its values call for, learned from the rows marked True; or raises Unusable.

    Text that reads as dates is dates, unless the table's own type says that the column holds categories.
    """
    import narwhals as nw

    if series.dtype == nw.String and (dates := values.dates_in(series)) is not None:
        series = dates
    kind = values.kind_of(series)
    if kind == "empty" or not values.present(series)[rows].any():
        raise Unusable("no values")
    if kind not in BY_VALUES:
        raise Unusable(f"values of type {kind} are not supported")
    fitted: Column = BY_VALUES[kind].fit(series, rows)
    return fitted
