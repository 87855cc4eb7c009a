"""`ebbflow train`: from a table to a trained, measured and saved network."""

import math
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ebbflow as ebb
from ebbflow.cli import report
from ebbflow.cli.folder import require_table_outside, require_writable, write_folder
from ebbflow.cli.memory import require_memory
from ebbflow.cli.options import OPTIMIZERS
from ebbflow.cli.progress import Display
from ebbflow.cli.saved import SavedModel
from ebbflow.core.errors import ArgumentError, TableError
from ebbflow.tables import TableEncoder, read_table, rows_with_target, split_rows


@dataclass(frozen=True)
class Data:
    """The rows of a table that have a target, split, and the encoder that has seen the training rows only."""

    train: Any
    validation: Any
    test: Any
    encoder: TableEncoder
    left_out: int


def run(options: Namespace) -> None:
    folder = Path(options.out or f"{Path(options.table).stem}-model")
    say = _silent if options.quiet else print
    _check_fractions(options)
    require_writable(folder)
    require_table_outside(folder, Path(options.table))
    if options.threads:
        ebb.config.set_threads(options.threads)
    ebb.set_random_seed(options.seed)

    data = prepare(read_table(options.table), options)
    batch_size = min(options.batch_size or default_batch_size(len(data.train)), len(data.train))
    require_memory(layer_widths(data.encoder, options), batch_size)
    network = build_network(data.encoder, options)
    _describe(say, options, data, network, batch_size)
    history = fit(network, data, options, batch_size)
    summary = _summary(options, data, batch_size, history)
    say(_ending(summary["epochs"], summary["best_epoch"], options))

    model = SavedModel(network, data.encoder, report.learn_baseline(data.encoder, data.train))
    results: dict[str, report.Metrics | None] = {"model": None, "baseline": None}
    if len(data.test):
        results |= report.measure(data.encoder, model.outputs(data.test), data.test, model.baseline)
        say("\n" + report.metrics_table(f"Test, {report.count(len(data.test), 'row')}", results))
        say(f"Baseline: {report.describe_baseline(data.encoder, model.baseline)}.")
    write_folder(folder, model, history, summary | {"test": results["model"], "baseline": results["baseline"]})
    say(f"\nWrote {folder}: model.ebb, metrics.json, history.csv, curves.png")


def prepare(frame: Any, options: Namespace) -> Data:
    """Split the usable rows of `frame`, and learn the encoding from the training rows."""
    import polars

    # This encoder judges the table as it was given (the task, and errors with the table's own row numbers) and is then
    # dropped: the model's encoder must not have seen a validation or test row.
    whole = TableEncoder.fit(frame, options.target, options.task)
    # What is text in the whole table is no date in a part of it, even if the part's texts all read as dates.
    frame = frame.with_columns(polars.selectors.string().cast(polars.Categorical))
    usable = frame.filter(rows_with_target(frame, options.target))
    fractions = (1 - options.validation - options.test, options.validation, options.test)
    labels = whole.encode_target(usable) if whole.task == "classification" else None
    parts = [usable[rows] for rows in split_rows(len(usable), fractions, options.seed, labels)]
    encoder = _fit_encoder(parts[0], options.target, whole.task, len(usable))
    encoder.reason = whole.reason
    return Data(*parts, encoder=encoder, left_out=len(frame) - len(usable))


def _fit_encoder(training: Any, target: str, task: str, rows: int) -> TableEncoder:
    """What the `training` rows teach; where they are too few of the table's `rows`, the error says that it is these."""
    try:
        return TableEncoder.fit(training, target, task)
    except TableError as error:
        raise TableError(
            f"training rows ({len(training):,} of {rows:,}): {error}, or use smaller --validation and --test"
        ) from error


def layer_widths(encoder: TableEncoder, options: Namespace) -> tuple[int, ...]:
    """The widths from the inputs to the outputs."""
    return (encoder.n_features, *options.hidden, encoder.n_outputs)


def build_network(encoder: TableEncoder, options: Namespace) -> Any:
    """Dense layers with activation (and dropout), then one linear layer: logits, or the standardized target."""
    # A third of LeCun's variance: on tables of mixed columns, training from these small weights came to a validation
    # error up to a third lower than from Glorot's, also with five hidden layers.
    small = ebb.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")
    layers: list[Any] = [ebb.Input((encoder.n_features,))]
    for width in options.hidden:
        layers.append(ebb.layers.Dense(width, activation=options.activation, kernel_initializer=small))
        if options.dropout:
            layers.append(ebb.layers.Dropout(options.dropout))
    network = ebb.Sequential([*layers, ebb.layers.Dense(encoder.n_outputs, kernel_initializer=small)])
    optimizer = getattr(ebb.optimizers, OPTIMIZERS[options.optimizer])(learning_rate=options.learning_rate)
    if encoder.task == "classification":
        loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    else:
        network.compile(optimizer=optimizer, loss="mse")
    return network


def default_batch_size(rows: int) -> int:
    """The power of two nearest to rows / 50 (about fifty steps an epoch), from 32 to 256."""
    return min(256, max(32, 2 ** round(math.log2(max(rows, 50) / 50))))


def fit(network: Any, data: Data, options: Namespace, batch_size: int) -> dict[str, list[float]]:
    """Train, keep the weights of the best validation epoch, and return the history."""
    encode = data.encoder.encode
    target = data.encoder.encode_target
    callbacks: list[Any] = [] if options.quiet else [Display(options.epochs)]
    validation = None
    if len(data.validation):
        validation = (encode(data.validation), target(data.validation))
        callbacks.append(
            ebb.callbacks.EarlyStopping(monitor="val_loss", patience=options.patience, restore_best_weights=True)
        )
    return network.fit(
        encode(data.train),
        target(data.train),
        batch_size=batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=callbacks,
        verbose=0,
    ).history


def best_epoch(history: dict[str, list[float]]) -> int | None:
    """The epoch (from 1) with the lowest validation loss; None without validation rows."""
    losses = np.array(history.get("val_loss", []))
    return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else None


def _check_fractions(options: Namespace) -> None:
    if options.validation + options.test >= 1:
        raise ArgumentError(
            f"--validation {options.validation:g} and --test {options.test:g} leave no rows to train on; "
            "expected a sum below 1"
        )


def _describe(say: Any, options: Namespace, data: Data, network: Any, batch_size: int) -> None:
    encoder = data.encoder
    say(f"Columns of {options.table}")
    for line in encoder.describe():
        say(f"  {line}")
    if data.left_out:
        say(f"Left out {report.count(data.left_out, 'row')} without a target.")
    widths = " -> ".join(str(width) for width in layer_widths(encoder, options))
    say(f"\nRows     {len(data.train):,} training, {len(data.validation):,} validation, {len(data.test):,} test")
    say(f"Network  {widths}, {options.activation}, {network.count_params():,} parameters")
    say(f"Training {options.optimizer}, learning rate {options.learning_rate:g}, batches of {batch_size}")


def _ending(epochs: int, best: int | None, options: Namespace) -> str:
    if best is None:
        return f"  trained for {report.count(epochs, 'epoch')}"
    how = "stopped" if epochs < options.epochs else "ended"
    return f"  {how} after epoch {epochs}, kept the weights of epoch {best}"


def _summary(options: Namespace, data: Data, batch_size: int, history: dict[str, list[float]]) -> dict[str, Any]:
    """What metrics.json says of the run, without its metrics."""
    names = (
        "hidden",
        "activation",
        "dropout",
        "optimizer",
        "learning_rate",
        "epochs",
        "patience",
        "validation",
        "test",
    )
    return {
        "ebbflow": ebb.__version__,
        "table": options.table,
        "target": options.target,
        "task": data.encoder.task,
        "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "epochs": len(history["loss"]),
        "best_epoch": best_epoch(history),
        "options": {name: getattr(options, name) for name in (*names, "seed")} | {"batch_size": batch_size},
    }


def _silent(*_: object) -> None:
    """Print nothing."""
