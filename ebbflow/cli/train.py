"""`ebbflow train`: from a table to a trained, measured and saved network."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

import ebbflow as ebb
from ebbflow.cli import report
from ebbflow.cli.cross_validation import cross_validate
from ebbflow.cli.curves import draw_curves
from ebbflow.cli.data import Data, prepare
from ebbflow.cli.folder import TRAINING_FILES, require_table_outside, require_writable, to_csv, to_json, write_folder
from ebbflow.cli.memory import count_parameters, require_memory
from ebbflow.cli.network import build_network, default_batch_size, layer_widths
from ebbflow.cli.progress import Display
from ebbflow.cli.saved import SavedModel
from ebbflow.cli.starts import Trained, best_start, require_seeds
from ebbflow.core.errors import ArgumentError
from ebbflow.placement import expect_processor
from ebbflow.tables import TableEncoder, read_table


def run(options: Namespace) -> None:
    with ebb.device(options.device):
        _run(options)


def _run(options: Namespace) -> None:
    folder = Path(options.out or f"{Path(options.table).stem}-model")
    say = silent if options.quiet else print
    _check(options)
    require_writable(folder)
    require_table_outside(folder, Path(options.table), TRAINING_FILES)
    if options.threads:
        ebb.config.set_threads(options.threads)

    fractions = (1 - options.validation - options.test, options.validation, options.test)
    data = prepare(read_table(options.table), options.target, options.task, fractions, options.seed)
    batch_size = min(options.batch_size or default_batch_size(len(data.train)), len(data.train))
    require_memory(layer_widths(data.encoder, options.hidden), batch_size)
    _describe(say, options, data, batch_size)
    folds = _cross_validation(say, options, data, batch_size)
    trained = _train(options, data, batch_size, [] if options.quiet else [Display(options.epochs)])
    summary = _summary(options, data, batch_size, trained) | folds
    say(_ending(trained, summary, options))

    model = SavedModel(trained.network, data.encoder, report.learn_baseline(data.encoder, data.train))
    summary |= measure_test(say, model, data.test)
    write_folder(folder, model, _reports(summary, trained.history))
    say(f"\nWrote {folder}: {', '.join(TRAINING_FILES)}")


def fit(network: Any, data: Data, options: Namespace, batch_size: int, callbacks: list[Any]) -> dict[str, list[float]]:
    """Train, keep the weights of the best validation epoch, and return the history."""
    encode, target = data.encoder.encode, data.encoder.encode_target
    validation, watching = None, []
    if len(data.validation):
        validation = (encode(data.validation), target(data.validation))
        watching = [
            ebb.callbacks.EarlyStopping(monitor="val_loss", patience=options.patience, restore_best_weights=True)
        ]
    return network.fit(
        encode(data.train),
        target(data.train),
        batch_size=batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[*callbacks, *watching],
        verbose=0,
    ).history


def best_epoch(history: dict[str, list[float]]) -> int | None:
    """The epoch (from 1) with the lowest validation loss; None without validation rows."""
    losses = np.array(history.get("val_loss", []))
    return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else None


def measure_test(say: Any, model: SavedModel, test: Any) -> dict[str, Any]:
    """Measure and print what the model is worth on the `test` rows; metrics.json's "test" and "baseline"."""
    if not len(test):
        return {"test": None, "baseline": None}
    results = report.measure(model.encoder, model.outputs(test), test, model.baseline)
    say("\n" + report.metrics_table(f"Test, {report.count(len(test), 'row')}", results))
    say(f"Baseline: {report.describe_baseline(model.encoder, model.baseline)}.")
    return {"test": results["model"], "baseline": results["baseline"]}


def describe_columns(say: Any, table: str, data: Data) -> None:
    say(f"Columns of {table}")
    for line in data.encoder.describe():
        say(f"  {line}")
    if data.left_out:
        say(f"Left out {report.count(data.left_out, 'row')} without a target.")


def silent(*_: object) -> None:
    """Print nothing."""


def _check(options: Namespace) -> None:
    if options.validation + options.test >= 1:
        raise ArgumentError(
            f"--validation {options.validation:g} and --test {options.test:g} leave no rows to train on; "
            "expected a sum below 1"
        )
    if options.seeds > 1:
        expect_processor(f"--seeds {options.seeds}")
        require_seeds(options.seed, options.seeds)
        if not options.validation:
            raise ArgumentError(
                f"--seeds {options.seeds}: expected validation rows to choose the best start by, got --validation 0; "
                "leave one of them out"
            )


def _build(encoder: TableEncoder, options: Namespace) -> Any:
    names = ("hidden", "activation", "dropout", "optimizer", "learning_rate", "weight_decay")
    return build_network(encoder, **{name: getattr(options, name) for name in names})


def _train(options: Namespace, data: Data, batch_size: int, callbacks: list[Any]) -> Trained:
    """The network of one start, or the best of several."""
    if options.seeds > 1:
        return best_start(lambda: _build(data.encoder, options), data, options, batch_size)
    ebb.set_random_seed(options.seed)
    network = _build(data.encoder, options)
    return Trained(network, fit(network, data, options, batch_size, callbacks), [])


def _cross_validation(say: Any, options: Namespace, data: Data, batch_size: int) -> dict[str, Any]:
    """What --folds adds to metrics.json."""
    if options.folds is None:
        return {}

    def train(part: Data) -> Any:
        return _train(options, part, min(batch_size, len(part.train)), []).network

    share = options.validation / (1 - options.test)
    return {"cross_validation": cross_validate(say, data, options.folds, share, options.seed, train)}


def _describe(say: Any, options: Namespace, data: Data, batch_size: int) -> None:
    describe_columns(say, options.table, data)
    widths = layer_widths(data.encoder, options.hidden)
    network = f"{' -> '.join(map(str, widths))}, {options.activation}, {count_parameters(widths):,} parameters"
    say(f"\nRows     {len(data.train):,} training, {len(data.validation):,} validation, {len(data.test):,} test")
    say(f"Network  {network}")
    say(f"Training {options.optimizer}, learning rate {options.learning_rate:g}, batches of {batch_size}")


def _ending(trained: Trained, summary: dict[str, Any], options: Namespace) -> str:
    epochs, best = summary["epochs"], summary["best_epoch"]
    if best is None:
        return f"  trained for {report.count(epochs, 'epoch')}"
    how = "stopped" if epochs < options.epochs else "ended"
    ending = f"  {how} after epoch {epochs}, kept the weights of epoch {best}"
    if not trained.starts:
        return ending
    lines = [f"\n{len(trained.starts)} random starts, the best by validation kept"]
    for start in trained.starts:
        mark = "kept" if start["kept"] else start["status"] if start["status"] == "diverged" else ""
        lines.append(f"  seed {start['seed']:<6}  val_loss {start['val_loss']:<10.5g}  {mark}".rstrip())
    return "\n".join([*lines, ending])


def _summary(options: Namespace, data: Data, batch_size: int, trained: Trained) -> dict[str, Any]:
    """What metrics.json says of the run, without its metrics."""
    names = ("hidden", "activation", "dropout", "optimizer", "learning_rate", "epochs", "patience")
    chosen = {name: getattr(options, name) for name in (*names, "validation", "test", "seed")}
    if options.weight_decay is not None:
        chosen["weight_decay"] = options.weight_decay
    return {
        "ebbflow": ebb.__version__,
        "table": options.table,
        "target": options.target,
        "task": data.encoder.task,
        "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "epochs": len(trained.history["loss"]),
        "best_epoch": best_epoch(trained.history),
        "options": chosen | {"batch_size": batch_size},
    } | ({"starts": trained.starts} if trained.starts else {})


def _reports(summary: dict[str, Any], history: dict[str, list[float]]) -> dict[str, bytes]:
    title = f"{Path(summary['table']).name}: {summary['target']}"
    return {
        "metrics.json": to_json(summary),
        "history.csv": to_csv({"epoch": range(1, len(history["loss"]) + 1), **history}),
        "curves.png": draw_curves(history, summary["best_epoch"], title),
    }
