"""Callbacks: when they are called, and what those that come with ebbflow do."""

import io
import math
import re

import pytest

import ebbflow as ebb
from ebbflow.callbacks import EarlyStopping, LambdaCallback, ProgressBar
from ebbflow.core.errors import ArgumentError
from ebbflow.training.callbacks import History
from ebbflow.training.fit import _limit
from ebbflow.training.runner import Progress
from tests.training.conftest import same_bits


class Recorder(ebb.callbacks.Callback):
    """Writes down every call."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train begin")

    def on_train_end(self, logs=None):
        self.calls.append("train end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch} end: {' '.join(logs)}")


class StepRecorder(Recorder):
    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"batch {batch} begin")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"batch {batch} end: {' '.join(logs)}")


def test_callbacks_are_called_in_order(regressor, regression) -> None:
    recorder = Recorder()
    regressor().fit(*regression, epochs=2, verbose=0, callbacks=[recorder], validation_split=0.1)
    assert recorder.calls == [
        "train begin",
        "epoch 0 begin",
        "epoch 0 end: loss val_loss",
        "epoch 1 begin",
        "epoch 1 end: loss val_loss",
        "train end",
    ]
    assert {"epochs": 2, "initial_epoch": 0, "steps": 2, "verbose": 0}.items() <= recorder.params.items()


def test_callbacks_are_called_around_each_step_if_they_ask_for_it(regressor, regression) -> None:
    recorder = StepRecorder()
    regressor().fit(*regression, epochs=1, verbose=0, callbacks=recorder, batch_size=30, validation_split=0.1)
    assert recorder.calls == [
        "train begin",
        "epoch 0 begin",
        "batch 0 begin",
        "batch 0 end: loss",
        "batch 1 begin",
        "batch 1 end: loss",
        "epoch 0 end: loss val_loss",
        "train end",
    ]


def test_callbacks_do_not_change_the_training(regressor, regression) -> None:
    trained = []
    for callbacks in ([], [Recorder()], [StepRecorder()]):
        ebb.set_random_seed(7)
        model = regressor(dropout=0.2)
        history = model.fit(*regression, epochs=3, verbose=0, batch_size=20, callbacks=callbacks, validation_split=0.2)
        trained.append((model.get_weights(), history.history))
    assert same_bits(trained[0][0], trained[1][0]) and same_bits(trained[0][0], trained[2][0])
    assert trained[0][1] == trained[1][1] == trained[2][1]


def test_a_callback_may_change_the_learning_rate_and_the_weights(regressor, regression) -> None:
    model = regressor(optimizer=ebb.optimizers.SGD(0.1))
    zeros = [0 * weight for weight in model.get_weights()]

    def stop_learning(epoch, logs):
        if epoch == 1:
            model.optimizer.learning_rate.assign(0.0)
            model.set_weights(zeros)

    model.fit(*regression, epochs=4, verbose=0, callbacks=[LambdaCallback(on_epoch_end=stop_learning)])
    assert same_bits(model.get_weights(), zeros)


def test_what_a_callback_gives_the_weights_after_the_last_epoch_stays(regressor, regression) -> None:
    model = regressor()
    zeros = [0 * weight for weight in model.get_weights()]
    last = LambdaCallback(on_epoch_end=lambda epoch, logs: epoch == 1 and model.set_weights(zeros))
    model.fit(*regression, epochs=2, verbose=0, callbacks=[last])
    assert same_bits(model.get_weights(), zeros)


def test_a_fit_that_ends_before_its_first_step_changes_nothing(regressor, regression) -> None:
    model = regressor()
    before = model.get_weights()
    stop = LambdaCallback(on_train_begin=lambda *_: setattr(model, "stop_training", True))
    model.fit(*regression, verbose=0, callbacks=[stop])
    assert same_bits(model.get_weights(), before)

    def fail(*_):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        model.fit(*regression, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=fail)])
    assert same_bits(model.get_weights(), before)


def test_a_callback_sees_the_state_at_the_end_of_its_epoch(regressor, regression) -> None:
    seen = []
    model = regressor()
    watch = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.evaluate(*regression, verbose=0)))
    history = model.fit(*regression, epochs=3, verbose=0, validation_data=regression, callbacks=[watch])
    assert seen == history.history["val_loss"]


def test_a_callback_stops_the_fit(regressor, regression) -> None:
    model = regressor()

    def stop(epoch, logs):
        model.stop_training = epoch == 1

    assert model.fit(*regression, epochs=9, verbose=0, callbacks=[LambdaCallback(on_epoch_end=stop)]).epoch == [0, 1]
    assert model.fit(*regression, epochs=2, verbose=0).epoch == [0, 1]  # a later fit is not stopped


def test_a_callback_may_log_numbers_of_its_own(regressor, regression) -> None:
    own = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(double=2 * logs["loss"]))
    history = regressor().fit(*regression, epochs=2, verbose=0, callbacks=[own]).history
    assert history["double"] == [2 * loss for loss in history["loss"]]


class Ignored(EarlyStopping):
    """A subclass, which the runner does not treat by itself."""


@pytest.mark.parametrize("kind", [EarlyStopping, Ignored])
def test_early_stopping_waits_and_restores_the_best_weights(regressor, regression, kind) -> None:
    x, y = regression
    model = regressor(optimizer=ebb.optimizers.Adam(0.1))
    stopping = kind(patience=3, restore_best_weights=True)

    losses = model.fit(
        x[:20], y[:20], epochs=300, verbose=0, validation_data=(x[20:], y[20:]), callbacks=[stopping]
    ).history["val_loss"]

    best = losses.index(min(losses))
    assert len(losses) < 300
    assert (stopping.best_epoch, stopping.best) == (best, losses[best])
    assert (stopping.wait, stopping.stopped_epoch) == (3, best + 3) == (3, len(losses) - 1)
    assert model.evaluate(x[20:], y[20:], verbose=0) == losses[best]


def stopped_after(values: list[float], **arguments) -> tuple[int, int]:
    """How many of these epochs an early stopping lets pass, and its best epoch."""

    class Model:
        stop_training = False

    stopping = EarlyStopping(monitor=arguments.pop("monitor", "loss"), **arguments)
    stopping.set_model(Model())
    stopping.on_train_begin()
    for epoch, value in enumerate(values):
        stopping.on_epoch_end(epoch, {stopping.monitor: value})
        if stopping.model.stop_training:
            return epoch + 1, stopping.best_epoch
    return len(values), stopping.best_epoch


def test_early_stopping_rules() -> None:
    assert stopped_after([3, 2, 1, 2, 3, 0]) == (4, 2)
    assert stopped_after([3, 2, 1, 2, 3, 0], patience=2) == (5, 2)
    assert stopped_after([3, 2, 1, 2, 3, 0], patience=3) == (6, 5)
    assert stopped_after([3, 2, 1.95, 1.9], min_delta=0.5) == (3, 1)
    assert stopped_after([1, 2, 3, 2, 1], monitor="accuracy") == (4, 2)
    assert stopped_after([1, 2, 3], mode="min") == (2, 0)
    assert stopped_after([1, 5, 5, 0], start_from_epoch=2) == (4, 3)
    assert stopped_after([3, 2.9, 2.8, 2.7], baseline=1, patience=3)[0] == 4
    assert stopped_after([1, math.nan, math.nan], patience=2) == (3, 0)


def test_early_stopping_says_what_it_could_monitor(regressor, regression) -> None:
    with pytest.raises(ArgumentError, match=r"EarlyStopping: expected monitor to be one of loss, got 'val_loss'; give"):
        regressor().fit(*regression, callbacks=[EarlyStopping()])


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        *[({"patience": value}, "a whole number between 0 and 2147483648") for value in (1.5, None, "3", math.inf)],
        ({"patience": 10**30}, "a whole number between 0 and 2147483648"),
        ({"start_from_epoch": -1}, "a whole number between 0 and 2147483648"),
        *[({"min_delta": value}, "a number of at least 0") for value in (math.nan, "0.1", -1)],
        ({"baseline": "x"}, "a number"),
        ({"mode": "Max"}, "one of 'auto', 'min', 'max'"),
        ({"monitor": None}, "a logged name"),
    ],
    ids=str,
)
def test_early_stopping_checks_its_arguments(arguments, allowed) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(ArgumentError, match=re.escape(f"EarlyStopping: expected {allowed} for {name}, got {value!r}")):
        EarlyStopping(**arguments)


def test_early_stopping_may_monitor_what_a_callback_before_it_logs(regressor, regression) -> None:
    own = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=abs(epoch - 2)))
    stopping = EarlyStopping(monitor="mine", patience=2)
    assert regressor().fit(*regression, epochs=9, verbose=0, callbacks=[own, stopping]).epoch == [0, 1, 2, 3, 4]
    assert (stopping.best, stopping.best_epoch) == (0, 2)
    with pytest.raises(ArgumentError, match="expected monitor to be one of loss, got 'mine'"):
        regressor().fit(*regression, verbose=0, callbacks=[stopping, own])


def test_only_callbacks_that_need_it_bring_native_code_back_to_python(regressor, regression) -> None:
    def limit(*callbacks, validation=None):
        plan = type("Plan", (), {"early_stopping": native, "validation": validation})
        return _limit(plan, ebb.callbacks.CallbackList(callbacks))

    native = EarlyStopping(monitor="loss")
    assert limit(History(), ProgressBar(), native, LambdaCallback(on_train_end=print)) == "chunk"
    assert limit(EarlyStopping()) == "epoch"  # not the one that the runner asks
    assert limit(Recorder(), native) == "epoch"
    assert limit(StepRecorder()) == "step"
    assert limit(LambdaCallback(on_train_batch_end=print)) == "step"
    assert limit(LambdaCallback(on_test_end=print)) == "chunk"
    assert limit(LambdaCallback(on_test_end=print), validation={}) == "epoch"


@pytest.mark.parametrize("given", [EarlyStopping, "EarlyStopping", 3], ids=str)
def test_what_is_no_callback_is_named(regressor, regression, given) -> None:
    with pytest.raises(ArgumentError, match=re.escape(f"fit: expected callbacks of type Callback, got {given!r}")):
        regressor().fit(*regression, callbacks=given)


def test_a_lambda_callback_names_the_moments(regressor) -> None:
    with pytest.raises(ArgumentError, match=r"expected one of on_train_begin, .*, got 'on_epoch_ends'"):
        LambdaCallback(on_epoch_ends=print)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_live_line_shows_epoch_speed_time_left_and_losses(monkeypatch) -> None:
    times = iter([0.0, 5.0, 5.01, 10.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    monkeypatch.setattr("shutil.get_terminal_size", lambda: type("Size", (), {"columns": 200}))
    bar = ProgressBar(1, Terminal())
    bar.set_params({"epochs": 4, "steps": 10})
    bar.on_train_begin()

    bar.on_progress(Progress(1, 10, 10, {"loss": 0.25}))
    first = bar._out.getvalue()
    assert first.startswith("\rEpoch 2/4  ━━━━━━━━━━━━────────────  4 steps/s  5s left  loss: 0.25")
    bar.on_progress(Progress(2, 1, 10, {"loss": 0.2}))
    assert bar._out.getvalue() == first, "at most ten times a second"
    bar.on_epoch_end(3, {"loss": 0.1, "val_loss": 0.3})
    bar.on_progress(Progress(3, 10, 10, {"loss": 0.1}, done=True))
    bar.on_train_end()
    assert bar._out.getvalue().endswith("4 steps/s  10s passed  loss: 0.1 - val_loss: 0.3\x1b[K\n")
