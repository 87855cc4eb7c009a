"""The command line's own words: help, version, and options that no command accepts."""

import pytest

from ebbflow.cli.options import build_parser

BAD_OPTIONS = [
    (["--dropout", "1.5"], "--dropout: expected a number from 0 up to, but not including, 1, got '1.5'"),
    (["--dropout", "nan"], "--dropout"),
    (["--hidden", "a,b"], "--hidden: expected whole numbers from 1 up, separated by commas, as in 64,32, got 'a,b'"),
    (["--hidden", "64,0"], "--hidden"),
    (["--hidden", ""], "--hidden"),
    (["--test", "1"], "--test"),
    (["--validation", "-0.1"], "--validation"),
    (["--validation", "0.6", "--test", "0.4"], "leave no rows to train on"),
    (["--learning-rate", "0"], "--learning-rate: expected a positive number, got '0'"),
    (["--learning-rate", "inf"], "--learning-rate"),
    (["--batch-size", "0"], "--batch-size"),
    (["--epochs", "2.5"], "--epochs: expected a whole number from 1 up, got '2.5'"),
    (["--patience", "-1"], "--patience"),
    (["--seed", "-1"], "--seed"),
    (["--threads", "0"], "--threads"),
    (["--seeds", "0"], "--seeds"),
    (["--folds", "1"], "--folds: expected a whole number from 2 up, got '1'"),
    (["--weight-decay", "-1"], "--weight-decay: expected a number of 0 or more, got '-1'"),
    (["--seeds", "3", "--validation", "0"], "--seeds 3: expected validation rows to choose the best start by"),
    (["--seeds", "2", "--seed", "4294967295"], "--seed: expected a number up to 4294967294 for 2 random starts"),
    (["--activation", "step"], "--activation"),
    (["--optimizer", "magic"], "--optimizer"),
    (["--task", "clustering"], "--task"),
    (["--learn", "0.1"], "--learn"),  # abbreviations are refused: they would change their meaning as options are added
]


@pytest.mark.parametrize(
    ("options", "words"), BAD_OPTIONS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_bad_option_is_refused_in_one_line(command, tmp_path, options, words) -> None:
    (tmp_path / "table.csv").write_text("x,y\n1,2\n3,4\n")
    command("train", "table.csv", "--target", "y", *options).assert_refused(words)


def test_what_is_missing_is_named(command) -> None:
    command().assert_refused("COMMAND", "ebbflow --help")
    command("train", "table.csv").assert_refused("--target", "ebbflow train --help")
    command("predict", "model").assert_refused("TABLE", "ebbflow predict --help")


BAD_SEARCHES = [
    (["--budget", "2"], "--budget: expected a time such as 90s, 2m or 1h, got '2'"),
    (["--budget", "m"], "--budget"),
    (["--budget", "0s"], "--budget"),
    (["--budget", "infh"], "--budget"),
    (["--budget", "1m", "--settings", "5"], "not allowed with"),
    (["--settings", "0"], "--settings"),
    (["--folds", "1"], "--folds"),
    (["--ensemble", "0"], "--ensemble"),
    (["--learning-rate", "0.1"], "--learning-rate"),  # is searched
    (["--folds", "40"], "--folds 40: expected at most as many folds as rows that are no test rows, 26"),
    (["--seed", "4294967295"], "--seed: expected a number up to 4294967292 for 4 random starts"),
]


@pytest.mark.parametrize(
    ("options", "words"), BAD_SEARCHES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_bad_option_of_a_search_is_refused_in_one_line(command, tmp_path, options, words) -> None:
    (tmp_path / "table.csv").write_text("x,y\n" + "".join(f"{row},{row}.5\n" for row in range(31)))
    command("tune", "table.csv", "--target", "y", *options).assert_refused(words)
    assert {file.name for file in tmp_path.iterdir()} == {"table.csv"}


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("2m", 120), ("1.5h", 5400)])
def test_a_budget_is_a_time_with_its_unit(text: str, seconds: float) -> None:
    assert build_parser().parse_args(["tune", "t.csv", "--target", "y", "--budget", text]).budget == seconds


@pytest.mark.parametrize("arguments", [[], ["train"], ["tune"], ["evaluate"], ["predict"]])
def test_help_is_on_the_standard_output(command, arguments) -> None:
    outcome = command(*arguments, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith("usage: ebbflow")
    assert outcome.err == ""


def test_version(command) -> None:
    import ebbflow

    assert command("--version").out == f"ebbflow {ebbflow.__version__}\n"
