"""Ctrl-C, errors in callbacks, and losses that are not finite: the model keeps its last good state."""

import os
import signal
import threading

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import LambdaCallback, TerminateOnNaN
from ebbflow.core.errors import NonFiniteLossError
from tests.training.conftest import same_bits


def state_of(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.training_state()]


def raises(error: BaseException):
    def function(*_):
        raise error

    return function


def test_ctrl_c_between_epochs_leaves_the_state_of_the_last_one(regressor, regression) -> None:
    model, other = regressor(), regressor()
    other.set_weights(model.get_weights())
    press = LambdaCallback(on_epoch_end=lambda epoch, logs: epoch == 1 and raises(KeyboardInterrupt())())
    with pytest.raises(KeyboardInterrupt):
        model.fit(*regression, epochs=9, verbose=0, shuffle=False, callbacks=[press])
    other.fit(*regression, epochs=2, verbose=0, shuffle=False)
    assert same_bits(model.get_weights(), other.get_weights())


# An interrupt may fall into a destructor, where Python can but warn of it; it is pressed again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_at_any_moment_leaves_a_whole_number_of_steps(regressor, regression) -> None:
    model, other = regressor(dropout=0.1), regressor(dropout=0.1)
    # Equal weights and random states: training the other for as many steps must give the same.
    for own, others in zip(model.variables, other.variables, strict=True):
        others.assign(own.value)
    ended = threading.Event()

    def press() -> None:
        """Again after a while, since Python drops an interrupt that falls into a destructor."""
        wait = 0.05
        while not ended.wait(wait):
            os.kill(os.getpid(), signal.SIGINT)
            wait = 2.0

    finger = threading.Thread(target=press)
    soon = LambdaCallback(on_progress=lambda progress: finger.ident or finger.start())
    with pytest.raises(KeyboardInterrupt):
        model.fit(*regression, batch_size=50, epochs=10**6, verbose=0, callbacks=[soon])
    ended.set()
    finger.join()

    steps = int(model.optimizer.iterations.numpy())
    assert 0 < steps < 10**6
    other.fit(*regression, batch_size=50, epochs=steps, verbose=0)
    assert same_bits(model.get_weights(), other.get_weights())
    assert model.history.epoch == list(range(steps))
    assert int(model.shuffle_state.numpy()[3]) == steps


def test_ctrl_c_in_the_middle_of_a_step_undoes_this_step(regression) -> None:
    class Interrupted(ebb.Sequential):
        steps = 0

        def train_step(self, x, y):
            loss = super().train_step(x, y)
            self.steps += 1
            if self.steps == 3:
                self.weights[0].assign_add(1.0)
                raise KeyboardInterrupt
            if self.steps == 2:
                self.good = state_of(self)
            return loss

    model = Interrupted([ebb.Input((3,)), ebb.layers.Dropout(0.5), ebb.layers.Dense(1)])
    model.compile(loss="mse", optimizer="adam", run_eagerly=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*regression, batch_size=10, verbose=0)
    assert same_bits(state_of(model), model.good)


def test_an_error_in_a_callback_reaches_the_user(regressor, regression) -> None:
    with pytest.raises(ZeroDivisionError):
        regressor().fit(*regression, verbose=0, callbacks=[LambdaCallback(on_epoch_end=raises(ZeroDivisionError()))])


class Root(ebb.layers.Layer):
    """NaN for negative numbers."""

    def call(self, inputs):
        return ebb.ops.sqrt(inputs)


@pytest.fixture
def breaking(run_eagerly):
    """A model that gives NaN for the 30th row of its data, and the data."""
    model = ebb.Sequential(
        [ebb.Input((1,)), ebb.layers.Dense(1, kernel_initializer="ones", name="first"), Root(name="root")]
        + [ebb.layers.Dropout(0.1), ebb.layers.Dense(1)]
    )
    model.layers[0].trainable = False
    model.compile(optimizer="sgd", loss="mse", run_eagerly=run_eagerly)
    x = np.linspace(1.0, 2.0, 40)
    x[30] = -1.0
    return model, x


def test_a_loss_that_is_not_finite_names_epoch_step_layer_and_remedies(breaking) -> None:
    model, x = breaking
    with pytest.raises(NonFiniteLossError, match="learning rate") as error:
        model.fit(x, x, batch_size=10, epochs=2, verbose=0, shuffle=False)
    assert str(error.value).startswith(
        'fit: the loss is not finite in epoch 1/2, step 4/4: Root "root" is the first layer with an output that is not '
        "finite; try a smaller learning rate"
    )
    assert (error.value.epoch, error.value.step, error.value.layer) == (0, 3, "root")


def test_the_model_is_then_as_after_the_last_finite_step(breaking) -> None:
    model, x = breaking
    before = model.get_weights()
    with pytest.raises(NonFiniteLossError):
        model.fit(x, x, batch_size=10, verbose=0, shuffle=False)
    stopped = [variable.numpy() for variable in model.variables]

    ebb.set_random_seed(7)
    model.set_weights(before)
    for generator in model.variables[len(before) :]:
        generator.assign(generator.numpy() * np.array([1, 1, 1, 0], np.uint32))
    for start in (0, 10, 20):
        model.train_on_batch(x[start : start + 10], x[start : start + 10])
    assert same_bits(stopped, [variable.numpy() for variable in model.variables])


def test_a_diverging_training_is_told_apart_from_a_bad_loss(run_eagerly) -> None:
    model = ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(1, name="only")])
    model.compile(optimizer=ebb.optimizers.SGD(1e30), loss="mse", run_eagerly=run_eagerly)
    x = np.linspace(1, 2, 40)
    with pytest.raises(NonFiniteLossError, match=r"not finite in epoch \d+/50, step \d+/2") as error:
        model.fit(x, -x, epochs=50, verbose=0)
    assert "in the loss function" in str(error.value) or "only" in str(error.value)


def test_a_bad_batch_is_named_too(breaking) -> None:
    model, x = breaking
    with pytest.raises(NonFiniteLossError, match="train_on_batch: the loss is not finite"):
        model.train_on_batch(x[25:35], x[25:35])


def test_terminate_on_nan_ends_the_epoch_quietly_before_the_bad_step(breaking, capsys) -> None:
    model, x = breaking
    history = model.fit(x[:30], x[:30], epochs=2, verbose=0)
    assert history.epoch == [0, 1]
    ended = []
    watch = LambdaCallback(on_train_end=lambda logs: ended.append(True))
    stop = {"batch_size": 10, "epochs": 5, "shuffle": False, "callbacks": [TerminateOnNaN(), watch]}
    history = model.fit(x, x, verbose=0, validation_data=(x[:30], x[:30]), **stop)
    assert history.epoch == [0] and model.stop_training and ended
    assert np.isnan(history.history["loss"]).all(), "as in Keras: the loss of the epoch is not finite"
    assert history.history["val_loss"] == [model.evaluate(x[:30], x[:30], 10, verbose=0)]
    assert capsys.readouterr().out == "Epoch 1, batch 4: the loss is not finite, terminating training\n"
    assert np.isfinite(np.concatenate([weight.ravel() for weight in model.get_weights()])).all()
