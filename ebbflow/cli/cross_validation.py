"""Cross-validated figures: every row is predicted once, by a network that has not seen it in any way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ebbflow.cli import report
from ebbflow.cli.data import Data, divide
from ebbflow.cli.saved import SavedModel
from ebbflow.core.errors import ArgumentError
from ebbflow.training.population.folds import cross_validation


def cross_validate(
    say: Callable[..., Any], data: Data, folds: int, validation: float, seed: int, train: Callable[[Data], Any]
) -> dict[str, Any]:
    """Measure what `train` makes, on each of `folds` parts of the rows that are not test rows.

    For each part, the rows outside of it are divided anew into training and `validation` rows (a share), the encoding
    is learned from the former, and early stopping looks at the latter. So the part itself decides nothing.
    Returns means and deviations over the folds, for the model and the baseline, as metrics.json has them.
    Raises ArgumentError for more folds than rows, or a class of a single row.
    """
    import polars

    rows = polars.concat([data.train, data.validation])
    require_folds(folds, len(rows))
    targets = data.encoder.encode_target(rows)
    _require_pairs(data, targets, folds)
    say(f"\nCross-validation on {report.count(len(rows), 'row')}")
    each = []
    for fold in cross_validation(targets, folds, seed=seed):
        part = divide(rows[fold.train], data.encoder, (1 - validation, validation, 0.0), seed)
        part = replace(part, test=rows[fold.validation])
        model = SavedModel(train(part), part.encoder, report.learn_baseline(part.encoder, part.train))
        each.append(report.measure(part.encoder, model.outputs(part.test), part.test, model.baseline))
        say(f"  fold {len(each)} of {folds}  {report.figures(each[-1]['model'])}")
    result = {"folds": folds} | _summarized(each)
    say(report.deviations_table(f"Mean of {folds} folds", result))
    return result


def require_folds(folds: int, rows: int) -> None:
    """Raise ArgumentError if there are more folds than rows."""
    if folds > rows:
        raise ArgumentError(f"--folds {folds}: expected at most as many folds as rows that are no test rows, {rows:,}")


def _require_pairs(data: Data, targets: np.ndarray, folds: int) -> None:
    """Raise ArgumentError for a class of which no row is left to learn from when its only one is held out."""
    if data.encoder.task == "classification" and 1 in (counts := np.bincount(targets)):
        lonely = data.encoder.classes[int(np.flatnonzero(counts == 1)[0])]
        raise ArgumentError(
            f"--folds {folds}: expected 2 rows or more of each class that are no test rows, got 1 of '{lonely}'; "
            "add rows, or leave --folds out"
        )


def _summarized(each: list[dict[str, report.Metrics]]) -> dict[str, Any]:
    names = list(each[0]["model"])
    values = {name: np.array([one["model"][name] for one in each]) for name in names}
    return {
        "mean": {name: float(values[name].mean()) for name in names},
        "deviation": {name: float(values[name].std(ddof=1)) for name in names},
        "baseline": {name: float(np.mean([one["baseline"][name] for one in each])) for name in names},
        "each": [one["model"] for one in each],
    }
