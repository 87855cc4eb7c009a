"""CSVLogger: a row of a table for every epoch."""

import csv
import io
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...functions.arguments import expect
from ...functions.naming import expect_flag
from .base import Callback, Logs
from .files import expect_path, make_folder, writing


class CSVLogger(Callback):
    """Write what each epoch logs to a file of comma-separated values, with a row of names above.

    A row is written whole as soon as its epoch ends, so a training that is killed leaves whole rows. The columns are
    `epoch`, from 0, then the names that the first epoch logs, sorted (and their val_ names where a fit validates only
    some epochs); what a later epoch does not log is NA, and a metric of several numbers is written as "[1.0, 2.0]".

    Parameters:
        filename: of the file.
        separator: one character between two values.
        append: go on with the file if it exists, with its columns, instead of a new one.

    Raises ArgumentError for a bad argument, for a place that cannot be written to before the training begins, and for a
    file to go on with that has other columns; OSError when the disk is full.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False):
        super().__init__()
        self.filename = expect_path("CSVLogger", "filename", filename)
        valid = isinstance(separator, str) and len(separator) == 1 and separator not in '"\r\n'
        expect(valid, "CSVLogger", "separator", "one character", separator)
        self.separator, self.append = separator, expect_flag("CSVLogger", "append", append)
        self.keys: list[str] | None = None
        self._continues = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        make_folder("CSVLogger", self.filename.parent)
        self.keys, self._continues = None, False
        with writing("CSVLogger", self.filename):
            if self.append:
                self._take_up()
            else:
                self.filename.write_bytes(b"")

    def _take_up(self) -> None:
        """Read the columns of a file that exists, and see to its last row being whole."""
        with self.filename.open("a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            text = file.read()
            if text and not text.endswith("\n"):
                file.write("\r\n")
        if text:
            header = next(csv.reader(text.splitlines(), delimiter=self.separator))
            self.keys, self._continues = header[1:], True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        rows: list[list[Any]] = []
        if self.keys is None:
            self.keys = self._columns_for(logs)
            rows.append(["epoch", *self.keys])
        elif self._continues:
            self._expect_columns(logs)
        rows.append([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        self._write(rows)

    def _columns_for(self, names: Iterable[str]) -> list[str]:
        keys = sorted(names)
        if self.params.get("validation_freq", 1) != 1 and not any(key.startswith("val_") for key in keys):
            keys += [f"val_{key}" for key in keys]
        return keys

    def _expect_columns(self, names: Iterable[str]) -> None:
        assert self.keys is not None
        others = sorted(set(names) - set(self.keys))
        if others:
            raise ArgumentError(
                f"CSVLogger: expected {self.filename} to have a column {others[0]}, got {', '.join(self.keys)}; give "
                "another filename, or append=False"
            )
        self._continues = False

    def _write(self, rows: list[list[Any]]) -> None:
        """All rows by one call of the system, which a kill cannot divide."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator).writerows(rows)
        with writing("CSVLogger", self.filename), self.filename.open("ab", buffering=0) as file:
            file.write(text.getvalue().encode())


def _cell(value: Any) -> Any:
    """A value as Keras writes it, an array as a list within quotes."""
    return f'"[{", ".join(map(str, value))}]"' if np.ndim(value) else value
