"""The command line's own words: help, version, and options that no command accepts."""

import pytest

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


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["predict", "--help"]])
def test_help_is_on_the_standard_output(command, arguments) -> None:
    outcome = command(*arguments)
    assert outcome.status == 0
    assert outcome.out.startswith("usage: ebbflow")
    assert outcome.err == ""


def test_version(command) -> None:
    import ebbflow

    assert command("--version").out == f"ebbflow {ebbflow.__version__}\n"
