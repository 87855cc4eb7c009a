"""BackupAndRestore: a training that was killed goes on as if it had not been."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import BackupAndRestore, LambdaCallback, LearningRateScheduler
from ebbflow.core.errors import ArgumentError, ModelFileError
from tests.training.conftest import same_bits

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, signal, sys
import numpy as np
import ebbflow as ebb

folder, last = sys.argv[1], int(sys.argv[2])
ebb.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 4)).astype(np.float32)
y = x @ rng.normal(size=(4, 1))
model = ebb.Sequential([ebb.layers.Dense(8, "relu"), ebb.layers.Dropout(0.3), ebb.layers.Dense(1)])
model.compile("adam", "mse")
kill = ebb.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epoch == last and os.kill(os.getpid(), 9))
slower = ebb.callbacks.LearningRateScheduler(lambda epoch, rate: 0.9 * rate)
backup = ebb.callbacks.BackupAndRestore(f"{folder}/backup")
model.fit(x, y, batch_size=16, epochs=8, verbose=0, validation_split=0.2, callbacks=[slower, kill, backup])
model.save(f"{folder}/model.ebb")
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a signal of POSIX systems")
def test_a_killed_program_that_is_run_again_ends_with_the_same_file(tmp_path) -> None:
    def run(name: str, last: int) -> int:
        (tmp_path / name).mkdir(exist_ok=True)
        return subprocess.run([sys.executable, "-c", PROGRAM, tmp_path / name, str(last)], cwd=ROOT).returncode

    assert run("whole", last=-1) == 0
    assert [run("killed", last) for last in (2, 5, -1)] == [-signal.SIGKILL, -signal.SIGKILL, 0]
    whole, killed = (tmp_path / name for name in ("whole", "killed"))
    assert (whole / "model.ebb").read_bytes() == (killed / "model.ebb").read_bytes()
    assert not (killed / "backup").exists()


class Stop(Exception):
    pass


def fit(model, data, callback, until=None, **arguments):
    """A fit of 6 epochs, which ends with an error after the epoch `until` and before its backup."""

    def stop(epoch, logs):
        if epoch == until:
            raise Stop

    given = [LearningRateScheduler(lambda epoch, rate: rate / 2), LambdaCallback(on_epoch_end=stop), callback]
    options = {"batch_size": 20, "epochs": 6, "verbose": 0, "callbacks": given} | arguments
    return model.fit(*data, **options)


def restarted(regressor):
    ebb.set_random_seed(7)
    return regressor(dropout=0.2)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_fit_goes_on_where_it_was(regressor, regression, tmp_path, shuffle) -> None:
    whole = restarted(regressor)
    expected = fit(whole, regression, LambdaCallback(), shuffle=shuffle).history
    for until in (1, 4):
        with pytest.raises(Stop):
            fit(restarted(regressor), regression, BackupAndRestore(tmp_path), until, shuffle=shuffle)
    model = restarted(regressor)
    history = fit(model, regression, BackupAndRestore(tmp_path), shuffle=shuffle)
    assert same_bits(model.get_weights(), whole.get_weights())
    assert history.epoch == [4, 5]
    assert history.history == {name: values[4:] for name, values in expected.items()}
    assert same_bits([model.shuffle_state.numpy()], [whole.shuffle_state.numpy()])


def test_a_finished_fit_leaves_a_backup_only_if_asked(regressor, regression, tmp_path) -> None:
    folder = tmp_path / "deep" / "backup"
    fit(regressor(), regression, BackupAndRestore(folder))
    assert not folder.exists() and folder.parent.exists()
    fit(regressor(), regression, BackupAndRestore(folder, delete_checkpoint=False))
    assert [path.name for path in folder.iterdir()] == ["backup.ebb"]
    assert fit(regressor(), regression, BackupAndRestore(folder)).epoch == [], "nothing is left to do"
    (tmp_path / "notes").write_text("of the user")
    fit(regressor(), regression, BackupAndRestore(tmp_path))
    assert (tmp_path / "notes").exists()


def test_batches_are_backed_up_too(regressor, regression, tmp_path) -> None:
    def stop(batch, logs):
        if batch == 1:
            raise Stop

    model = regressor(optimizer=ebb.optimizers.SGD(0.1))
    backup, stopper = BackupAndRestore(tmp_path, save_freq=2), LambdaCallback(on_train_batch_end=stop)
    with pytest.raises(Stop):
        model.fit(*regression, batch_size=10, verbose=0, callbacks=[backup, stopper])
    other = regressor(optimizer=ebb.optimizers.SGD(0.0))
    seen = LambdaCallback(on_epoch_begin=lambda epoch, logs: states.append((epoch, other.get_weights())))
    states = []
    other.fit(*regression, batch_size=10, verbose=0, callbacks=[BackupAndRestore(tmp_path), seen])
    ((epoch, weights),) = states
    assert epoch == 0 and same_bits(weights, model.get_weights())


def test_a_damaged_backup_is_never_used(regressor, regression, tmp_path) -> None:
    for double in (False, True):
        with pytest.raises(Stop):
            fit(regressor(), regression, BackupAndRestore(tmp_path, double_checkpoint=double), until=3)
        latest = tmp_path / "backup.ebb"
        latest.write_bytes(latest.read_bytes()[:-100])
        if double:
            assert fit(regressor(), regression, BackupAndRestore(tmp_path)).epoch == [2, 3, 4, 5]
        else:
            with pytest.raises(ModelFileError, match="is truncated"):
                fit(regressor(), regression, BackupAndRestore(tmp_path))
            latest.unlink()


def test_a_backup_of_another_model_is_refused(regressor, regression, tmp_path, run_eagerly) -> None:
    with pytest.raises(Stop):
        fit(regressor(), regression, BackupAndRestore(tmp_path), until=1)
    other = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(1)])
    other.compile("adam", "mse", run_eagerly=run_eagerly)
    before = other.get_weights()
    with pytest.raises(ArgumentError, match="BackupAndRestore: expected .* to hold 2 arrays of weights that fit, got"):
        fit(other, regression, BackupAndRestore(tmp_path))
    assert same_bits(other.get_weights(), before) and np.isfinite(before[0]).all()
