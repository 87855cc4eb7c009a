"""Files that callbacks write: an error says who could not write what, before the training where that can be known."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...core.errors import ArgumentError
from ...functions.arguments import expect


def expect_path(owner: str, name: str, value: Any) -> Path:
    """`value` as a path; raises ArgumentError unless it is a text that is not empty, or a path."""
    valid = isinstance(value, (str, os.PathLike)) and os.fspath(value)
    expect(bool(valid), owner, name, "a path", value)
    return Path(value)


def make_folder(owner: str, folder: Path) -> None:
    """Make the folder, unless it is there, and write a file there to see whether one can.

    Raises ArgumentError where one cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise ArgumentError(
            f"{owner}: expected a folder to write to, got {os.fspath(folder)!r} ({error.strerror}); give another one"
        ) from error


@contextlib.contextmanager
def writing(owner: str, path: Path) -> Iterator[None]:
    """Inside this context, an error of the disk says who could not write what."""
    try:
        yield
    except OSError as error:
        text = f"{owner}: could not write {path} ({error.strerror}); the model is as of the end of the last step"
        raise OSError(error.errno, text) from error
