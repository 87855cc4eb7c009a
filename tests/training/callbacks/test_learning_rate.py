"""Callbacks that change the learning rate."""

import math

import pytest

import ebbflow as ebb
from ebbflow.callbacks import LearningRateScheduler, ReduceLROnPlateau
from ebbflow.core.errors import ArgumentError
from tests.training.conftest import same_bits


def test_a_schedule_sets_the_rate_of_each_epoch_and_logs_it(regressor, regression) -> None:
    model = regressor(optimizer=ebb.optimizers.SGD(0.5))
    halve = LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else rate / 2)
    history = model.fit(*regression, epochs=4, verbose=0, callbacks=[halve]).history
    assert history["learning_rate"] == [0.5, 0.5, 0.25, 0.125]

    other = regressor(optimizer=ebb.optimizers.SGD(0.5))
    tabulated = LearningRateScheduler([0.25, 0.0, 0.0].__getitem__)
    other.fit(*regression, epochs=1, verbose=0, callbacks=[tabulated])
    weights = other.get_weights()
    other.fit(*regression, epochs=3, initial_epoch=1, verbose=0, callbacks=[tabulated])
    assert same_bits(other.get_weights(), weights), "a rate of 0 is in force from the epoch's first step on"


def test_a_changed_rate_compiles_nothing(regression) -> None:
    model = ebb.Sequential([ebb.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(*regression, epochs=5, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))])
    model.fit(*regression, epochs=2, verbose=0)
    assert len(model.programs.known) == 1


@pytest.mark.parametrize("came", [None, math.nan, -0.1, "0.1"], ids=str)
def test_a_schedule_returns_a_number(regressor, regression, came) -> None:
    with pytest.raises(ArgumentError, match=r"expected a number of at least 0 for the result of schedule\(0\), got"):
        regressor().fit(*regression, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: came)])


def test_an_error_inside_a_schedule_reaches_the_user(regressor, regression) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        regressor().fit(*regression, verbose=0, callbacks=[LearningRateScheduler(lambda epoch, rate: rate + None)])


class Fixed:
    """A model that has an optimizer and nothing else."""

    def __init__(self, rate):
        self.optimizer = ebb.optimizers.SGD(rate)


def rates(losses: list[float], rate: float = 1.0, **arguments) -> list[float]:
    """The rate with which each epoch ends."""
    callback = ReduceLROnPlateau(monitor="loss", **arguments)
    callback.set_model(Fixed(rate))
    callback.on_train_begin()
    found = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"loss": loss})
        found.append(float(callback.model.optimizer.learning_rate.numpy()))
    return found


def test_a_plateau_reduces_the_rate() -> None:
    assert rates([3, 2, 2, 2, 2, 2], factor=0.5, patience=2) == [1, 1, 1, 0.5, 0.5, 0.25]
    assert rates([3, 2, 2, 1, 1, 1], factor=0.5, patience=2) == [1, 1, 1, 1, 1, 0.5]
    assert rates([2, 2, 2, 2, 2], factor=0.5, patience=1, cooldown=1) == [1, 0.5, 0.25, 0.125, 0.0625]
    assert rates([2, 2, 2, 2, 2], factor=0.5, patience=1, cooldown=2) == [1, 0.5, 0.5, 0.25, 0.25]
    assert rates([2, 2, 2, 2], factor=0.5, patience=1, min_lr=0.3) == [1, 0.5, 0.3, 0.3]
    assert rates([2, 1.95, 1.9, 1.7], factor=0.5, patience=1, min_delta=0.2) == [1, 0.5, 0.25, 0.25]
    assert rates([1, 2, 3], mode="max", factor=0.5, patience=1) == [1, 1, 1]
    assert rates([1, math.nan, math.nan], factor=0.5, patience=2) == [1, 1, 0.5]


def test_the_logged_rate_is_that_of_the_epoch(regressor, regression) -> None:
    model = regressor(optimizer=ebb.optimizers.SGD(0.5))
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    history = model.fit(*regression, epochs=4, verbose=0, callbacks=[plateau]).history
    assert history["learning_rate"] == [0.5, 0.5, 0.25, 0.125]
    assert len(model.programs.known) <= 1


def test_a_monitor_that_is_not_logged_is_named(regressor, regression) -> None:
    with pytest.raises(
        ArgumentError, match="ReduceLROnPlateau: expected monitor to be one of loss, .*'val_loss'; give"
    ):
        regressor().fit(*regression, verbose=0, callbacks=[ReduceLROnPlateau()])
