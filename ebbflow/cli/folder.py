"""The folder that `ebbflow train` leaves: model.ebb, metrics.json, history.csv and curves.png."""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ebbflow.cli.curves import draw_curves
from ebbflow.cli.saved import MODEL_FILE, SavedModel
from ebbflow.core.errors import ArgumentError
from ebbflow.core.files import atomic_write

REPORTS = ("metrics.json", "history.csv", "curves.png")

History = Mapping[str, Sequence[float]]


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


def require_table_outside(folder: Path, table: Path) -> None:
    """Raise ArgumentError if `table` is one of the files that `write_folder` replaces."""
    for name in (MODEL_FILE, *REPORTS):
        require_other_file(folder / name, [table])


def write_folder(folder: Path, model: SavedModel, history: History, summary: Mapping[str, Any]) -> None:
    """Write the four files of a finished training; each appears complete or not at all."""
    title = f"{Path(summary['table']).name}: {summary['target']}"
    reports = [to_json(summary), to_csv(history), draw_curves(history, summary["best_epoch"], title)]
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / MODEL_FILE)
    for name, content in zip(REPORTS, reports, strict=True):
        atomic_write(folder / name, content)


def to_json(summary: Mapping[str, Any]) -> bytes:
    """Indented JSON; a number that is not finite, such as R2 of a constant, is null, for JSON has no word for it."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(inner) for key, inner in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return (json.dumps(plain(summary), indent=2, allow_nan=False) + "\n").encode()


def to_csv(history: History) -> bytes:
    """One line per epoch (from 1), one column per quantity, floats with all their digits."""
    lines = [",".join(["epoch", *history])]
    for epoch, values in enumerate(zip(*history.values(), strict=True), 1):
        lines.append(",".join([str(epoch), *(repr(float(value)) for value in values)]))
    return ("\n".join(lines) + "\n").encode()
