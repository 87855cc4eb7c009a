"""What holds for every callback that comes with ebbflow."""

import copy

import pytest

import ebbflow as ebb
from ebbflow import callbacks
from ebbflow.callbacks import LambdaCallback
from ebbflow.core.errors import ArgumentError
from tests.training.conftest import same_bits

WRITERS = ["BackupAndRestore", "CSVLogger", "ModelCheckpoint", "TensorBoard"]
BASES = {"Callback", "CallbackList", "ProgressBar", "History"}  # History and ProgressBar belong to every fit


def make(name, folder, data):
    """A callback of this name that does something after every epoch."""
    arguments = {
        "BackupAndRestore": {"backup_dir": folder / "backup", "delete_checkpoint": False},
        "CSVLogger": {"filename": folder / "log.csv"},
        "EarlyStopping": {"monitor": "loss", "patience": 5},
        "GradientMonitor": {"x": data[0], "y": data[1], "log": True},
        "LambdaCallback": {"on_epoch_end": lambda epoch, logs: None},
        "LearningRateScheduler": {"schedule": lambda epoch, rate: rate},
        "ModelCheckpoint": {"filepath": folder / "{epoch}.ebb"},
        "ReduceLROnPlateau": {"monitor": "loss"},
        "TensorBoard": {"log_dir": folder / "logs", "histogram_freq": 1},
    }
    return getattr(callbacks, name)(**arguments.get(name, {}))


every = pytest.mark.parametrize("name", sorted(set(callbacks.__all__) - BASES))


@every
def test_a_callback_does_not_change_the_training(regressor, regression, tmp_path, name) -> None:
    trained = []
    for given in ([], [make(name, tmp_path, regression)]):
        ebb.set_random_seed(7)
        model = regressor(dropout=0.2, optimizer=ebb.optimizers.Adam(1e-4))
        history = model.fit(*regression, epochs=3, verbose=0, batch_size=20, validation_split=0.2, callbacks=given)
        trained.append((model.get_weights(), history.history))
    assert same_bits(trained[0][0], trained[1][0])
    assert trained[0][1].items() <= trained[1][1].items()
    made = set(model.programs.known)
    model.fit(*regression, epochs=2, verbose=0, batch_size=20, callbacks=given, validation_split=0.2)
    assert set(model.programs.known) == made, "whatever the callbacks do, nothing is compiled again"


@every
def test_a_callback_serves_a_second_fit_and_a_copy_of_it(regressor, regression, tmp_path, name) -> None:
    callback = make(name, tmp_path, regression)
    for given in (callback, callback, copy.deepcopy(callback)):
        model = regressor()
        model.fit(*regression, epochs=2, initial_epoch=0, verbose=0, validation_split=0.2, callbacks=given)
        assert model.stop_training is False


@pytest.mark.parametrize("name", WRITERS)
def test_a_place_that_cannot_be_written_to_is_named_before_the_training(regressor, regression, tmp_path, name) -> None:
    (tmp_path / "file").write_text("no folder")
    model = regressor()
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=f"{name}: expected a folder to write to, got '.*file.*' \\(.*\\); give"):
        model.fit(*regression, verbose=0, callbacks=make(name, tmp_path / "file", regression))
    assert same_bits(model.get_weights(), before)


@pytest.mark.parametrize("name", WRITERS)
def test_an_interrupted_fit_leaves_files_to_go_on_with(regressor, regression, tmp_path, name) -> None:
    def press(epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    given = [make(name, tmp_path, regression), LambdaCallback(on_epoch_end=press)]
    with pytest.raises(KeyboardInterrupt):
        regressor().fit(*regression, epochs=9, verbose=0, validation_split=0.2, callbacks=given)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left and not any(name.endswith(".tmp") for name in left)
    if name == "ModelCheckpoint":
        assert left == {"1.ebb", "2.ebb", "3.ebb"}
    if name == "CSVLogger":
        assert [row.split(",")[0] for row in (tmp_path / "log.csv").read_text().split()] == ["epoch", "0", "1", "2"]
    regressor().fit(*regression, epochs=3, verbose=0, validation_split=0.2, callbacks=make(name, tmp_path, regression))


def test_a_full_disk_is_named(regressor, regression, tmp_path, monkeypatch) -> None:
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ebbflow.training.modelfile.atomic_write", fail)
    for name in ("ModelCheckpoint", "BackupAndRestore"):
        with pytest.raises(OSError, match=rf"{name}: could not write .* \(No space left on device\)") as error:
            regressor().fit(*regression, verbose=0, validation_split=0.2, callbacks=make(name, tmp_path, regression))
        assert error.value.errno == 28


BAD = [
    ("ModelCheckpoint", {"filepath": ""}, "a path for filepath"),
    ("ModelCheckpoint", {"filepath": "{epoch"}, "names in {} for filepath"),
    ("ModelCheckpoint", {"filepath": "m.ebb", "mode": "Max"}, "one of 'auto', 'min', 'max' for mode"),
    ("ModelCheckpoint", {"filepath": "m.ebb", "save_freq": "batch"}, 'a whole number of batches or "epoch" for save'),
    ("ModelCheckpoint", {"filepath": "m.ebb", "save_freq": 0}, "a whole number of at least 1 for save_freq"),
    ("ModelCheckpoint", {"filepath": "m.ebb", "initial_value_threshold": "x"}, "a number for initial_value_threshold"),
    ("BackupAndRestore", {"backup_dir": 3}, "a path for backup_dir"),
    ("BackupAndRestore", {"backup_dir": "b", "save_freq": 1.5}, "a whole number of at least 1 for save_freq"),
    ("ReduceLROnPlateau", {"factor": 1.0}, "a number from 0 up to, but not including, 1 for factor"),
    ("ReduceLROnPlateau", {"patience": -1}, "a whole number between 0 and 2147483648 for patience"),
    ("ReduceLROnPlateau", {"cooldown": 0.5}, "a whole number between 0 and 2147483648 for cooldown"),
    ("ReduceLROnPlateau", {"min_lr": -1}, "a number of at least 0 for min_lr"),
    ("ReduceLROnPlateau", {"min_delta": -1}, "a number of at least 0 for min_delta"),
    ("LearningRateScheduler", {"schedule": 0.1}, r"a function of \(epoch, rate\) for schedule"),
    ("CSVLogger", {"filename": None}, "a path for filename"),
    ("CSVLogger", {"filename": "log.csv", "separator": ", "}, "one character for separator"),
    ("TensorBoard", {"log_dir": None}, "a path for log_dir"),
    ("TensorBoard", {"histogram_freq": -1}, "a whole number of at least 0 for histogram_freq"),
    ("TensorBoard", {"update_freq": "step"}, 'a whole number of batches or "epoch" for update_freq'),
    ("TensorBoard", {"profile_batch": 2}, "profile_batch to be left as it is, got 2"),
    ("GradientMonitor", {"x": [[1.0]]}, "x and y, or neither, got x only"),
    ("GradientMonitor", {"x": [[1.0]], "y": [1.0, 2.0]}, "1 rows, as x has, for y, got 2"),
    ("GradientMonitor", {"frequency": 0}, "a whole number of at least 1 for frequency"),
    ("GradientMonitor", {"saturated": 0.2}, "a number between 0.5 and 1 for saturated"),
    ("LambdaCallback", {"on_epoch_end": 3}, "a function for on_epoch_end, got 3"),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), BAD, ids=str)
def test_a_bad_argument_is_named(name, arguments, expected) -> None:
    with pytest.raises(ArgumentError, match=f"{name}: expected {expected}"):
        getattr(callbacks, name)(**arguments)
