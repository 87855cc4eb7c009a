"""What `compile` takes, the penalties that layers add to the loss, and what is told of a compilation."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError
from tests.training.conftest import same_bits

rng = np.random.default_rng(8)
X = rng.normal(size=(40, 3)).astype(np.float32)
Y = np.tanh(X @ rng.normal(size=(3, 1))).astype(np.float32)


def network(run_eagerly: bool, regularizer: Any = None, compiled: bool = True, **arguments: Any) -> ebb.Sequential:
    ebb.set_random_seed(6)
    hidden = ebb.layers.Dense(5, activation="tanh", kernel_regularizer=regularizer)
    model = ebb.Sequential([ebb.Input((3,)), hidden, ebb.layers.Dense(1)])
    if compiled:
        model.compile(**{"optimizer": "sgd", "loss": "mse", "run_eagerly": run_eagerly} | arguments)
    return model


WRONG = [
    ({"loss_weights": ["mae"]}, "since a model has one output, got ['mae']; write metrics=['mae']"),
    (
        {"loss_weights": [1.0, 2.0]},
        "compile: expected one number as loss_weights, since a model has one output, got [1",
    ),
    ({"metrics": True}, "compile: expected a list of metrics, since a model has one output, got True"),
    ({"metrics": {"a": "mae"}}, "compile: expected a list of metrics, since a model has one output, got {'a': 'mae'}"),
    ({"weighted_metrics": ["maee"]}, "maee"),
    *[
        ({"steps_per_execution": one}, "compile: expected steps_per_execution as a whole number of at least 1, got")
        for one in (0, 2.5, True, "all")
    ],
    ({"jit_compile": "yes"}, "compile: expected True, False or \"auto\" for jit_compile, got 'yes'"),
    ({"jit_compile": True, "run_eagerly": True}, "compile: expected run_eagerly or jit_compile, got both"),
    ({"auto_scale_loss": 3}, "compile: expected True or False for auto_scale_loss, got 3"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[str(wrong[0]) for wrong in WRONG])
def test_a_mistake_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        network(False, compiled=False).compile("sgd", "mse", **arguments)
    assert message in str(caught.value)


def test_arguments_stand_in_the_order_of_keras() -> None:
    model = network(False, compiled=False)
    model.compile("adam", "mse", None, ["mae"], ["mse"], False, 1, "auto", True)
    model.fit(X, Y, 16, 1, 0)
    assert model.metrics_names == ["loss", "mae", "mse"]
    assert model.evaluate(X, Y, 16, 0, None, 2, None, True).keys() == {"loss", "mae", "mse"}


@pytest.mark.parametrize("steps", [10, "auto"])
def test_steps_per_execution_change_nothing(steps: Any) -> None:
    losses = []
    for options in ({}, {"steps_per_execution": steps}):
        ebb.set_random_seed(1)
        losses.append(network(False, **options).fit(X, Y, epochs=2, verbose=0).history["loss"])
    assert losses[0] == losses[1]


def test_steps_that_are_not_to_be_compiled_run_in_python() -> None:
    assert network(False, jit_compile=False).run_eagerly
    assert not network(False, jit_compile=True).run_eagerly


def test_a_weighted_metric_has_a_name_of_its_own(run_eagerly: bool) -> None:
    model = network(run_eagerly, metrics=["mae", "mae"], weighted_metrics=["mae", "mse", "mae"])
    model.fit(X, Y, verbose=0)
    assert model.metrics_names == ["loss", "mae", "mae_1", "weighted_mae", "mse", "weighted_mae_1"]


def test_the_loss_is_multiplied_by_its_weight(run_eagerly: bool) -> None:
    plain, tripled = network(run_eagerly), network(run_eagerly, loss_weights=3.0)
    assert tripled.evaluate(X, Y, verbose=0) == pytest.approx(3 * plain.evaluate(X, Y, verbose=0), rel=1e-6)
    again = network(run_eagerly, loss_weights=[3.0])
    for model in (tripled, again):
        model.fit(X, Y, verbose=0)
    assert same_bits(tripled.get_weights(), again.get_weights())
    assert not same_bits(tripled.get_weights()[1:2], plain.get_weights()[1:2])


@pytest.mark.parametrize("batch_size", [7, 40])
def test_the_loss_holds_the_penalties_of_the_weights(run_eagerly: bool, batch_size: int) -> None:
    model = network(run_eagerly, ebb.regularizers.L2(0.1), loss_weights=2.0)
    error = np.square(model.predict(X, verbose=0) - Y).mean()
    penalty = 0.1 * np.square(model.layers[0].kernel.numpy()).sum()
    assert model.evaluate(X, Y, batch_size, verbose=0) == pytest.approx(2 * error + penalty, rel=1e-5)
    assert [float(loss.numpy()) for loss in model.losses] == pytest.approx([penalty], rel=1e-6)


def test_penalized_training_is_that_of_the_formula(run_eagerly: bool) -> None:
    """One step of gradient descent moves a penalized weight by the rate times 2 l2 w more."""
    before, l2, rate = network(run_eagerly).get_weights(), 0.3, 0.01
    steps = []
    for regularizer in (None, ebb.regularizers.L2(l2)):
        model = network(run_eagerly, regularizer)
        model.fit(X, Y, batch_size=40, verbose=0)
        steps.append([new - old for new, old in zip(model.get_weights(), before, strict=True)])
    np.testing.assert_allclose(steps[1][0] - steps[0][0], -rate * 2 * l2 * before[0], rtol=1e-3, atol=1e-6)
    for plain, penalized in zip(steps[0][1:], steps[1][1:], strict=True):
        np.testing.assert_allclose(plain, penalized, rtol=1e-5)


class Even(ebb.layers.Layer):
    """Adds to the loss how far the means of its columns are from 0."""

    def call(self, inputs: Any) -> Any:
        self.add_loss(ebb.ops.sum(ebb.ops.square(ebb.ops.mean(inputs, axis=0))))
        return inputs


def test_what_a_layer_adds_to_the_loss_of_its_batch_is_compiled_too() -> None:
    histories = []
    for run_eagerly in (True, False):
        ebb.set_random_seed(6)
        dense = ebb.layers.Dense(4, activity_regularizer=ebb.regularizers.L1(0.01))
        model = ebb.Sequential([ebb.Input((3,)), dense, Even(), ebb.layers.Dense(1)])
        model.compile("adam", "mse", run_eagerly=run_eagerly)
        fit = {"batch_size": 16, "epochs": 3, "validation_split": 0.3, "verbose": 0}
        histories.append(model.fit(X, Y, **fit).history)
        outputs = dense(X).numpy().astype(np.float64)
        added = 0.01 * np.abs(outputs).sum() / len(X) + np.square(outputs.mean(axis=0)).sum()
        error = np.square(model.predict(X, verbose=0) - Y).mean()
        assert model.evaluate(X, Y, len(X), verbose=0) == pytest.approx(error + added, rel=1e-5)
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-4, err_msg=name)


def test_a_model_may_have_penalties_alone(run_eagerly: bool) -> None:
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(4), Even()])
    model.compile(ebb.optimizers.SGD(0.1), run_eagerly=run_eagerly)
    losses = model.fit(X, Y, batch_size=40, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_the_part_of_training_is_told_to_a_loss_of_ones_own(run_eagerly: bool) -> None:
    class Own(ebb.Sequential):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
            return super().compute_loss(x, y, y_pred, sample_weight) * (1.0 if training else 5.0)

    plain, model = network(run_eagerly), Own(network(run_eagerly).layers)
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(5 * plain.evaluate(X, Y, verbose=0), rel=1e-6)
    assert model.train_on_batch(X, Y) == plain.train_on_batch(X, Y)


def test_a_compilation_is_told_and_made_again(run_eagerly: bool) -> None:
    model = network(run_eagerly, compiled=False)
    assert model.get_compile_config() == {}
    model.compile(
        ebb.optimizers.SGD(0.03),
        ebb.losses.MeanSquaredError(),
        2.0,
        ["mae"],
        [ebb.metrics.MeanSquaredError()],
        run_eagerly,
    )
    other = network(run_eagerly, compiled=False)
    other.compile_from_config(model.get_compile_config())
    assert other.get_compile_config() == model.get_compile_config()
    weights = np.arange(40.0)
    histories = [one.fit(X, Y, sample_weight=weights, epochs=2, verbose=0).history for one in (model, other)]
    assert histories[0] == histories[1]
    assert list(histories[0]) == ["loss", "mae", "mean_squared_error"]


def test_metrics_can_be_asked_and_reset(run_eagerly: bool) -> None:
    model = network(run_eagerly, metrics=["mae"])
    model.fit(X, Y, verbose=0)
    model.test_step(X, Y)
    results = {name: float(value.numpy()) for name, value in model.get_metrics_result().items()}
    assert results == pytest.approx(model.evaluate(X, Y, 40, verbose=0, return_dict=True), rel=1e-5)
    model.test_step(X, Y)
    model.reset_metrics()
    assert {float(value.numpy()) for value in model.get_metrics_result().values()} == {0.0}


def test_the_history_tells_how_it_was_made() -> None:
    history = network(False).fit(X, Y, batch_size=16, epochs=2, verbose=0)
    assert {name: history.params[name] for name in ("epochs", "steps", "verbose")} == {
        "epochs": 2,
        "steps": 3,
        "verbose": 0,
    }
