"""`ebbflow train`: what it learns, what it says, what it leaves in its folder."""

import json
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

import ebbflow as ebb
from ebbflow.cli.cross_validation import cross_validate
from ebbflow.cli.data import Data, prepare
from ebbflow.cli.network import default_batch_size
from ebbflow.cli.train import silent
from tests.cli.conftest import Trained, ring_table

FILES = {"model.ebb", "metrics.json", "history.csv", "curves.png"}
QUICK = ["--epochs", 3, "--hidden", 4]


def metrics_of(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def test_the_folder_holds_a_model_its_metrics_its_history_and_its_curves(classifier: Trained) -> None:
    assert {file.name for file in classifier.folder.iterdir()} == FILES
    metrics, history = metrics_of(classifier.folder), polars.read_csv(classifier.folder / "history.csv")
    assert metrics["task"] == "classification"
    assert metrics["rows"] == {"train": 168, "validation": 36, "test": 36}
    assert history.columns == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert history["epoch"].to_list() == list(range(1, metrics["epochs"] + 1))
    assert history["val_loss"].arg_min() + 1 == metrics["best_epoch"]
    with Image.open(classifier.folder / "curves.png") as curves:
        assert curves.width > 1000


def test_a_classifier_beats_its_baseline(classifier: Trained) -> None:
    metrics = metrics_of(classifier.folder)
    assert metrics["test"]["accuracy"] > 0.9 > metrics["baseline"]["accuracy"]
    assert metrics["test"]["log_loss"] < 0.4 < metrics["baseline"]["log_loss"]


def test_a_regressor_beats_its_baseline_in_the_targets_units(regressor: Trained) -> None:
    metrics = metrics_of(regressor.folder)
    assert metrics["task"] == "regression"
    assert 20 < metrics["baseline"]["rmse"] < 40  # the radius is 0 to 141
    assert metrics["test"]["rmse"] < metrics["baseline"]["rmse"] / 3
    assert metrics["test"]["r2"] > 0.9


def test_early_stopping_keeps_the_best_epochs_weights(command, regressor: Trained, tmp_path: Path) -> None:
    """Training again, but only up to the best epoch, gives the same predictions."""
    best = metrics_of(regressor.folder)["best_epoch"]
    options = ["--hidden", "16", "--learning-rate", "0.02", "--seed", 3, "--epochs", best, "--out", "again"]
    assert command("train", regressor.table, "--target", "radius", *options).status == 0
    again = command("predict", "again", regressor.table).out
    assert again == command("predict", regressor.folder, regressor.table).out


def test_it_says_what_it_does(command, tmp_path: Path) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(100) + "0.5,0.5,,70\n0.1,0.1,,14\n")
    outcome = command("train", "ring.csv", "--target", "side", *QUICK)
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    for words in [
        "side: the target; classification, because",
        "Left out 2 rows without a target.",
        "70 training, 15 validation, 15 test",
        "3 -> 4 -> 2",
        "epoch 3/3",
        "accuracy",
        "baseline",
        "Wrote ring-model",
    ]:
        assert words in outcome.out
    assert {file.name for file in (tmp_path / "ring-model").iterdir()} == FILES


def test_quiet_is_silent(command, tmp_path: Path) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(60))
    outcome = command("train", "ring.csv", "--target", "radius", "--quiet", *QUICK)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_the_same_seed_gives_the_same_files_and_another_seed_does_not(command, tmp_path: Path) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(60))
    for folder, seed, threads in [("one", 1, 1), ("same", 1, 2), ("other", 2, 1)]:
        options = ["--dropout", 0.2, "--seed", seed, "--threads", threads, "--out", folder, *QUICK]
        assert command("train", "ring.csv", "--target", "radius", *options).status == 0
    one, same, other = ((tmp_path / folder / "history.csv").read_text() for folder in ("one", "same", "other"))
    assert one == same != other


def test_without_validation_and_test_rows_it_trains_on_all_for_all_epochs(command, tmp_path: Path) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(40))
    options = ["--validation", 0, "--test", 0, "--out", "all", *QUICK]
    assert command("train", "ring.csv", "--target", "radius", *options).status == 0
    metrics = metrics_of(tmp_path / "all")
    assert metrics["rows"] == {"train": 40, "validation": 0, "test": 0}
    assert (metrics["epochs"], metrics["best_epoch"], metrics["test"]) == (3, None, None)


def test_text_that_is_dates_only_in_the_training_rows_stays_text(command, tmp_path: Path) -> None:
    lines = [f"2024-01-0{1 + row % 3},{row % 7}.5" for row in range(40)]
    for place in range(0, 40, 8):
        (tmp_path / "t.csv").write_text("\n".join(["day,y", *lines[:place], "unknown,1.5", *lines[place:]]) + "\n")
        outcome = command("train", "t.csv", "--target", "y", *QUICK)
        assert outcome.status == 0, outcome.err
        assert "day: category" in outcome.out


def test_dates_mean_the_same_in_every_kind_of_file(command, tmp_path: Path) -> None:
    lines = ["day,y", *(f"2024-01-{1 + row % 28:02},{row % 7}.5" for row in range(40))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    polars.read_csv("t.csv", schema_overrides={"day": polars.String}).write_parquet("t.parquet")
    for table, folder in ("t.csv", "of-csv"), ("t.parquet", "of-parquet"):
        assert command("train", table, "--target", "y", "--out", folder, *QUICK).status == 0
    predictions = {
        command("predict", folder, table).out for folder in ("of-csv", "of-parquet") for table in ("t.csv", "t.parquet")
    }
    assert len(predictions) == 1 and predictions.pop().startswith("row,prediction\n0,")


def test_one_is_singular(command, regressor: Trained, tmp_path: Path) -> None:
    options = ["--validation", 0, "--epochs", 1, "--hidden", 2]
    assert "trained for 1 epoch\n" in command("train", regressor.table, "--target", "radius", *options).out
    (tmp_path / "one.csv").write_text(ring_table(1))
    outcome = command("predict", regressor.folder, "one.csv", "--out", "p.csv")
    assert outcome.out == "Wrote p.csv: 1 prediction of 'radius'\n"


@pytest.mark.parametrize("option", ["--activation", "--optimizer"])
def test_every_choice_that_is_offered_works(command, tmp_path: Path, option: str) -> None:
    from ebbflow.cli import options

    (tmp_path / "ring.csv").write_text(ring_table(30))
    choices = {"--activation": options.ACTIVATIONS, "--optimizer": options.OPTIMIZERS}[option]
    for choice in choices:
        outcome = command("train", "ring.csv", "--target", "radius", option, choice, "--epochs", 1, "--hidden", 2)
        assert outcome.status == 0, f"{option} {choice}: {outcome.err}"


def test_batches_grow_with_the_table() -> None:
    sizes = [default_batch_size(rows) for rows in (1, 100, 1_000, 3_000, 10_000, 1_000_000)]
    assert sizes == [32, 32, 32, 64, 256, 256]


def test_of_several_starts_the_best_by_validation_is_kept(command, tmp_path: Path) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(80))
    outcome = command("train", "ring.csv", "--target", "radius", "--seeds", 3, "--seed", 5, *QUICK)
    assert outcome.status == 0, outcome.err
    metrics = metrics_of(tmp_path / "ring-model")
    losses = {start["seed"]: start["val_loss"] for start in metrics["starts"]}
    assert sorted(losses) == [5, 6, 7] and len(set(losses.values())) == 3
    kept = next(start for start in metrics["starts"] if start["kept"])
    assert kept["val_loss"] == min(losses.values())
    assert kept["best_epoch"] == metrics["best_epoch"]
    history = polars.read_csv(tmp_path / "ring-model" / "history.csv")
    assert history["val_loss"].min() == pytest.approx(kept["val_loss"])
    assert "3 random starts, the best by validation kept" in outcome.out


def test_the_first_of_several_starts_is_the_one_that_is_trained_alone(command, tmp_path: Path) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(80))
    for folder, seeds in ("alone", 1), ("several", 2):
        options = ["--seeds", seeds, "--dropout", 0.1, "--out", folder, *QUICK]
        assert command("train", "ring.csv", "--target", "side", *options).status == 0
    alone, several = metrics_of(tmp_path / "alone"), metrics_of(tmp_path / "several")
    history = polars.read_csv(tmp_path / "alone" / "history.csv")
    assert several["starts"][0]["val_loss"] == history["val_loss"][alone["best_epoch"] - 1]


@pytest.mark.parametrize("target", ["side", "radius"])
def test_folds_give_means_and_deviations_and_change_nothing_else(command, tmp_path: Path, target: str) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(100))
    for folder, options in ("plain", []), ("folds", ["--folds", 4]):
        outcome = command("train", "ring.csv", "--target", target, *options, "--out", folder, *QUICK)
        assert outcome.status == 0, outcome.err
    plain, with_folds = metrics_of(tmp_path / "plain"), metrics_of(tmp_path / "folds")
    figures = with_folds.pop("cross_validation")
    assert plain == with_folds
    assert (tmp_path / "plain" / "history.csv").read_bytes() == (tmp_path / "folds" / "history.csv").read_bytes()
    assert "Mean of 4 folds" in outcome.out and "fold 4 of 4" in outcome.out
    for name, mean in figures["mean"].items():
        each = [one[name] for one in figures["each"]]
        assert (len(each), mean) == (4, pytest.approx(np.mean(each)))
        assert figures["deviation"][name] == pytest.approx(np.std(each, ddof=1))


def test_a_fold_is_never_seen_by_what_is_measured_on_it(tmp_path: Path) -> None:
    """Neither in training, nor by early stopping, nor by the encoding."""
    frame = polars.DataFrame({"x": np.arange(60) * 1.0, "y": np.arange(60) * 2.5})
    data, seen = prepare(frame, "y", None, (0.6, 0.2, 0.2), 0), []

    def train(part: Data) -> ebb.Sequential:
        seen.append(part)
        return ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(1)])

    cross_validate(silent, data, 4, 0.25, 0, train)
    searched = set(data.train["x"]) | set(data.validation["x"])
    assert [len(part.test) for part in seen] == [12] * 4
    assert {x for part in seen for x in part.test["x"]} == searched
    for part in seen:
        train_, validation, held = (set(rows["x"]) for rows in (part.train, part.validation, part.test))
        assert train_ | validation | held == searched and len(train_) + len(validation) + len(held) == 48
        assert part.encoder.encode(part.train).mean() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_weight_decay_makes_weights_smaller(command, tmp_path: Path, optimizer: str) -> None:
    (tmp_path / "ring.csv").write_text(ring_table(60))
    sizes = []
    for decay in (0, 20):
        options = ["--optimizer", optimizer, "--weight-decay", decay, "--learning-rate", 0.01, "--out", f"m{decay}"]
        assert command("train", "ring.csv", "--target", "radius", *options, "--epochs", 30).status == 0
        weights = ebb.load_model(tmp_path / f"m{decay}" / "model.ebb").get_weights()
        sizes.append(sum(float(np.sum(w**2)) for w in weights))
    assert sizes[1] < 0.5 * sizes[0]
