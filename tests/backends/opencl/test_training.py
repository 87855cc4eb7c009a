"""Fit, evaluate and predict on a device: the bits of the CPU, whatever the network, the optimizer and the callbacks."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.backends.opencl.driver import Driver
from ebbflow.callbacks import EarlyStopping, LambdaCallback
from ebbflow.core.errors import ArgumentError, NonFiniteLossError

Dense = ebb.layers.Dense
X = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
CLASSES = np.random.default_rng(1).integers(0, 3, 50)
TARGETS = np.tanh(X[:, :1] - 0.5 * X[:, 1:2])


def classifier(hidden: list[Any], optimizer: Any = "adam") -> ebb.Sequential:
    model = ebb.Sequential([ebb.Input((6,)), *hidden, Dense(3)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def regressor(optimizer: Any = "adam", units: int = 4) -> ebb.Sequential:
    model = ebb.Sequential([ebb.Input((6,)), Dense(units, activation="tanh"), Dense(1)])
    model.compile(optimizer=optimizer, loss="mse")
    return model


def state_of(model: ebb.Sequential) -> list[bytes]:
    return [variable.numpy().tobytes() for variable in model.training_state()]


def codes_of(model: ebb.Sequential) -> list[Any]:
    """The kernels of all programs of a model that were used on a device."""
    return [code for program in model.programs.known.values() for step in program.steps.values() for code in step.codes]


def on_both(driver: Driver, make: Callable[[], Any], use: Callable[[Any], Any]) -> tuple[Any, Any, Any, Any]:
    """The model and what `use` returned on the CPU, and the same on the device."""
    found: list[Any] = []
    for name in ("cpu", driver.name):
        ebb.set_random_seed(7)
        model = make()
        with ebb.device(name):
            found += [model, use(model)]
    return tuple(found)


def assert_same(driver: Driver, make: Callable[[], Any], use: Callable[[Any], Any]) -> None:
    """Equal results, and every weight, slot, random state and running mean bit for bit."""
    native, wanted, model, got = on_both(driver, make, use)
    np.testing.assert_equal(got, wanted)
    assert state_of(model) == state_of(native)


def test_dropout_normalization_adam_class_weights_validation_and_use_afterwards(driver: Driver) -> None:
    def make() -> ebb.Sequential:
        layers = ebb.layers
        return classifier([Dense(17, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3)])

    def use(model: ebb.Sequential) -> list[Any]:
        weight = {0: 2.0, 1: 0.5, 2: 1.0}
        history = model.fit(X, CLASSES, 20, 3, verbose=0, validation_split=0.2, class_weight=weight).history
        measured = model.evaluate(X, CLASSES, batch_size=50, verbose=0, return_dict=True)
        return [history, measured, model.predict(X, batch_size=20, verbose=0)]

    assert_same(driver, make, use)


def test_momentum_penalties_and_an_epoch_that_is_no_pass(driver: Driver) -> None:
    def make() -> ebb.Sequential:
        hidden = Dense(20, activation="gelu", kernel_regularizer="l2")
        return classifier([hidden], ebb.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0))

    assert_same(
        driver, make, lambda model: model.fit(X, CLASSES, 20, 4, verbose=0, steps_per_epoch=2, shuffle=True).history
    )


def test_early_stopping_goes_back_to_the_best_weights(driver: Driver) -> None:
    def use(model: ebb.Sequential) -> list[Any]:
        stopping = EarlyStopping(patience=1, restore_best_weights=True)
        history = model.fit(
            X, TARGETS, 50, 60, verbose=0, validation_data=(X[:9], -TARGETS[:9]), callbacks=[stopping]
        ).history
        return [history, stopping.best, stopping.best_epoch, stopping.stopped_epoch]

    native, wanted, model, got = on_both(driver, lambda: regressor(ebb.optimizers.SGD(0.05)), use)
    assert got == wanted and 0 < got[3] < 59
    assert state_of(model) == state_of(native)


def test_callbacks_may_assign_variables_between_steps_and_epochs(driver: Driver) -> None:
    def use(model: ebb.Sequential) -> list[float]:
        seen: list[float] = []

        def halve(epoch: int, logs: Any) -> None:
            model.optimizer.learning_rate = float(model.optimizer.learning_rate.numpy()) / 2
            model.layers[0].bias.assign(model.layers[0].bias.numpy() + 1)

        watching = LambdaCallback(on_epoch_end=halve, on_train_batch_end=lambda step, logs: seen.append(logs["loss"]))
        model.fit(X, TARGETS, 25, 2, verbose=0, callbacks=[watching])
        return [*seen, model.train_on_batch(X[:25], TARGETS[:25])]

    assert_same(driver, regressor, use)


class Stopping(ebb.callbacks.Callback):
    """Moves a weight for each validation, and stops in the middle of the second epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.stop_training = self.epoch == 1

    def on_test_begin(self, logs: Any = None) -> None:
        bias = self.model.layers[0].bias
        bias.assign(bias.numpy() + 0.5)

    def on_test_end(self, logs: Any = None) -> None:
        self.seen.append(logs)


def test_callbacks_hear_of_validations_and_may_stop_within_an_epoch(driver: Driver) -> None:
    """With a metric of several numbers."""

    def make() -> ebb.Sequential:
        model = ebb.Sequential([ebb.Input((6,)), Dense(3, activation="softmax")])
        model.compile("adam", "categorical_crossentropy", metrics=[ebb.metrics.F1Score(average=None)])
        return model

    def use(model: ebb.Sequential) -> list[Any]:
        y, stopping = np.eye(3, dtype="float32")[CLASSES], Stopping()
        held = X[:20], y[:20]
        history = model.fit(X, y, 25, 9, verbose=0, validation_data=held, callbacks=[stopping]).history
        assert len(stopping.seen) == 2
        return [history, stopping.seen, model.evaluate(X, y, batch_size=50, verbose=0, return_dict=True)]

    assert_same(driver, make, use)


def test_a_diverging_fit_ends_before_the_bad_step(driver: Driver) -> None:
    def use(model: ebb.Sequential) -> tuple[int, int]:
        with pytest.raises(NonFiniteLossError) as error:
            model.fit(X, TARGETS * 1e15, 10, 100, verbose=0, shuffle=False)
        return error.value.epoch, error.value.step

    native, wanted, model, got = on_both(driver, lambda: regressor(ebb.optimizers.SGD(1e3)), use)
    assert got == wanted and got != (0, 0)
    assert state_of(model) == state_of(native)


# An interrupt may fall into a destructor, where Python can but warn of it; it is pressed again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_leaves_a_whole_number_of_steps(driver: Driver) -> None:
    ebb.set_random_seed(7)
    model, other = regressor(), regressor()
    other.set_weights(model.get_weights())
    ended = threading.Event()

    def press() -> None:
        while not ended.wait(0.3):
            os.kill(os.getpid(), signal.SIGINT)

    finger = threading.Thread(target=press)
    soon = LambdaCallback(on_progress=lambda progress: finger.ident or finger.start())
    with ebb.device(driver.name), pytest.raises(KeyboardInterrupt):
        model.fit(X, TARGETS, 50, 10**6, verbose=0, shuffle=False, callbacks=[soon])
    ended.set()
    finger.join()
    steps = int(model.optimizer.iterations.numpy())
    assert steps > 0
    other.fit(X, TARGETS, 50, steps, verbose=0, shuffle=False)
    assert [w.tobytes() for w in model.get_weights()] == [w.tobytes() for w in other.get_weights()]


def test_training_in_float64(driver: Driver) -> None:
    ebb.config.set_floatx("float64")
    assert_same(driver, regressor, lambda model: model.fit(X, TARGETS, 50, 2, verbose=0).history)


def test_a_device_without_float64_trains_in_float32(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam's powers and the means of the metrics, too; what the optimizer and the metrics hold stays float64."""
    monkeypatch.setattr(driver, "has_double", False)
    rows = X.astype("float64"), TARGETS.astype("float64")
    native, wanted, model, got = on_both(driver, regressor, lambda model: model.fit(*rows, 50, 3, verbose=0).history)
    assert not any("double" in code.text for code in codes_of(model))
    np.testing.assert_allclose(got["loss"], wanted["loss"], 1e-5)
    for own, other in zip(model.training_state(), native.training_state(), strict=True):
        assert own.dtype == other.dtype
        np.testing.assert_allclose(own.numpy(), other.numpy(), 1e-3, 1e-6)
    ebb.config.set_floatx("float64")
    with (
        ebb.device(driver.name),
        pytest.raises(ArgumentError, match="this device has no float64, got models in float64"),
    ):
        regressor().fit(*rows, verbose=0)


def test_rows_are_converted_where_they_are_read(driver: Driver) -> None:
    """Small integers, halves (also subnormal ones) and booleans."""
    images = np.random.default_rng(3).integers(0, 255, (20, 6)).astype("uint8")
    model = ebb.Sequential([ebb.Input((6,)), Dense(2)])
    for x in (images, X[:20].astype("float16"), (X[:20] * 1e-6).astype("float16"), X[:20] > 0):
        wanted = model.predict(x, verbose=0)
        with ebb.device(driver.name):
            assert model.predict(x, batch_size=20, verbose=0).tobytes() == wanted.tobytes()


def test_data_that_does_not_fit_is_named(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        max_mem_alloc_size = 1000

    model = regressor()
    with ebb.device(driver.name):
        monkeypatch.setattr(driver, "_device", Small())
        with pytest.raises(ArgumentError, match=r"expected y to fit into the device's memory \(at most 1,000 bytes\)"):
            driver.memory(2000, "y")
    assert not model.optimizer.built
