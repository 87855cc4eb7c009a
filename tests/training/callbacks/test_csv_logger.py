"""CSVLogger: a table of what was logged."""

import csv
import os
from pathlib import Path

import pytest

from ebbflow.callbacks import CSVLogger, LambdaCallback
from ebbflow.core.errors import ArgumentError


def table(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_the_table_holds_the_history_to_the_last_bit(regressor, regression, tmp_path) -> None:
    path = tmp_path / "new" / "log.csv"
    logger = CSVLogger(path, separator=";")
    history = regressor().fit(*regression, epochs=3, verbose=0, validation_split=0.2, callbacks=[logger]).history
    names, *rows = table(path, ";")
    assert names == ["epoch", "loss", "val_loss"]
    columns = [[float(value) for value in column] for column in zip(*rows, strict=True)]
    assert columns == [[0, 1, 2], history["loss"], history["val_loss"]]


def test_rows_are_there_as_soon_as_their_epoch_ends(regressor, regression, tmp_path) -> None:
    sizes = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: sizes.append(len(table(tmp_path / "log.csv"))))
    regressor().fit(*regression, epochs=3, verbose=0, callbacks=[CSVLogger(tmp_path / "log.csv"), look])
    assert sizes == [2, 3, 4]


def test_a_file_is_begun_anew_or_gone_on_with(regressor, regression, tmp_path) -> None:
    path = tmp_path / "log.csv"

    def fit(append, **arguments):
        logger = CSVLogger(path, append=append)
        regressor().fit(*regression, epochs=2, verbose=0, callbacks=[logger], **arguments)
        return [row[0] for row in table(path)]

    assert fit(append=True) == ["epoch", "0", "1"]
    assert fit(append=True) == ["epoch", "0", "1", "0", "1"]
    assert fit(append=False) == ["epoch", "0", "1"]
    path.write_bytes(path.read_bytes() + b"2,0.")  # as a power cut may leave it
    assert fit(append=True) == ["epoch", "0", "1", "2", "0", "1"]
    with pytest.raises(ArgumentError, match=r"log.csv to have a column val_loss, got loss; give another filename"):
        fit(append=True, validation_split=0.2)


def test_what_an_epoch_does_not_log_is_marked(tmp_path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 1.0, "extra": 2.0})
    logger.on_epoch_end(1, {"loss": 0.5})
    assert table(tmp_path / "log.csv") == [["epoch", "extra", "loss"], ["0", "2.0", "1.0"], ["1", "NA", "0.5"]]


def test_columns_wait_for_a_validation_that_comes_later(tmp_path) -> None:
    logger = CSVLogger(tmp_path / "log.csv")
    logger.set_params({"validation_freq": 2})
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 1.0})
    logger.on_epoch_end(1, {"loss": 0.5, "val_loss": 0.25})
    assert table(tmp_path / "log.csv") == [["epoch", "loss", "val_loss"], ["0", "1.0", "NA"], ["1", "0.5", "0.25"]]


@pytest.mark.skipif(not Path("/dev/full").exists() or os.name != "posix", reason="needs a disk that is always full")
def test_a_full_disk_is_named(tmp_path) -> None:
    logger = CSVLogger("/dev/full")
    with pytest.raises(OSError, match=r"CSVLogger: could not write /dev/full \(No space left on device\)"):
        logger.on_epoch_end(0, {"loss": 1.0})
