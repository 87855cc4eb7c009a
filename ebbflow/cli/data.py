"""The rows of a table that can be learned from: divided at random, and encoded as the training rows teach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ebbflow.core.errors import TableError
from ebbflow.tables import TableEncoder, rows_with_target, split_rows


@dataclass(frozen=True)
class Data:
    """The rows of a table that have a target, split, and the encoder that has seen the training rows only."""

    train: Any
    validation: Any
    test: Any
    encoder: TableEncoder
    left_out: int


def prepare(frame: Any, target: str, task: str | None, fractions: Sequence[float], seed: int) -> Data:
    """Split the usable rows of `frame` by `fractions` (training, validation, test), and learn from the first part."""
    import polars

    # This encoder judges the table as it was given (the task, and errors with the table's own row numbers) and is then
    # dropped: the model's encoder must not have seen a validation or test row.
    whole = TableEncoder.fit(frame, target, task)
    # What is text in the whole table is no date in a part of it, even if the part's texts all read as dates.
    frame = frame.with_columns(polars.selectors.string().cast(polars.Categorical))
    usable = frame.filter(rows_with_target(frame, target))
    return divide(usable, whole, fractions, seed, left_out=len(frame) - len(usable))


def divide(usable: Any, known: TableEncoder, fractions: Sequence[float], seed: int, left_out: int = 0) -> Data:
    """Split rows that all have a target, whose task and classes are `known`."""
    labels = known.encode_target(usable) if known.task == "classification" else None
    parts = [usable[rows] for rows in split_rows(len(usable), fractions, seed, labels)]
    encoder = _fit_encoder(parts[0], known.target, known.task, len(usable))
    encoder.reason = known.reason
    return Data(*parts, encoder=encoder, left_out=left_out)


def _fit_encoder(training: Any, target: str, task: str, rows: int) -> TableEncoder:
    """What the `training` rows teach; where they are too few of the table's `rows`, the error says that it is these."""
    try:
        return TableEncoder.fit(training, target, task)
    except TableError as error:
        raise TableError(
            f"training rows ({len(training):,} of {rows:,}): {error}, or use smaller --validation and --test"
        ) from error
