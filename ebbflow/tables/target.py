"""The target column: what kind of task it asks for, class codes, and the standardization of numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ebbflow.core.errors import ShapeError, TableError
from ebbflow.tables import values
from ebbflow.tables.columns import Scaling

TASKS = ("classification", "regression")
MOST_CLASSES = 20  # whole numbers with more distinct values are measured, not counted as classes
ROWS_PER_CLASS = 5  # and with fewer rows for each value too few to learn classes from
SMALLEST, LARGEST = (
    1e-100,
    1e100,
)  # of a target's largest number: the squares of errors, summed over the rows, must stay within float64

Label = str | int | bool


def decide_task(series: Any, rows: NDArray[np.bool_]) -> tuple[str, str]:
    """The task that the target's values in the marked rows ask for, and one sentence that says why.

    Text and booleans are classes. Whole numbers (also stored as decimals) are classes when there are 2 distinct ones,
    or at most 20 with at least 5 rows for each on average. All other numbers ask for regression.
    """
    kind, who = values.kind_of(series), f"the target '{series.name}'"
    if kind == "boolean":
        return "classification", f"classification, because {who} is true or false (--task regression overrides this)"
    if kind == "text":
        words, codes = values.texts(series)
        distinct, count = len(np.unique(codes[rows])), int(rows.sum())
        if distinct > max(MOST_CLASSES, count // 2):
            raise TableError(
                f"column '{series.name}': expected a target of numbers or of few classes, got text with {distinct} "
                f"distinct values in {count} rows, such as '{words[codes[rows][0]]}'; clean it, or set the task to "
                "classification"
            )
        return "classification", f"classification, because {who} is text with {distinct} distinct values"
    numbers = values.numbers(series)[rows]
    if not values.is_whole(numbers):
        return "regression", f"regression, because {who} holds decimal numbers"
    distinct, count = len(np.unique(numbers)), len(numbers)
    whole = f"holds whole numbers with {distinct} distinct values in {count} rows"
    if distinct == 2 or (distinct <= MOST_CLASSES and count >= ROWS_PER_CLASS * distinct):
        return "classification", f"classification, because {who} {whole} (--task regression overrides this)"
    return "regression", f"regression, because {who} {whole} (--task classification overrides this)"


def check_target(series: Any, rows: NDArray[np.bool_], task: str | None) -> None:
    """Raises TableError if the marked rows of the target, those that have one, cannot be learned from."""
    kind, who, count = values.kind_of(series), f"column '{series.name}'", int(rows.sum())
    if count == 0:
        raise TableError(f"{who}: expected a target, but all its values are missing; choose another column")
    if kind not in ("boolean", "number", "text"):
        raise TableError(f"{who}: expected a target of numbers, text or booleans, got {kind}; choose another column")
    if task == "regression" and kind == "text":
        raise TableError(f"{who}: expected numbers as the target of a regression, got text; use classification")
    if count < 2:
        raise TableError(f"{who}: expected at least 2 rows with a target, got 1; add rows")
    answers: NDArray[Any] = (values.texts(series)[1] if kind == "text" else values.numbers(series))[rows]
    if np.all(answers == answers[0]):
        raise TableError(f"{who}: expected a target that varies, got one value in all rows; choose another column")
    largest = np.max(np.abs(answers))
    if kind == "number" and not SMALLEST <= largest <= LARGEST:
        raise TableError(
            f"{who}: expected a target whose largest number is from {SMALLEST:g} to {LARGEST:g} in size, got "
            f"{largest:g}; give it in another unit"
        )
    if task == "classification" and kind == "number" and not values.is_whole(answers):
        raise TableError(f"{who}: expected whole numbers or text as classes, got decimal numbers; use regression")


@dataclass(frozen=True)
class Classes:
    """A target of classes: text in order by name, whole numbers ascending, or False before True."""

    name: str
    labels: list[Label]

    @classmethod
    def fit(cls, series: Any, rows: NDArray[np.bool_]) -> Self:
        kind = values.kind_of(series)
        if kind == "text":
            words, codes = values.texts(series)
            return cls(series.name, [words[code] for code in np.unique(codes[rows])])
        numbers = np.unique(values.numbers(series)[rows])
        return cls(series.name, [bool(n) if kind == "boolean" else int(n) for n in numbers])

    @property
    def outputs(self) -> int:
        return len(self.labels)

    def encode(self, series: Any) -> NDArray[np.int32]:
        found: list[Any]
        if isinstance(self.labels[0], str):
            found, codes = values.texts(series)
        else:
            distinct, codes = np.unique(values.numbers(series), return_inverse=True)
            found = distinct.tolist()
        places = {label: place for place, label in enumerate(self.labels)}
        unknown = [label for label in found if label not in places]
        if unknown:
            raise TableError(
                f"column '{self.name}': expected one of the {len(places)} classes seen in training, got "
                f"'{unknown[0]}'; correct it or train with such rows"
            )
        return np.array([places[label] for label in found], np.int32)[codes]

    def decode(self, outputs: ArrayLike) -> NDArray[Any]:
        codes = np.asarray(outputs)
        if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer):
            raise ShapeError(
                f"decode_target: expected integer class codes (rows,), got {codes.dtype}{list(codes.shape)}; take "
                "the argmax of each row's scores first"
            )
        return np.array(self.labels)[codes]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(state["name"], list(state["labels"]))


@dataclass(frozen=True)
class Amount:
    """A target of numbers, standardized: z = (y - mean) / deviation, and back: y = z deviation + mean."""

    name: str
    scaling: Scaling

    @classmethod
    def fit(cls, series: Any, rows: NDArray[np.bool_]) -> Self:
        return cls(series.name, Scaling.fit(values.numbers(series)[rows]))

    @property
    def outputs(self) -> int:
        return 1

    def encode(self, series: Any) -> NDArray[np.float32]:
        return self.scaling.encode(values.numbers(series)).astype(np.float32)[:, None]

    def decode(self, outputs: ArrayLike) -> NDArray[np.float64]:
        z = np.asarray(outputs, np.float64)
        if z.ndim not in (1, 2) or z.shape[1:] not in ((), (1,)):
            raise ShapeError(f"decode_target: expected standardized numbers (rows, 1), got shape {z.shape}")
        return z.reshape(len(z)) * self.scaling.deviation + self.scaling.mean

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        return cls(state["name"], Scaling(**state["scaling"]))
