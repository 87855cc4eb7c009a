"""The options of every command, and what values they accept. The standard library alone, so that help is quick."""

import argparse
import math
from collections.abc import Callable
from typing import NoReturn

ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "sigmoid", "linear")
OPTIMIZERS = {  # to the names in ebbflow.optimizers
    "adam": "Adam",
    "adamw": "AdamW",
    "adamax": "Adamax",
    "nadam": "Nadam",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "lion": "Lion",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a mistake in one line, as the rest of ebbflow does."""

    def __init__(self, **settings: object) -> None:
        super().__init__(allow_abbrev=False, **settings)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"ebbflow: error: {message} (see: {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `options.command` is the name of the module that runs it."""
    parser = Parser(
        prog="ebbflow",
        description="Train networks of dense layers on tables, tune and evaluate them, and predict with them.",
        epilog="Tables are .csv, .tsv, .parquet or .arrow files. "
        "'ebbflow train --help' lists the options of training, and so for the others.",
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _add_train(commands)
    _add_tune(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    return parser


def _add_train(commands) -> None:
    command = commands.add_parser(
        "train",
        help="train a network to predict one column of a table from the others",
        description="Train a network to predict one column of a table from the others. The rows are split into "
        "training, validation (for early stopping) and test rows (for the final figures).",
    )
    _add_table_and_target(command, "-model")

    network = command.add_argument_group("network")
    network.add_argument(
        "--hidden", metavar="WIDTHS", type=widths, default=(64, 32), help="widths of the hidden layers (default: 64,32)"
    )
    _add_activation(network)
    network.add_argument(
        "--dropout",
        metavar="P",
        type=fraction,
        default=0.0,
        help="share of hidden units dropped in training (default: 0)",
    )

    training = command.add_argument_group("training")
    training.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="adam", metavar="NAME", help="%(choices)s (default: adam)"
    )
    training.add_argument("--learning-rate", metavar="X", type=positive, default=1e-3, help="default: 0.001")
    training.add_argument(
        "--weight-decay",
        metavar="X",
        type=not_negative,
        help="each step takes this times the learning rate off a weight of 1 (default: 0.004 for adamw, else 0)",
    )
    training.add_argument(
        "--batch-size", metavar="N", type=count, help="rows per step (default: 32 to 256, by table size)"
    )
    training.add_argument("--epochs", metavar="N", type=count, default=300, help="at most so many (default: 300)")
    training.add_argument(
        "--patience",
        metavar="N",
        type=count,
        default=20,
        help="stop when the validation loss has not improved for N epochs (default: 20)",
    )
    training.add_argument(
        "--validation",
        metavar="FRACTION",
        type=fraction,
        default=0.15,
        help="share of rows to stop early by; 0 trains for all epochs (default: 0.15)",
    )
    training.add_argument(
        "--seeds",
        metavar="N",
        type=count,
        default=1,
        help="random starts, side by side, the best by validation kept (default: 1)",
    )
    training.add_argument(
        "--folds",
        metavar="K",
        type=several,
        help="first measure on each of K parts of the rows what is trained on the others (default: not)",
    )
    _add_test(training)
    training.add_argument("--seed", metavar="N", type=seed, default=0, help="same seed, same model (default: 0)")
    training.add_argument(
        "--device",
        metavar="NAME",
        default="cpu",
        help="what computes: cpu, or gpu, gpu:1, ..., with the extra 'ebbflow[gpu]' (default: cpu)",
    )
    _add_common(command, training)


def _add_tune(commands) -> None:
    command = commands.add_parser(
        "tune",
        help="search for the network that predicts a column best, within a time",
        description="Try many random settings (width, depth, learning rate, dropout, weight decay and batch size), the "
        "best of them again on every fold from several seeds, and keep the ensemble of the best networks, or the best "
        "setting trained on all rows. Ctrl-C ends the search and keeps what it has found.",
    )
    _add_table_and_target(command, "-tuned")
    search = command.add_argument_group("search")
    extent = search.add_mutually_exclusive_group()
    extent.add_argument("--budget", metavar="TIME", type=duration, help="how long, such as 90s, 2m or 1h (default: 2m)")
    extent.add_argument(
        "--settings", metavar="N", type=count, help="how many settings instead: same seed, same model, however long"
    )
    search.add_argument(
        "--folds", metavar="K", type=several, default=5, help="parts of the rows to validate on in turn (default: 5)"
    )
    search.add_argument(
        "--seeds", metavar="N", type=count, default=4, help="random starts of each good setting (default: 4)"
    )
    search.add_argument(
        "--ensemble",
        metavar="N",
        type=count,
        default=8,
        help="networks whose outputs the model averages; 1 for the best setting trained on all rows (default: 8)",
    )
    _add_activation(search)
    search.add_argument("--epochs", metavar="N", type=count, default=200, help="at most so many (default: 200)")
    search.add_argument(
        "--patience",
        metavar="N",
        type=count,
        default=15,
        help="stop a network whose validation loss has not improved for N epochs (default: 15)",
    )
    _add_test(search)
    search.add_argument(
        "--seed", metavar="N", type=seed, default=0, help="of settings, splits and networks (default: 0)"
    )
    _add_common(command, search)


def _add_table_and_target(command: argparse.ArgumentParser, suffix: str) -> None:
    command.add_argument("table", metavar="TABLE", help="the table: .csv, .tsv, .parquet, .arrow")
    command.add_argument("--target", metavar="COLUMN", required=True, help="the column to predict")
    command.add_argument(
        "--out", metavar="DIR", help=f"folder for the model and its report (default: TABLE's name + {suffix})"
    )
    command.add_argument(
        "--task", choices=("classification", "regression"), help="default: decided from the target column"
    )


def _add_activation(group) -> None:
    group.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default="relu",
        help="of the hidden layers: %(choices)s (default: relu)",
        metavar="NAME",
    )


def _add_test(group) -> None:
    group.add_argument(
        "--test",
        metavar="FRACTION",
        type=fraction,
        default=0.15,
        help="share of rows kept for the final figures; 0 for none (default: 0.15)",
    )


def _add_common(command: argparse.ArgumentParser, group) -> None:
    group.add_argument("--threads", metavar="N", type=count, help="default: one per core where it pays")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _add_evaluate(commands) -> None:
    command = commands.add_parser(
        "evaluate",
        help="measure a trained model on a table with known targets",
        description="Measure a trained model on a table with known targets, next to a baseline without features.",
    )
    _add_model_and_table(command)


def _add_predict(commands) -> None:
    command = commands.add_parser(
        "predict",
        help="predict the target of every row of a table",
        description="Predict the target of every row of a table: columns 'row' (from 0) and 'prediction'.",
    )
    _add_model_and_table(command)
    command.add_argument(
        "--out", metavar="FILE", help="write to FILE, .csv or .parquet (default: CSV on the standard output)"
    )
    command.add_argument("--proba", action="store_true", help="add one column per class with its probability")


def _add_model_and_table(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "model", metavar="MODEL", help="the folder that 'ebbflow train' or 'tune' made, or its model.ebb"
    )
    command.add_argument("table", metavar="TABLE", help="the table: .csv, .tsv, .parquet, .arrow")


class _Version(argparse.Action):
    """Prints the version; unlike argparse's own action it is not looked up before it is asked for."""

    def __init__(self, option_strings: list[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import ebbflow

        print(f"ebbflow {ebbflow.__version__}")
        parser.exit()


def _option_type(expected: str) -> Callable[[Callable[[str], object]], Callable[[str], object]]:
    """Turn a reader that raises ValueError into an argparse type whose error says what was expected and what came."""

    def decorate(read: Callable[[str], object]) -> Callable[[str], object]:
        def checked(text: str) -> object:
            try:
                return read(text)
            except ValueError:
                raise argparse.ArgumentTypeError(f"expected {expected}, got '{text}'") from None

        return checked

    return decorate


def _require(value, condition: bool):
    if not condition:
        raise ValueError
    return value


@_option_type("a whole number from 1 up")
def count(text: str) -> int:
    """A whole number from 1 up."""
    return _require(int(text), int(text) >= 1)


@_option_type("a whole number from 2 up")
def several(text: str) -> int:
    """A whole number from 2 up."""
    return _require(int(text), int(text) >= 2)


@_option_type("a time such as 90s, 2m or 1h")
def duration(text: str) -> float:
    """A positive time with its unit, in seconds."""
    _require(text, text[-1:] in SECONDS)
    seconds = float(text[:-1]) * SECONDS[text[-1]]
    return _require(seconds, 0 < seconds < math.inf)


@_option_type("a whole number from 0 to 18446744073709551615")
def seed(text: str) -> int:
    """A seed: a whole number of 64 bits."""
    return _require(int(text), 0 <= int(text) < 2**64)


@_option_type("a number from 0 up to, but not including, 1")
def fraction(text: str) -> float:
    """A share: 0 <= value < 1."""
    return _require(float(text), 0 <= float(text) < 1)


@_option_type("a positive number")
def positive(text: str) -> float:
    """A positive finite number."""
    return _require(float(text), 0 < float(text) < math.inf)


@_option_type("a number of 0 or more")
def not_negative(text: str) -> float:
    """A finite number of 0 or more."""
    return _require(float(text), 0 <= float(text) < math.inf)


@_option_type("whole numbers from 1 up, separated by commas, as in 64,32")
def widths(text: str) -> tuple[int, ...]:
    """Widths of hidden layers, separated by commas."""
    values = tuple(int(part) for part in text.split(","))
    return _require(values, min(values) >= 1)
