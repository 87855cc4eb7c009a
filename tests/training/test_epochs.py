"""Epochs of so many steps, validations now and then, and measures of a part: the same training, cut up otherwise."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, NonFiniteLossError
from tests.training.conftest import same_bits

rng = np.random.default_rng(3)
X = rng.normal(size=(50, 3)).astype(np.float32)
Y = np.tanh(X @ rng.normal(size=(3, 1))).astype(np.float32)


def trained(run_eagerly: bool = False, metrics: Any = ("mae",), **fit: Any) -> tuple[Any, dict[str, list[float]]]:
    """(model, history) of a network with dropout; 50 rows make passes of 4 steps, the last one of 2 rows."""
    ebb.set_random_seed(4)
    hidden = [ebb.layers.Dense(5, activation="tanh"), ebb.layers.Dropout(0.2)]
    model = ebb.Sequential([ebb.Input((3,)), *hidden, ebb.layers.Dense(1)])
    model.compile("adam", "mse", metrics=list(metrics), run_eagerly=run_eagerly)
    return model, model.fit(X, Y, **{"batch_size": 16, "verbose": 0, **fit}).history


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize(("steps", "epochs"), [(1, 12), (2, 6), (3, 4), (5, 4), (6, 2), (12, 1)])
def test_so_many_steps_are_the_steps_of_the_passes(run_eagerly: bool, steps: int, epochs: int, shuffle: bool) -> None:
    """Wherever epochs end, the rows come in the same order: 12 steps are 3 passes (20 are 5)."""
    cut, history = trained(run_eagerly, steps_per_epoch=steps, epochs=epochs, shuffle=shuffle)
    whole, _ = trained(run_eagerly, epochs=steps * epochs // 4, shuffle=shuffle)
    assert same_bits(cut.get_weights(), whole.get_weights())
    assert len(history["loss"]) == epochs
    assert np.array_equal(cut.shuffle_state.numpy(), whole.shuffle_state.numpy())


@pytest.mark.parametrize("batch_size", [7, 16, 50, 64])
@pytest.mark.parametrize("steps", [1, 3, 7])
def test_interpreted_and_compiled_training_agree(steps: int, batch_size: int) -> None:
    fit = {"steps_per_epoch": steps, "epochs": 5, "batch_size": batch_size, "validation_data": (X[:21], Y[:21])}
    (eager, expected), (compiled, history) = (
        trained(run_eagerly, validation_freq=2, **fit) for run_eagerly in (True, False)
    )
    assert {name: len(values) for name, values in history.items()} == {
        "loss": 5,
        "mae": 5,
        "val_loss": 2,
        "val_mae": 2,
    }
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=2e-4, atol=1e-5, err_msg=name)
    for one, other in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


def test_the_means_of_an_epoch_are_over_its_own_steps(run_eagerly: bool) -> None:
    batches: list[int] = []
    watch = ebb.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    options = {"steps_per_epoch": 3, "epochs": 3}
    _, history = trained(run_eagerly, **options)
    _, watched = trained(run_eagerly, callbacks=[watch], **options)
    assert batches == [0, 1, 2] * 3
    assert history == watched


def test_a_later_fit_begins_a_new_pass(run_eagerly: bool) -> None:
    ebb.set_random_seed(4)
    parts, _ = trained(run_eagerly, steps_per_epoch=2, epochs=1)
    states = [parts.shuffle_state.numpy().copy()]
    parts.fit(X, Y, batch_size=16, steps_per_epoch=5, epochs=1, verbose=0)
    states.append(parts.shuffle_state.numpy().copy())
    assert [int(states[1][3] - states[0][3]), int(states[0][3])] == [2, 1]


def test_a_bad_step_in_the_middle_of_a_pass_is_undone(run_eagerly: bool) -> None:
    def fitted(x: np.ndarray, epochs: int, steps: int) -> Any:
        ebb.set_random_seed(4)
        model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=run_eagerly)
        try:
            model.fit(x, Y, batch_size=10, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
        except NonFiniteLossError as error:
            assert (error.epoch, error.step) == (1, 1)
        return model

    x = X.copy()
    x[45] = 3e38  # in the fifth step of a pass: of epochs of 3 steps, the second one of the second epoch
    assert same_bits(fitted(x, 5, 3).get_weights(), fitted(X, 1, 4).get_weights())


@pytest.mark.parametrize("freq", [2, 3, [1, 4], [5]])
def test_a_validation_that_is_left_out_changes_nothing_else(run_eagerly: bool, freq: Any) -> None:
    model, every = trained(run_eagerly, epochs=6, validation_split=0.3)
    seldom, history = trained(run_eagerly, epochs=6, validation_split=0.3, validation_freq=freq)
    measured = [e for e in range(6) if ((e + 1) % freq == 0 if isinstance(freq, int) else e + 1 in freq)]
    assert same_bits(model.get_weights(), seldom.get_weights())
    assert history["loss"] == every["loss"]
    assert history["val_mae"] == [every["val_mae"][e] for e in measured]


def test_early_stopping_waits_for_validations() -> None:
    results = []
    for run_eagerly in (True, False):
        stopping = ebb.callbacks.EarlyStopping(patience=2, min_delta=10.0, restore_best_weights=True)
        _, history = trained(run_eagerly, epochs=20, validation_split=0.3, validation_freq=3, callbacks=[stopping])
        results.append((len(history["loss"]), stopping.stopped_epoch, stopping.best_epoch))
    assert results == [(9, 8, 2)] * 2, "the first validation is the best one, the second and third are no better"


def test_early_stopping_on_a_loss_that_every_epoch_has() -> None:
    results = []
    for run_eagerly in (True, False):
        stopping = ebb.callbacks.EarlyStopping("loss", patience=2, min_delta=10.0)
        _, history = trained(run_eagerly, epochs=20, steps_per_epoch=3, callbacks=[stopping])
        results.append(len(history["loss"]))
    assert results == [3, 3]


def test_so_many_steps_are_measured(run_eagerly: bool) -> None:
    model, history = trained(run_eagerly, validation_data=(X, Y), validation_steps=2, validation_batch_size=8)
    assert history["val_loss"] == [model.evaluate(X[:16], Y[:16], 8, verbose=0)[0]]
    assert model.evaluate(X, Y, 8, steps=2, verbose=0) == model.evaluate(X[:16], Y[:16], 8, verbose=0)
    assert model.evaluate(X, Y, 8, steps=7, verbose=0) == model.evaluate(X, Y, 8, verbose=0)
    assert same_bits([model.predict(X, 8, steps=3, verbose=0)], [model.predict(X[:24], 8, verbose=0)])
    assert len(model.predict(X, steps=1, verbose=0)) == 32
    for use, name in ((model.evaluate, "evaluate"), (model.predict, "predict")):
        with pytest.raises(ArgumentError, match=f"{name}: expected steps of at most 7, the batches of 8 .* got 8"):
            use(X, **({"y": Y} if name == "evaluate" else {}), batch_size=8, steps=8)
