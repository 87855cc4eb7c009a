"""Callback and CallbackList: names that Keras has, and who is called when."""

import pytest

import ebbflow as ebb
from ebbflow.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgressBar,
    TensorBoard,
    TerminateOnNaN,
)
from ebbflow.core.errors import NonFiniteLossError
from ebbflow.training.callbacks import overrides
from ebbflow.training.callbacks.monitor import direction_of


def test_every_function_of_a_moment_gets_logs(regressor, regression) -> None:
    heard = []
    names = [name for name in vars(Callback) if name.startswith(("on_train_", "on_test_", "on_predict_"))]
    watch = LambdaCallback(**{name: lambda *given: heard.append(isinstance(given[-1], dict)) for name in names})
    model = regressor()
    model.fit(*regression, epochs=1, verbose=0, callbacks=[watch])
    model.evaluate(*regression, verbose=0, callbacks=[watch])
    model.predict(regression[0], verbose=0, callbacks=[watch])
    assert len(heard) == 2 + 2 * 2 + 2 + 2 and all(heard)


def test_batches_have_two_names(regressor, regression) -> None:
    class Counter(Callback):
        begun = ended = 0

        def on_batch_begin(self, batch, logs=None):
            self.begun += 1

        def on_batch_end(self, batch, logs=None):
            self.ended += "loss" in logs

    counter = Counter()
    regressor().fit(*regression, batch_size=20, epochs=2, verbose=0, callbacks=[counter])
    assert (counter.begun, counter.ended) == (6, 6)


def test_a_subclass_needs_not_call_its_base(regressor, regression) -> None:
    class Own(Callback):
        def __init__(self):
            self.losses = []

        def on_epoch_end(self, epoch, logs=None):
            self.losses.append((self.params["epochs"], self.model.name, logs["loss"]))

    model, own = regressor(), Own()
    losses = model.fit(*regression, epochs=2, verbose=0, callbacks=[own]).history["loss"]
    assert own.losses == [(2, model.name, loss) for loss in losses]


def test_a_fit_stops_at_steps_only_for_callbacks_that_need_it() -> None:
    def steps(callback):
        return overrides(callback, "on_train_batch_end")

    assert not steps(ModelCheckpoint("m.ebb")) and steps(ModelCheckpoint("m.ebb", save_freq=3))
    assert not steps(TensorBoard()) and steps(TensorBoard(update_freq="batch"))

    class Own(ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            pass

    assert steps(Own("m.ebb")), "a user's own moment counts"
    assert steps(LambdaCallback(on_batch_end=print)), "its other name"


def test_a_callback_that_waits_for_what_never_comes_is_warned() -> None:
    class Own(Callback):
        def on_test_batch_end(self, batch, logs=None):
            pass

    with pytest.warns(UserWarning, match="Own: on_test_batch_end is never called, .*; use on_test_end"):
        CallbackList([Own()])


def test_a_list_of_callbacks_for_own_loops() -> None:
    calls = []
    model = ebb.Sequential([])
    given = LambdaCallback(on_epoch_end=lambda epoch, logs: calls.append((epoch, logs)))
    several = CallbackList([given], add_history=True, add_progbar=True, model=model, epochs=3)
    assert [type(one) for one in several.callbacks] == [LambdaCallback, History, ProgressBar]
    assert all(one.model is model and one.params == {"epochs": 3} for one in [several, *several.callbacks])
    CallbackList([several.callbacks[0], History()], add_history=True).on_epoch_end(2, {"loss": 0.5})
    assert calls == [(2, {"loss": 0.5})]
    assert len(CallbackList([History()], add_history=True).callbacks) == 1


def test_terminate_on_nan_may_raise(run_eagerly) -> None:
    model = ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(1)])
    model.compile(ebb.optimizers.SGD(1e30), "mse", run_eagerly=run_eagerly)
    x = [[1.0], [2.0]]
    with pytest.raises(NonFiniteLossError, match="not finite"):
        model.fit(x, [5.0, -7.0], epochs=50, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])


def test_functions_by_position_and_by_name() -> None:
    given = LambdaCallback(None, print, on_test_end=print)
    assert given.on_epoch_end is print and given.on_test_end is print
    assert not overrides(given, "on_epoch_begin")


@pytest.mark.parametrize(
    ("monitor", "expected"),
    [
        *[(name, "min") for name in ("loss", "val_loss", "mean_squared_error", "mae", "false_positives", "hinge")],
        *[(name, "max") for name in ("accuracy", "val_acc", "sparse_categorical_accuracy", "auc_1", "val_r2_score")],
        *[(name, "max") for name in ("f1_score", "precision", "val_recall_2", "cosine_similarity", "mean_io_u")],
    ],
)
def test_which_way_is_better_by_name(monitor, expected) -> None:
    assert direction_of(monitor) == EarlyStopping(monitor).mode == expected


def test_a_metric_may_say_which_way_is_better() -> None:
    class Metric:
        name, _direction = "loss_of_sleep", "up"

    stopping = EarlyStopping("val_loss_of_sleep")
    assert stopping.mode == "min"
    stopping.set_model(type("Model", (), {"metrics": [Metric()]}))
    stopping.on_train_begin()
    assert stopping.mode == "max"


def test_epochs_without_a_validation_are_not_looked_at() -> None:
    model = type("Model", (), {"metrics": [], "stop_training": False})
    stopping = EarlyStopping(patience=1)
    stopping.set_model(model)
    stopping.set_params({"validation_freq": 2})
    stopping.on_train_begin()
    for epoch, value in enumerate([None, 1.0, None, 2.0]):
        assert not model.stop_training
        stopping.on_epoch_end(epoch, {"loss": 0.0} | ({} if value is None else {"val_loss": value}))
    assert model.stop_training and stopping.best_epoch == 1
