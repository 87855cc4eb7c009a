"""`ebbflow tune`: from a table to the best network that is found in the time given.

The test rows are split off first and used once, at the end. The encoding of the table is learned from all other rows,
so that one serves every fold: a fold's means and categories, but nothing of how its columns go with the target, are
known to the networks that are validated on it.
"""

import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ebbflow as ebb
from ebbflow.cli import report
from ebbflow.cli.cross_validation import require_folds
from ebbflow.cli.data import Data, prepare
from ebbflow.cli.folder import TUNING_FILES, require_table_outside, require_writable, to_csv, to_json, write_folder
from ebbflow.cli.importance import Importance, importance
from ebbflow.cli.network import build_network, default_batch_size
from ebbflow.cli.saved import SavedModel
from ebbflow.cli.search import Search, Trial
from ebbflow.cli.space import Setting, Space, default_space, describe_space, draw_settings
from ebbflow.cli.starts import require_seeds
from ebbflow.cli.summary import draw_summary
from ebbflow.cli.train import describe_columns, measure_test, silent
from ebbflow.core.errors import ArgumentError
from ebbflow.population import Ensemble
from ebbflow.runtime.threads import cores
from ebbflow.tables import read_table

OPTIMIZER, DEFAULT_BUDGET = "adamw", 120.0
SHOWN = 8  # settings in the table at the end
LEAST_PER_FOLD = 20  # rows; with fewer none is left out for even folds


def run(options: Namespace) -> None:
    folder = Path(options.out or f"{Path(options.table).stem}-tuned")
    say = silent if options.quiet else print
    require_seeds(options.seed, options.seeds)
    require_writable(folder)
    require_table_outside(folder, Path(options.table), TUNING_FILES)
    if options.threads:
        ebb.config.set_threads(options.threads)

    data = prepare(
        read_table(options.table), options.target, options.task, (1 - options.test, 0, options.test), options.seed
    )
    require_folds(options.folds, len(data.train))
    space = _space(data, options)
    _describe(say, options, data, space)
    search = _search(say, options, data, space)
    search.run(None if options.settings else options.budget or DEFAULT_BUDGET, options.settings)
    if search.interrupted:
        say("  interrupted; what was finished is used")
    ranking = search.ranking()
    if not ranking:
        if search.interrupted:
            raise KeyboardInterrupt
        raise ArgumentError(f"{options.table}: the loss of every setting became NaN or infinite; look at its numbers")

    mattered = {name: importance(*_dependence(search.screened, name)) for name in space}
    say(_ending(search, ranking, mattered))
    network, made = _make_model(options, data, search, ranking)
    say(f"Model    {made['description']}")
    model = SavedModel(network, data.encoder, report.learn_baseline(data.encoder, data.train))
    metrics = _summary(options, data, search, ranking, made) | measure_test(say, model, data.test)
    write_folder(folder, model, _reports(metrics, search, ranking, mattered))
    say(f"\nWrote {folder}: {', '.join(TUNING_FILES)}")


def _space(data: Data, options: Namespace) -> Space:
    rows = len(data.train)
    fewest = rows - math.ceil(rows / options.folds)  # that a network is trained on
    workers = options.threads or cores()
    return default_space(data.encoder.n_features, data.encoder.n_outputs, fewest, default_batch_size(rows), workers)


def _search(say: Any, options: Namespace, data: Data, space: Space) -> Search:
    encoder = data.encoder
    unit = float(np.ptp(encoder.decode_target(np.array([[0.0], [1.0]])))) if encoder.task == "regression" else 0.0
    rows = even_rows(len(data.train), options.folds, options.seed)
    return Search(
        build=lambda setting: _build(setting, data, options),
        x=encoder.encode(data.train)[rows],
        y=encoder.encode_target(data.train)[rows],
        score=(lambda loss: unit * math.sqrt(loss)) if unit else float,
        figure=_figure(encoder.task),
        settings=draw_settings(space, options.seed),
        seed=options.seed,
        seeds=options.seeds,
        folds=options.folds,
        epochs=options.epochs,
        patience=options.patience,
        keep=options.ensemble,
        say=say,
    )


def even_rows(rows: int, folds: int, seed: int) -> np.ndarray:
    """Rows to search with: all of few, else a multiple of the folds, so that one program serves every fold."""
    kept = rows - (rows % folds if rows >= LEAST_PER_FOLD * folds else 0)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:kept])


def _figure(task: str) -> str:
    """What settings are compared by."""
    return report.LABELS["rmse" if task == "regression" else "log_loss"]


def _build(setting: Setting, data: Data, options: Namespace) -> Any:
    return build_network(
        data.encoder,
        hidden=(setting["width"],) * setting["depth"],
        activation=options.activation,
        dropout=setting["dropout"],
        optimizer=OPTIMIZER,
        learning_rate=setting["learning_rate"],
        weight_decay=setting["weight_decay"],
    )


# the model


def _make_model(options: Namespace, data: Data, search: Search, ranking: list[Trial]) -> tuple[Any, dict[str, Any]]:
    """The ensemble of the best networks, or the best setting trained on all rows; and what metrics.json says of it."""
    best = ranking[0]
    if options.ensemble > 1 and best.stage.name == "final":
        chosen = choose_networks(ranking, options.ensemble)
        networks = [trial.population.model(row["member"]) for trial, row in chosen]
        if len(networks) > 1:
            ensemble = Ensemble(networks)
            ensemble.compile_from_config(networks[0].get_compile_config())
            ensemble.build_for(search.x.shape)
            used = list(dict.fromkeys(trial.number for trial, _ in chosen))
            description = f"mean of {len(networks)} networks, of {report.count(len(used), 'setting')}"
            members = [{"setting": t.number, "seed": row["seed"], "fold": row["fold"]} for t, row in chosen]
            return ensemble, {"kind": "ensemble", "description": description, "networks": members}
    epochs = best.epoch + 1
    start = min(best.rows, key=lambda row: row["score"])["seed"]
    ebb.set_random_seed(start)
    network = _build(best.setting, data, options)
    x, y = data.encoder.encode(data.train), data.encoder.encode_target(data.train)
    network.fit(x, y, batch_size=best.setting["batch_size"], epochs=epochs, verbose=0)
    description = f"the best setting, trained on all {len(x):,} rows for {report.count(epochs, 'epoch')}"
    return network, {"kind": "refit", "description": description, "setting": best.number, "seed": start}


def choose_networks(ranking: Sequence[Trial], count: int) -> list[tuple[Trial, dict[str, Any]]]:
    """`count` good networks that differ: of good settings, those of the best seeds, an equal share of each fold.

    Networks are not compared across folds, as some folds are easier than others: each stands at its place among the
    seeds of its setting and fold, to which the place of its setting is added.
    """
    chosen = []
    for rank, trial in enumerate(ranking):
        for row in trial.rows:
            place = sum(other["score"] < row["score"] for other in trial.rows if other["fold"] == row["fold"])
            chosen.append(((rank + place, rank, row["fold"], row["seed"]), trial, row))
    chosen.sort(key=lambda one: one[0])
    return [(trial, row) for _, trial, row in chosen[:count]]


# what is said and written


def _describe(say: Any, options: Namespace, data: Data, space: Space) -> None:
    describe_columns(say, options.table, data)
    extent = f"{options.settings} settings" if options.settings else f"{options.budget or DEFAULT_BUDGET:g} s"
    say(f"\nRows     {len(data.train):,} to search with, {len(data.test):,} test")
    say(f"Search   {extent}, the best settings on {options.folds} folds from {report.count(options.seeds, 'seed')}")
    for line in describe_space(space):
        say(f"  {line}")
    say("")


def _dependence(trials: Sequence[Trial], name: str) -> tuple[list[float], list[float]]:
    return [trial.setting[name] for trial in trials], [trial.mean for trial in trials]


def _ending(search: Search, ranking: list[Trial], mattered: dict[str, Importance | None]) -> str:
    names = list(ranking[0].setting)
    head = ["rank", *names, search.figure, "deviation", "networks"]
    lines = [
        [str(rank), *(f"{trial.setting[name]:g}" for name in names)]
        + [f"{trial.mean:.5g}", "" if math.isnan(trial.deviation) else f"{trial.deviation:.2g}", str(len(trial.rows))]
        for rank, trial in enumerate(ranking[:SHOWN], start=1)
    ]
    stage = ranking[0].stage
    basis = f"{stage.folds} folds x {report.count(stage.seeds, 'seed')}" if stage.folds else "one fold"
    text = [f"\nBest of {report.count(len(search.screened), 'setting')} ({basis})", *_aligned([head, *lines])]
    rows = [_mattering(name, one) for name, one in mattered.items() if one is not None]
    if rows:
        text += ["\nWhat mattered in the screening", *_aligned([["", "explains", "correlation", "best"], *rows])]
    return "\n".join([*text, ""])


def _mattering(name: str, one: Importance) -> list[str]:
    best = " to ".join(f"{end:.3g}" for end in one.best)
    return [name, f"{one.share:.0%}", f"{one.correlation:+.2f}", best]


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  " + "  ".join(t.rjust(w) for t, w in zip(line, widths, strict=True)) for line in lines]


def _summary(
    options: Namespace, data: Data, search: Search, ranking: list[Trial], made: dict[str, Any]
) -> dict[str, Any]:
    """What metrics.json says of the run, without the test's metrics."""
    best, names = ranking[0], ("budget", "settings", "folds", "seeds", "ensemble", "activation", "epochs", "patience")
    return {
        "ebbflow": ebb.__version__,
        "table": options.table,
        "target": options.target,
        "task": data.encoder.task,
        "rows": {"train": len(data.train), "test": len(data.test)},
        "options": {name: getattr(options, name) for name in (*names, "test", "seed")},
        "settings_tried": len(search.screened),
        "settings_in_final": len(search.finals),
        "interrupted": search.interrupted,
        "figure": search.figure,
        "best": _as_json(best),
        "model": made,
    }


def _as_json(trial: Trial) -> dict[str, Any]:
    figures = {"mean": trial.mean, "deviation": trial.deviation, "networks": len(trial.rows), "epochs": trial.epoch + 1}
    return {"setting": trial.number, **trial.setting, "stage": trial.stage.name, **figures}


def _reports(
    metrics: dict[str, Any], search: Search, ranking: list[Trial], mattered: dict[str, Importance | None]
) -> dict[str, bytes]:
    settings = {
        "figure": search.figure,
        "ranking": [_as_json(trial) for trial in ranking],
        "mattered": {name: one and vars(one) for name, one in mattered.items()},
    }
    return {
        "metrics.json": to_json(metrics),
        "settings.json": to_json(settings),
        "results.csv": to_csv(_columns([*search.screened, *search.finals])),
        "summary.png": draw_summary(search.screened, search.finals, mattered, search.figure, _title(metrics)),
    }


def _title(metrics: dict[str, Any]) -> str:
    return f"{Path(metrics['table']).name}: {metrics['target']}, {metrics['settings_tried']} settings"


def _columns(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """The networks of all trials, a row each; epochs count from 1."""
    rows = []
    for trial in trials:
        for row in trial.rows:
            rows.append({"stage": trial.stage.name} | row | {"setting": trial.number})
            del rows[-1]["member"]
            rows[-1]["epoch"] = row["epoch"] + 1 or None
    names = {"epoch": "best_epoch"}
    return {names.get(name, name): [row[name] for row in rows] for name in rows[0]}
