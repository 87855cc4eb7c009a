"""GradientMonitor: what it measures, held against formulas."""

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import GradientMonitor, LambdaCallback
from ebbflow.core.errors import ShapeError


def network(activation, run_eagerly):
    model = ebb.Sequential(
        [ebb.Input((3,)), ebb.layers.Dense(4, activation, name="hidden"), ebb.layers.Dense(1, name="output")]
    )
    model.compile(ebb.optimizers.SGD(0.1), "mse", run_eagerly=run_eagerly)
    return model


def test_norms_of_gradients_and_updates(regression, run_eagerly) -> None:
    """One step on all rows moves W by rate times the gradient that is seen before it."""
    x, y = regression
    model = network("tanh", run_eagerly)
    monitor = GradientMonitor(x, y)
    first = [weight.copy() for weight in model.get_weights()]
    model.fit(x, y, batch_size=50, epochs=1, verbose=0, callbacks=[monitor])
    second = [weight.copy() for weight in model.get_weights()]
    model.fit(x, y, batch_size=50, epochs=1, verbose=0, shuffle=False)
    third = model.get_weights()
    for weight, w1, w2, w3 in zip(model.weights, first, second, third, strict=True):
        (norm,), (ratio,) = (monitor.history[f"{kind}/{weight.name}"] for kind in ("gradient_norm", "update_ratio"))
        assert norm == pytest.approx(np.linalg.norm(w3 - w2) / 0.1, rel=1e-3)
        if w1.any():  # a bias begins at 0
            assert ratio == pytest.approx(np.linalg.norm(w2 - w1) / np.linalg.norm(w1), rel=1e-4)


def test_dead_units(regression, run_eagerly) -> None:
    x, y = regression
    model = network("relu", run_eagerly)
    model.layers[0].bias.assign([-1000.0, -1000.0, -1000.0, 1000.0])
    monitor = GradientMonitor(x, y)
    monitor.set_model(model)
    monitor.on_train_begin()
    monitor.on_epoch_end(0, {})
    assert monitor.history["dead/hidden"] == [0.75]
    assert "saturated/hidden" not in monitor.history and "dead/output" not in monitor.history


@pytest.mark.parametrize(("activation", "least"), [("tanh", 0.9), ("sigmoid", 0.95)])
def test_saturated_outputs(regression, run_eagerly, activation, least) -> None:
    x, y = regression
    model = network(activation, run_eagerly)
    model.layers[0].kernel.assign(np.zeros((3, 4)))
    model.layers[0].bias.assign([-50.0, 0.0, 50.0, 50.0])
    monitor = GradientMonitor(x, y, saturated=least)
    monitor.set_model(model)
    monitor.on_train_begin()
    monitor.on_epoch_end(0, {})
    assert monitor.history["saturated/hidden"] == [0.75]


def test_every_so_many_epochs_and_into_the_logs_if_asked(regression, run_eagerly) -> None:
    x, y = regression
    quiet, logged = GradientMonitor(x[:9], y[:9], frequency=2), GradientMonitor(log=True)
    seen = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(set(logs)))
    history = network("relu", run_eagerly).fit(x, y, epochs=5, verbose=0, callbacks=[quiet, logged, look]).history
    assert quiet.epoch == [1, 3] and all(len(values) == 2 for values in quiet.history.values())
    names = {f"update_ratio/{name}" for name in ("hidden/kernel", "hidden/bias", "output/kernel", "output/bias")}
    assert set(history) == {"loss"} | names == seen[0]
    assert history["update_ratio/hidden/kernel"] == logged.history["update_ratio/hidden/kernel"]


def test_a_sample_that_does_not_suit_is_named_before_the_training(regression, run_eagerly) -> None:
    x, y = regression
    with pytest.raises(ShapeError, match=r"expected inputs of shape \(any, 3\)"):
        network("relu", run_eagerly).fit(x, y, verbose=0, callbacks=[GradientMonitor(x[:, :2], y)])


@pytest.mark.parametrize(
    ("activation", "kernel", "bias", "thresholds", "name", "share"),
    [
        # of units with outputs 0 0, 0 0.1, 0.1 0 and 2 2 for the two rows only the first is dead, three are almost
        ("relu", [-1, 1, -1, 0], [0, -0.9, 0.1, 2], {}, "dead/hidden", 0.25),
        ("relu", [-1, 1, -1, 0], [0, -0.9, 0.1, 2], {"dead": 0.5}, "dead/hidden", 0.75),
        # sigmoid of -+4.5 is 0.989 from its other end, of -+4.7 it is 0.991; tanh of -+2.6 is 0.989, of -+2.7 0.991
        ("sigmoid", [0, 0, 0, 0], [4.5, -4.5, 4.7, -4.7], {}, "saturated/hidden", 0.5),
        ("sigmoid", [0, 0, 0, 0], [4.5, -4.5, 4.7, -4.7], {"saturated": 0.98}, "saturated/hidden", 1.0),
        ("tanh", [0, 0, 0, 0], [2.6, -2.6, 2.7, -2.7], {}, "saturated/hidden", 0.5),
    ],
)
def test_a_unit_is_dead_if_no_row_excites_it_and_an_output_saturated_beyond_the_threshold(
    run_eagerly, activation, kernel, bias, thresholds, name, share
) -> None:
    hidden = ebb.layers.Dense(4, activation, name="hidden")
    model = ebb.Sequential([ebb.Input((1,)), hidden, ebb.layers.Dense(1, name="output")])
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    hidden.set_weights([np.array([kernel], float), np.array(bias, float)])
    monitor = GradientMonitor(np.array([[0.0], [1.0]]), np.zeros((2, 1)), **thresholds)
    monitor.set_model(model)
    monitor.on_train_begin()
    monitor.on_epoch_end(0, {})
    assert monitor.history[name] == [share]
