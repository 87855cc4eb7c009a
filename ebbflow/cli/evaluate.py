"""`ebbflow evaluate`: measure a trained model on a table with known targets."""

from argparse import Namespace

from ebbflow.cli import report, saved
from ebbflow.core.errors import TableError
from ebbflow.tables import read_table, rows_with_target


def run(options: Namespace) -> None:
    model = saved.load(options.model)
    frame = read_table(options.table)
    usable = rows_with_target(frame, model.encoder.target)
    if not usable.any():
        raise TableError(f"{options.table}: no row has a value in the target column '{model.encoder.target}'")
    known = frame.filter(usable)
    results = report.measure(model.encoder, model.outputs(known), known, model.baseline)

    if len(known) < len(frame):
        print(f"Left out {report.count(len(frame) - len(known), 'row')} without a target.")
    print(report.metrics_table(f"{model.encoder.target}, {report.count(len(known), 'row')}", results))
    print(f"Baseline: {report.describe_baseline(model.encoder, model.baseline)}.")
