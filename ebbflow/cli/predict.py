"""`ebbflow predict`: the target of every row of a table."""

import io
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from ebbflow.cli import report, saved
from ebbflow.cli.folder import require_other_file
from ebbflow.core.errors import ArgumentError
from ebbflow.core.files import atomic_write
from ebbflow.tables import read_table


def run(options: Namespace) -> None:
    write = _writer(options.out)  # before any work, as a bad name is known now
    if options.out is not None:
        require_other_file(Path(options.out), [Path(options.table), saved.file_of(options.model)])
    model = saved.load(options.model)
    if options.proba and model.encoder.task == "regression":
        raise ArgumentError(f"--proba: '{model.encoder.target}' is a number, and only classes have probabilities")
    frame = read_table(options.table)
    predictions = _predictions(model, frame, options.proba)
    if options.out is None:
        sys.stdout.buffer.write(predictions.write_csv().encode())  # data: UTF-8 whatever the terminal speaks
        return
    buffer = io.BytesIO()
    write(predictions, buffer)
    atomic_write(options.out, buffer.getvalue())
    print(f"Wrote {options.out}: {report.count(len(frame), 'prediction')} of '{model.encoder.target}'")


def _writer(out: str | None) -> Any:
    import polars

    writers = {".csv": polars.DataFrame.write_csv, ".parquet": polars.DataFrame.write_parquet}
    writers[".pq"] = writers[".parquet"]
    suffix = ".csv" if out is None else Path(out).suffix.lower()
    if suffix not in writers:
        raise ArgumentError(f"--out {out}: expected a name that ends in .csv or .parquet")
    if out is not None and not Path(out).parent.is_dir():
        raise ArgumentError(f"--out {out}: there is no folder {Path(out).parent}; make it first")
    return writers[suffix]


def _predictions(model: saved.SavedModel, frame: Any, with_probabilities: bool) -> Any:
    """A frame with columns row, prediction and, if asked for, probability_CLASS of every class."""
    import polars

    outputs = model.outputs(frame)
    codes = outputs if model.encoder.task == "regression" else np.argmax(outputs, axis=1)
    columns: dict[str, Any] = {"row": np.arange(len(frame)), "prediction": model.encoder.decode_target(codes)}
    if with_probabilities:
        probabilities = np.exp(report.log_softmax(outputs))
        names = [f"probability_{label}" for label in model.encoder.classes]
        columns |= dict(zip(names, probabilities.T, strict=True))
    return polars.DataFrame(columns)
