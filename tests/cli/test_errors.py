"""Bad input: one clear sentence, exit status 2, no traceback, and no file written."""

import subprocess
import sys
from pathlib import Path

import pytest

import ebbflow as ebb
import ebbflow.cli.memory
import ebbflow.cli.train
from ebbflow.cli.folder import require_writable
from ebbflow.cli.memory import require_memory
from ebbflow.core.errors import ArgumentError
from tests.cli.conftest import Trained, ring_table

GOOD = ring_table(60)

BAD_TABLES = [
    ("missing file", None, "radius", [], ["table.csv"]),
    ("empty file", "", "radius", [], ["table.csv", "empty"]),
    ("header only", "x,y,side,radius\n", "radius", [], ["row"]),
    ("one row", "x,y\n1,2\n", "y", [], ["row"]),
    ("too few rows to split", "x,y\n1,2\n3,4\n5,6.5\n", "y", [], ["rows"]),
    ("target not in the table", GOOD, "raduis", [], ["raduis", "radius"]),
    ("constant target", "x,y\n1,5\n2,5\n3,5\n4,5\n", "y", [], ["'y'", "varies"]),
    ("no row has a target", "x,y\n1,\n2,\n3,\n", "y", [], ["y"]),
    ("ragged row", "x,y\n1,2\n3,4,5\n6,7\n", "y", [], ["line 3"]),
    ("text target as regression", GOOD, "side", ["--task", "regression"], ["side", "regression"]),
    ("infinite value", GOOD + "inf,0,in,70\n", "radius", [], ["'x'", "inf", "row 61"]),
    ("infinite target", GOOD + "0,0,in,inf\n", "radius", [], ["'radius'", "inf"]),
    ("target beyond squares", "x,y\n1,1e300\n2,2e300\n3,4e300\n4,9e300\n", "y", [], ["'y'", "9e+300", "unit"]),
    ("no features", "y\n1.5\n2.5\n3.7\n4.2\n", "y", [], ["feature"]),
]


@pytest.mark.parametrize(
    ("text", "target", "options", "words"), [row[1:] for row in BAD_TABLES], ids=[row[0] for row in BAD_TABLES]
)
def test_a_table_that_cannot_be_trained_on_is_refused(command, tmp_path: Path, text, target, options, words) -> None:
    if text is not None:
        (tmp_path / "table.csv").write_text(text)
    command("train", "table.csv", "--target", target, "--out", "model", *options).assert_refused(*words)
    assert {file.name for file in tmp_path.iterdir()} <= {"table.csv"}


def test_an_unknown_kind_of_table_is_refused(command, tmp_path: Path) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    command("train", "table.xlsx", "--target", "y").assert_refused("table.xlsx", ".csv")


def test_an_output_folder_that_is_a_file_is_refused_before_training(command, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    (tmp_path / "model").write_text("mine")
    command("train", "table.csv", "--target", "radius", "--out", "model").assert_refused("--out", "file")
    command("train", "table.csv", "--target", "radius", "--out", "model/deep").assert_refused("--out", "file")
    assert (tmp_path / "model").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which even root cannot write")
@pytest.mark.parametrize("folder", ["/proc/self", "/proc/foo", "/proc/foo/deep"])
def test_an_output_folder_that_cannot_be_written_is_refused_before_training(command, tmp_path: Path, folder) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    outcome = command("train", "table.csv", "--target", "radius", "--out", folder)
    outcome.assert_refused(f"--out {folder}: cannot write in /proc")
    assert outcome.out == ""


def test_trying_whether_the_output_folder_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "model" / "deep")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_predictions_never_replace_what_they_are_made_from(command, classifier: Trained, tmp_path: Path, link) -> None:
    model = (classifier.folder / "model.ebb").read_bytes()
    for name, content in {"table.csv": GOOD.encode(), "model.csv": model}.items():
        (tmp_path / name).write_bytes(content)
        out = tmp_path / (f"link-to-{name}" if link else name)
        if link:
            link(out, tmp_path / name)
        given = (tmp_path / "model.csv" if name == "model.csv" else classifier.folder, tmp_path / "table.csv")
        command("predict", *given, "--out", out).assert_refused("--out", name, "overwrite", "choose another name")
        assert out.read_bytes() == content


def test_training_never_replaces_its_own_table(command, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(GOOD)
    command("train", "history.csv", "--target", "radius", "--out", ".").assert_refused("history.csv", "overwrite")
    assert (tmp_path / "history.csv").read_text() == GOOD


@pytest.mark.parametrize("widths", ["1000000000", "1000000,1000000", "9" * 300])
def test_a_network_that_does_not_fit_into_the_memory_is_refused(command, tmp_path: Path, widths: str) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    outcome = command("train", "table.csv", "--target", "radius", "--hidden", widths)
    outcome.assert_refused(f"--hidden {widths}: ", "memory", "parameters", "choose smaller widths")


def test_the_memory_needed_counts_parameters_optimizer_and_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 4 * (3 * (4 * 5 + 6 * 2) + 10 * (3 + 5 + 2))
    monkeypatch.setattr(ebbflow.cli.memory, "free_memory", lambda: needed)
    require_memory((3, 5, 2), batch_size=10)
    monkeypatch.setattr(ebbflow.cli.memory, "free_memory", lambda: needed - 1)
    with pytest.raises(ArgumentError, match="--hidden 5: "):
        require_memory((3, 5, 2), batch_size=10)


def test_what_training_rows_lack_is_not_said_of_the_table(command, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("x,y\n1,2\n3,4\n5,6.5\n")
    command("train", "table.csv", "--target", "y").assert_refused(
        "training rows (1 of 3): column 'y': expected at least 2 rows with a target, got 1; add rows, or use smaller"
    )


@pytest.mark.parametrize("module", ["argparse", "ebbflow.cli.options", "ebbflow.core.errors", "ebbflow.cli.train"])
def test_an_interruption_while_it_starts_ends_in_one_line_too(module: str) -> None:
    program = f"""
import sys

class Interruption:
    def find_spec(name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interruption)
from ebbflow.cli import main
sys.exit(main(["train", "table.csv", "--target", "y"]))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (130, "\nebbflow: interrupted\n")


def test_interrupting_training_writes_nothing(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "table.csv").write_text(GOOD)
    monkeypatch.setattr(ebbflow.cli.train, "fit", interrupt)
    outcome = command("train", "table.csv", "--target", "radius")
    assert outcome.status == 130
    assert outcome.err == "\nebbflow: interrupted\n"
    assert {file.name for file in tmp_path.iterdir()} == {"table.csv"}


def test_training_that_diverges_writes_nothing(command, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    outcome = command("train", "table.csv", "--target", "radius", "--optimizer", "sgd", "--learning-rate", "1e30")
    outcome.assert_refused("loss", "learning rate")
    assert {file.name for file in tmp_path.iterdir()} == {"table.csv"}


def truncated(model: bytes) -> bytes:
    return model[: len(model) // 2]


def altered(model: bytes) -> bytes:
    middle = len(model) // 2
    return model[:middle] + bytes([255 - model[middle]]) + model[middle + 1 :]


def not_a_model(model: bytes) -> bytes:
    return GOOD.encode()


@pytest.mark.parametrize("damage", [truncated, altered, not_a_model])
@pytest.mark.parametrize("use", ["predict", "evaluate"])
def test_a_damaged_model_is_refused(command, classifier: Trained, tmp_path: Path, damage, use: str) -> None:
    (tmp_path / "model.ebb").write_bytes(damage((classifier.folder / "model.ebb").read_bytes()))
    command(use, "model.ebb", classifier.table).assert_refused("model.ebb")


def test_a_model_of_a_newer_version_is_refused(command, classifier: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ebb.load_model(classifier.folder / "model.ebb")
    with monkeypatch.context() as later:
        later.setattr("ebbflow.training.modelfile.VERSION", 999)
        model.save("newer.ebb")
    command("predict", "newer.ebb", classifier.table).assert_refused("newer.ebb", "999", "install a newer ebbflow")


def test_a_table_encoding_of_a_newer_version_is_refused(command, classifier: Trained) -> None:
    model = ebb.load_model(classifier.folder / "model.ebb")
    model.save("newer.ebb", extra=model.extra | {"table": model.extra["table"] | {"version": 999}})
    command("predict", "newer.ebb", classifier.table).assert_refused("999", "newer ebbflow")


def test_a_missing_model_is_refused(command, classifier: Trained, tmp_path: Path) -> None:
    command("predict", "nowhere", classifier.table).assert_refused("nowhere", "ebbflow train")
    command("predict", tmp_path, classifier.table).assert_refused("model.ebb", "ebbflow train")


def test_a_network_that_was_not_trained_on_a_table_is_refused(command, classifier: Trained, tmp_path: Path) -> None:
    ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1)]).save(tmp_path / "plain.ebb")
    command("predict", "plain.ebb", classifier.table).assert_refused("plain.ebb", "ebbflow train")


def test_a_prediction_table_without_a_needed_column_is_refused(command, classifier: Trained, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x,radius\n0.1,20\n")
    command("predict", classifier.folder, "new.csv", "--out", "p.csv").assert_refused("'y'")
    assert not (tmp_path / "p.csv").exists()


def test_text_where_the_model_knows_numbers_is_refused(command, regressor: Trained, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x,y,side,radius\n0.1,0.2,in,far\n0.3,0.2,in,20\n")
    command("evaluate", regressor.folder, "new.csv").assert_refused("'radius'", "far")
    (tmp_path / "new.csv").write_text("x,y,side\nleft,0.2,in\n0.3,0.2,in\n")
    command("predict", regressor.folder, "new.csv").assert_refused("'x'", "left")


def test_evaluating_without_targets_is_refused(command, classifier: Trained, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x,y,radius\n0.1,0.2,20\n0.3,0.2,20\n")
    command("evaluate", classifier.folder, "new.csv").assert_refused("side")
    (tmp_path / "new.csv").write_text("x,y,side,radius\n0.1,0.2,,20\n0.3,0.2,,20\n")
    command("evaluate", classifier.folder, "new.csv").assert_refused("side")


def test_probabilities_of_a_number_are_refused(command, regressor: Trained) -> None:
    command("predict", regressor.folder, regressor.table, "--proba").assert_refused("--proba", "radius")


def test_predictions_need_a_known_suffix_and_an_existing_folder(command, classifier: Trained, tmp_path: Path) -> None:
    command("predict", classifier.folder, classifier.table, "--out", "p.xlsx").assert_refused("p.xlsx", ".parquet")
    command("predict", classifier.folder, classifier.table, "--out", "nowhere/p.csv").assert_refused("nowhere")
    assert list(tmp_path.iterdir()) == []
