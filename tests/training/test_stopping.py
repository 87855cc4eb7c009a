"""Stops inside an epoch, and what callbacks hear of validations: as in Keras, interpreted and compiled."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import Callback, EarlyStopping, LambdaCallback
from tests.training.conftest import same_bits

rng = np.random.default_rng(3)
X = rng.normal(size=(50, 3)).astype(np.float32)
Y = np.tanh(X @ rng.normal(size=(3, 1))).astype(np.float32)
HELD = (X[:20], Y[:20])


def network(run_eagerly: bool) -> ebb.Sequential:
    ebb.set_random_seed(4)
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(5, "tanh"), ebb.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=run_eagerly)
    return model


class Stop(Callback):
    """Stops after a batch of the second epoch, and writes down what it hears."""

    def __init__(self, batch: int):
        super().__init__()
        self.batch, self.epoch = batch, 0
        self.heard: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        self.heard.append(f"epoch {epoch}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.heard.append(batch)
        if (self.epoch, batch) == (1, self.batch):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.heard.append(sorted(logs))


class StopAndListen(Stop):
    """The same, and hears of the validations."""

    def on_test_begin(self, logs: Any = None) -> None:
        self.heard.append("test")

    def on_test_end(self, logs: Any = None) -> None:
        self.heard.append(sorted(logs))


LOGGED = [["loss", "mae"], ["loss", "mae", "val_loss", "val_mae"]]


@pytest.mark.parametrize("batch", [0, 2, 3])
@pytest.mark.parametrize("held", [None, HELD], ids=["alone", "with validation"])
def test_an_epoch_that_is_stopped_ends_as_others_do(run_eagerly: bool, batch: int, held: Any) -> None:
    model, stop = network(run_eagerly), StopAndListen(batch)
    fit = {"batch_size": 16, "shuffle": False, "verbose": 0}
    history = model.fit(X, Y, epochs=5, validation_data=held, callbacks=[stop], **fit)

    end = ["test", *LOGGED] if held else LOGGED[:1]
    assert stop.heard == ["epoch 0", 0, 1, 2, 3, *end, "epoch 1", *range(batch + 1), *end]
    assert history.epoch == [0, 1] and {len(values) for values in history.history.values()} == {2}

    same = network(run_eagerly)
    same.fit(X, Y, epochs=1, **fit)
    rows = min(16 * (batch + 1), 50)
    losses = same.fit(X[:rows], Y[:rows], epochs=1, validation_data=held, **fit).history
    assert same_bits(model.get_weights(), same.get_weights()), "it is as after the last batch"
    assert {name: values[1] for name, values in history.history.items()} == {
        name: one[0] for name, one in losses.items()
    }


@pytest.mark.parametrize("options", [{}, {"steps_per_epoch": 3, "validation_freq": 2}], ids=["plain", "guided"])
def test_stops_of_interpreted_and_compiled_fits_agree(options: dict[str, Any]) -> None:
    results: list[Any] = []
    for run_eagerly in (True, False):
        model = network(run_eagerly)
        stopping = EarlyStopping("loss", patience=5, restore_best_weights=True)
        callbacks = [Stop(1), stopping]
        history = model.fit(
            X, Y, 16, 5, verbose=0, validation_data=HELD, callbacks=callbacks, shuffle=True, **options
        ).history
        model.fit(X, Y, 16, 1, verbose=0)  # goes on with the next order of rows
        results.append((history, stopping.best_epoch, model.get_weights(), model.shuffle_state.numpy()))
    (expected, *others), (found, *same) = results
    assert expected.keys() == found.keys() and len(found["loss"]) == 2 and others[0] == same[0]
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    for one, other in zip([*same[1], same[2]], [*others[1], others[2]], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_stop_before_the_first_step_logs_nothing(run_eagerly: bool) -> None:
    def stop(logs: Any) -> None:
        model.stop_training = True

    model = network(run_eagerly)
    assert model.fit(X, Y, epochs=2, verbose=0, callbacks=[LambdaCallback(on_train_begin=stop)]).history == {}


class Swap(Callback):
    """Measures with other weights than those that learn."""

    def on_test_begin(self, logs: Any = None) -> None:
        self.kept = self.model.get_weights()
        self.model.set_weights([np.zeros_like(weight) for weight in self.kept])

    def on_test_end(self, logs: Any = None) -> None:
        self.model.set_weights(self.kept)


def test_a_validation_sees_what_a_callback_changes_before_it(run_eagerly: bool) -> None:
    plain, swapped = network(run_eagerly), network(run_eagerly)
    stopping = EarlyStopping(restore_best_weights=True, patience=9)
    fit = {"epochs": 3, "verbose": 0, "validation_data": HELD}
    losses = plain.fit(X, Y, **fit).history["loss"]
    history = swapped.fit(X, Y, callbacks=[Swap(), stopping], **fit).history
    np.testing.assert_allclose(history["val_loss"], [np.square(HELD[1]).mean()] * 3, rtol=1e-5)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-6)
    assert stopping.best_epoch == 0 and all(weight.any() for weight in swapped.get_weights())


def test_validations_that_are_left_out_are_not_told(run_eagerly: bool) -> None:
    heard: list[str] = []
    watch = LambdaCallback(
        on_test_begin=lambda logs: heard.append("begin"), on_test_end=lambda logs: heard.append("end")
    )
    network(run_eagerly).fit(X, Y, epochs=5, validation_freq=2, validation_data=HELD, verbose=0, callbacks=[watch])
    assert heard == ["begin", "end"] * 2
    only_end = LambdaCallback(on_test_end=lambda logs: heard.append(str(sorted(logs))))
    network(run_eagerly).fit(X, Y, epochs=1, validation_data=HELD, verbose=0, callbacks=[only_end])
    assert heard[4:] == ["['loss', 'mae']"]
