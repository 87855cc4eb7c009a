"""The folders that `ebbflow train` and `ebbflow tune` leave: a model and reports on how it came about."""

import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ebbflow.cli.saved import MODEL_FILE, SavedModel
from ebbflow.core.errors import ArgumentError
from ebbflow.core.files import atomic_write

TRAINING_FILES = (MODEL_FILE, "metrics.json", "history.csv", "curves.png")
TUNING_FILES = (MODEL_FILE, "metrics.json", "settings.json", "results.csv", "summary.png")


def require_writable(folder: Path) -> None:
    """Raise ArgumentError now, rather than after the training, if `folder` cannot be made or written to."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise ArgumentError(f"--out {folder}: expected a folder, but {existing} is a file; choose another name")
    try:
        tempfile.NamedTemporaryFile(dir=existing, prefix=".ebbflow-").close()  # which removes it
    except OSError as error:
        raise ArgumentError(
            f"--out {folder}: cannot write in {existing} ({error.strerror}); choose another folder"
        ) from error


def require_other_file(out: Path, given: Sequence[Path]) -> None:
    """Raise ArgumentError if writing the file `out` would replace one of the files `given`, also through links."""
    for path in given:
        if out.exists() and path.exists() and out.samefile(path):
            raise ArgumentError(f"--out: writing {out} would overwrite {path}, which is read; choose another name")


def require_table_outside(folder: Path, table: Path, files: Sequence[str]) -> None:
    """Raise ArgumentError if `table` is one of the `files` that are written to `folder`."""
    for name in files:
        require_other_file(folder / name, [table])


def write_folder(folder: Path, model: SavedModel, reports: Mapping[str, bytes]) -> None:
    """Write a model and its reports (file name: content); each file appears complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / MODEL_FILE)
    for name, content in reports.items():
        atomic_write(folder / name, content)


def to_json(summary: Mapping[str, Any]) -> bytes:
    """Indented JSON; a number that is not finite, such as R2 of a constant, is null, for JSON has no word for it."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return (json.dumps(plain(summary), indent=2, allow_nan=False) + "\n").encode()


def to_csv(columns: Mapping[str, Iterable[Any]]) -> bytes:
    """A header and a line per row, floats with all their digits, nothing where there is none."""
    lines = [",".join(columns)]
    for values in zip(*columns.values(), strict=True):
        lines.append(",".join("" if v is None else repr(float(v)) if isinstance(v, float) else str(v) for v in values))
    return ("\n".join(lines) + "\n").encode()
