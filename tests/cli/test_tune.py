"""`ebbflow tune`: from a table to the best network found, saved as `train` saves one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

import ebbflow.cli.tune
from tests.cli.conftest import ring_table

ROOT = Path(__file__).parents[2]
FILES = {"model.ebb", "metrics.json", "settings.json", "results.csv", "summary.png"}
QUICK = ["--settings", "2", "--epochs", "6", "--folds", "2", "--seeds", "2", "--ensemble", "3"]


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in this process compiles little."""
    monkeypatch.setattr("ebbflow.cli.space.WIDTHS", (8, 16))
    monkeypatch.setattr("ebbflow.cli.space.DEPTHS", (1,))


def start(*arguments: str, **settings) -> subprocess.Popen:
    """The command as a user runs it, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1"}
    words = [sys.executable, "-m", "ebbflow", *arguments]
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def blobs() -> str:
    """CSV of three clouds of points, a class each, with gaps in a column of numbers and in one of words."""
    random, lines = np.random.default_rng(1), []
    for row in range(120):
        kind = row % 3
        x, y = random.normal([3 * kind, kind % 2], 0.7)
        lines.append(f"{'' if row % 7 == 0 else f'{x:.3f}'},{y:.3f},{['', 'a', 'b'][row % 4 % 3]},kind {kind}")
    return "\n".join(["x,y,word,kind", *lines]) + "\n"


TABLES = {
    "regression": (ring_table(120), "radius", ["rmse", "mae", "r2"]),
    "two classes": (ring_table(120), "side", ["accuracy", "log_loss"]),
    "many classes and missing values": (blobs(), "kind", ["accuracy", "log_loss"]),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_searched_and_the_model_is_used_as_one_of_train(command, tmp_path: Path, name: str) -> None:
    text, target, metrics = TABLES[name]
    (tmp_path / "t.csv").write_text(text)
    process = start("tune", "t.csv", "--target", target, *QUICK, cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    for words in ["Best of 2 settings (2 folds x 2 seeds)", "learning_rate", "mean of 3 networks", "Wrote t-tuned"]:
        assert words in out
    folder = tmp_path / "t-tuned"
    assert {file.name for file in folder.iterdir()} == FILES
    summary = read(folder, "metrics.json")
    assert list(summary["test"]) == list(summary["baseline"]) == metrics
    assert summary["rows"] == {"train": 102, "test": 18}
    evaluated = command("evaluate", "t-tuned", "t.csv")
    assert evaluated.status == 0 and f"{target}, 120 rows" in evaluated.out
    predicted = command("predict", "t-tuned", "t.csv").out
    assert predicted.startswith("row,prediction\n0,") and predicted.count("\n") == 121


def test_the_search_finds_what_predicts(command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ring_table(240))
    options = ["--settings", 6, "--folds", 3, "--seeds", 1, "--epochs", 90]
    assert command("tune", "t.csv", "--target", "radius", *options).status == 0
    metrics = read(tmp_path / "t-tuned", "metrics.json")
    assert metrics["test"]["rmse"] < metrics["baseline"]["rmse"] / 2
    assert 0.5 < metrics["best"]["mean"] / metrics["test"]["rmse"] < 2


def test_the_reports_hold_every_network_and_every_setting(command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ring_table(100))
    outcome = command("tune", "t.csv", "--target", "side", *QUICK)
    assert outcome.status == 0, outcome.err
    folder = tmp_path / "t-tuned"
    results, settings = polars.read_csv(folder / "results.csv"), read(folder, "settings.json")
    counts = dict(results["stage"].value_counts().iter_rows())
    assert counts == {"screening": 2 * 2, "final": 2 * 4}
    means = [one["mean"] for one in settings["ranking"]]
    assert means == sorted(means) and len(means) == 2
    for one in settings["ranking"]:
        scores = results.filter((polars.col("stage") == "final") & (polars.col("setting") == one["setting"]))["score"]
        assert one["mean"] == pytest.approx(scores.mean()) and one["deviation"] == pytest.approx(scores.std())
    assert read(folder, "metrics.json")["best"] == settings["ranking"][0]
    with Image.open(folder / "summary.png") as picture:
        assert picture.width > 1000


def test_the_same_seed_and_number_of_settings_give_the_same_files(command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ring_table(60))
    for folder, seed, threads in [("one", 1, 1), ("same", 1, 2), ("other", 2, 1)]:
        options = ["--seed", seed, "--threads", threads, "--out", folder, *QUICK]
        assert command("tune", "t.csv", "--target", "radius", *options).status == 0
    for name in ("results.csv", "settings.json", "metrics.json"):
        one, same, other = ((tmp_path / folder / name).read_text() for folder in ("one", "same", "other"))
        assert one == same != other
    assert command("predict", "one", "t.csv").out == command("predict", "same", "t.csv").out


def test_an_ensemble_of_one_is_the_best_setting_trained_on_all_rows(command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ring_table(60))
    options = [*QUICK, "--ensemble", 1, "--test", 0, "--quiet"]
    outcome = command("tune", "t.csv", "--target", "radius", *options)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    metrics = read(tmp_path / "t-tuned", "metrics.json")
    assert metrics["model"]["kind"] == "refit" and "all 60 rows" in metrics["model"]["description"]
    assert metrics["model"]["setting"] == metrics["best"]["setting"]
    assert metrics["test"] is None and metrics["rows"] == {"train": 60, "test": 0}


def test_the_test_rows_are_not_looked_at_before_the_end(command, tmp_path: Path, monkeypatch) -> None:
    """Whatever values they have, the search and its encoding are the same."""
    lines = ring_table(60).splitlines()
    seen = []

    def remember(encoder, outputs, frame, baseline):
        seen.append(set(frame["x"]))
        return {"model": {}, "baseline": {}}

    monkeypatch.setattr("ebbflow.cli.report.measure", remember)
    monkeypatch.setattr("ebbflow.cli.report.metrics_table", lambda *_: "")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert command("tune", "t.csv", "--target", "radius", *QUICK, "--out", "one").status == 0
    spoiled = [
        ",".join(["77", "99", *line.split(",")[2:]]) if float(line.split(",")[0]) in seen[0] else line
        for line in lines[1:]
    ]
    (tmp_path / "t.csv").write_text("\n".join([lines[0], *spoiled]))
    assert command("tune", "t.csv", "--target", "radius", *QUICK, "--out", "two").status == 0
    assert seen[1] == {77} and len(seen[0]) == 9
    for name in ("results.csv", "settings.json"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


@pytest.mark.skipif(os.name != "posix", reason="needs a process that can be sent Ctrl-C")
def test_an_interruption_keeps_what_is_finished(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ring_table(120))
    process = start("tune", "t.csv", "--target", "radius", "--budget", "10m", "--epochs", "9", cwd=tmp_path)
    for line in process.stdout:
        if line.strip().startswith("screening"):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "interrupted; what was finished is used" in out
    metrics = read(tmp_path / "t-tuned", "metrics.json")
    assert metrics["interrupted"] and metrics["settings_tried"] >= 4
    assert metrics["best"]["stage"] == "screening" and metrics["model"]["kind"] == "refit"


def test_an_interruption_before_anything_is_finished_writes_nothing(command, tmp_path: Path, monkeypatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "t.csv").write_text(ring_table(60))
    monkeypatch.setattr("ebbflow.cli.search.Population.fit", interrupt)
    outcome = command("tune", "t.csv", "--target", "radius")
    assert (outcome.status, outcome.err) == (130, "\nebbflow: interrupted\n")
    assert {file.name for file in tmp_path.iterdir()} == {"t.csv"}


def test_a_budget_is_a_time_for_the_whole_search(command, tmp_path: Path, monkeypatch) -> None:
    given = []
    monkeypatch.setattr(ebbflow.cli.tune.Search, "run", lambda _, *extent: given.append(extent))
    (tmp_path / "t.csv").write_text(ring_table(60))
    for options in ([], ["--budget", "3s"], ["--settings", 7]):
        command("tune", "t.csv", "--target", "radius", *options)
    assert given == [(120.0, None), (3.0, None), (None, 7)]


def test_a_short_budget_still_ends_with_a_model(command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(ring_table(60))
    outcome = command("tune", "t.csv", "--target", "side", "--budget", "1s", "--epochs", 6, "--folds", 2)
    assert outcome.status == 0, outcome.err
    assert read(tmp_path / "t-tuned", "metrics.json")["settings_tried"] >= 4


def test_a_search_never_replaces_its_own_table(command, tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(ring_table(60))
    command("tune", "results.csv", "--target", "radius", "--out", ".").assert_refused("results.csv", "overwrite")
    assert (tmp_path / "results.csv").read_text() == ring_table(60)


@pytest.mark.parametrize(
    ("text", "target", "words"),
    [
        (ring_table(60), "raduis", "did you mean 'radius'"),
        ("x,y\n1,5\n2,5\n3,5\n4,5\n", "y", "varies"),
        ("x,y\n1,1.5\n2,5\n3,6\n4,7\n", "y", "--folds 5: expected at most as many folds as rows"),
    ],
    ids=["no such target", "constant", "too few rows"],
)
def test_what_cannot_be_searched_is_refused_in_one_line(command, tmp_path: Path, text: str, target: str, words) -> None:
    (tmp_path / "t.csv").write_text(text)
    command("tune", "t.csv", "--target", target).assert_refused(words)
    assert {file.name for file in tmp_path.iterdir()} == {"t.csv"}
