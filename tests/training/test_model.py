"""Models: Sequential, subclasses, steps of one's own, single batches, summaries."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, NonFiniteLossError, ShapeError
from tests.training.conftest import same_bits


class Residual(ebb.Model):
    """y = W (x + f(x))"""

    def __init__(self, units: int = 3):
        super().__init__()
        self.inner = ebb.layers.Dense(units, activation="tanh")
        self.outer = ebb.layers.Dense(1)

    def call(self, inputs):
        return self.outer(inputs + self.inner(inputs))


def test_a_subclass_is_built_by_the_data_and_trained(run_eagerly, regression) -> None:
    model = Residual()
    model.compile(optimizer=ebb.optimizers.Adam(0.02), loss="mse", run_eagerly=run_eagerly)
    losses = model.fit(*regression, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert [layer.name for layer in model.layers] == [model.inner.name, model.outer.name]
    assert model.get_layer(model.inner.name) is model.inner and model.get_layer(index=-1) is model.outer
    assert model.count_params() == 3 * 3 + 3 + 3 + 1
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 1))


def test_a_model_is_a_layer_of_other_models(run_eagerly, regression) -> None:
    inner = Residual()
    model = ebb.Sequential([ebb.Input((3,)), ebb.Sequential([ebb.layers.Dense(3)]), inner])
    model.compile(loss="mse", run_eagerly=run_eagerly)
    before = model.get_weights()
    model.fit(*regression, epochs=1, verbose=0)
    assert len(before) == 6
    assert not any(same_bits([a], [b]) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_model_may_have_a_loss_and_a_step_of_its_own(run_eagerly, regression) -> None:
    class Penalized(Residual):
        def compute_loss(self, x, y, y_pred, sample_weight=None):
            return (y - y_pred).__abs__().mean() + 10.0 * (self.outer.kernel**2).sum()

    class Halving(Residual):
        def train_step(self, x, y):
            loss = self.compute_loss(x, y, self(x, training=True))
            for weight in self.trainable_variables:
                weight.assign(weight * 0.5)
            return loss

    penalized, halving = Penalized(), Halving()
    penalized.compile(optimizer=ebb.optimizers.Adam(0.05), run_eagerly=run_eagerly)
    penalized.build_for((50, 3))
    before = np.square(penalized.outer.kernel.numpy()).sum()
    penalized.fit(*regression, epochs=50, verbose=0)
    assert np.square(penalized.outer.kernel.numpy()).sum() < 0.02 < before

    halving.compile(loss="mse", run_eagerly=run_eagerly)
    halving.build_for((50, 3))
    before = halving.get_weights()
    halving.fit(*regression, batch_size=25, epochs=1, verbose=0)
    assert same_bits(halving.get_weights(), [weight / 4 for weight in before])


def test_layers_that_are_not_trainable_stay(regressor, regression) -> None:
    model = regressor()
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(*regression, epochs=1, verbose=0)
    assert same_bits(before[:2], model.get_weights()[:2])
    assert not same_bits(before[2:], model.get_weights()[2:])


def test_steps_on_batches_are_the_steps_of_a_fit(regressor, regression) -> None:
    x, y = regression
    model, other = regressor(metrics=["mae"]), regressor(metrics=["mae"])
    other.set_weights(model.get_weights())

    before = model.test_on_batch(x[:25], y[:25])
    assert model.train_on_batch(x[:25], y[:25]) == pytest.approx(before, rel=1e-6)
    model.train_on_batch(x[25:], y[25:], return_dict=True)
    other.fit(x, y, batch_size=25, shuffle=False, verbose=0)

    assert same_bits(model.get_weights(), other.get_weights())
    assert np.array_equal(model.predict_on_batch(x), other.predict(x, verbose=0))


def test_layers_can_be_added_and_taken_off(regression) -> None:
    model = ebb.Sequential()
    model.add(ebb.Input((3,)))
    model.add(ebb.layers.Dense(4))
    model.add(ebb.layers.Dense(2))
    assert model.output_shape == (None, 2)
    model.pop()
    assert model.output_shape == (None, 4) and len(model.weights) == 2
    assert model.predict(regression[0], verbose=0).shape == (50, 4)


def test_a_stack_of_layers_names_what_does_not_belong_in_it() -> None:
    dense = ebb.layers.Dense(2)
    with pytest.raises(
        ArgumentError, match=r"expected a layer, got <class .*Dense'>; make one by writing it with \(\)"
    ):
        ebb.Sequential([ebb.layers.Dense])
    with pytest.raises(ArgumentError, match="expected Input to be the first layer, got it at place 1"):
        ebb.Sequential([dense, ebb.Input((3,))])
    with pytest.raises(ArgumentError, match="was added before; make a new layer"):
        ebb.Sequential([dense, dense])
    with pytest.raises(ArgumentError, match="expected a layer to take off"):
        ebb.Sequential().pop()
    with pytest.raises(ArgumentError, match=r"expected a list of layers, got <Dense .*>; write Sequential\(\[...\]\)"):
        ebb.Sequential(dense)
    with pytest.raises(ArgumentError, match="has no layers"):
        ebb.Sequential().predict([[1.0]])


def test_a_layer_in_a_stack_gives_one_tensor(regression) -> None:
    class Twice(ebb.layers.Layer):
        def call(self, inputs):
            return inputs, inputs

    with pytest.raises(
        ArgumentError, match=r'expected one tensor from Twice "pair", got several, of shapes \[\(None, 3'
    ):
        ebb.Sequential([Twice(name="pair"), ebb.layers.Dense(1)]).predict(regression[0], verbose=0)


def test_a_changed_stack_must_be_compiled_again(regressor, regression) -> None:
    model = regressor()
    model.fit(*regression, verbose=0)
    model.pop()
    model.add(ebb.layers.Dense(1))
    with pytest.raises(ArgumentError, match="of this model, which has other layers now; call compile again with a new"):
        model.fit(*regression, verbose=0)
    other = ebb.Sequential([ebb.layers.Dense(1)])
    other.compile(model.optimizer, loss="mse")
    with pytest.raises(ArgumentError, match="of another model; make one for each model"):
        other.fit(*regression, verbose=0)


def test_moments_may_be_learned_after_a_stack_was_built(regression) -> None:
    normalization = ebb.layers.Normalization()
    model = ebb.Sequential([ebb.Input((3,)), normalization])
    with pytest.raises(ArgumentError, match="has no moments yet"):
        model.predict(regression[0], verbose=0)
    normalization.adapt(regression[0])
    assert abs(model.predict(regression[0], verbose=0).mean()) < 1e-5


def test_labels_that_no_class_has_stop_the_training(run_eagerly, classes) -> None:
    x, y = classes
    model = ebb.Sequential([ebb.layers.Dense(3)])

    def own(y_true, y_pred):
        return ebb.ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    model.compile(loss=own, run_eagerly=run_eagerly)
    with pytest.raises(NonFiniteLossError, match="it arose in the loss function"):
        model.fit(x, np.where(y == 2, 7, y), verbose=0)


def test_a_layer_that_does_not_fit_is_not_added() -> None:
    class Narrow(ebb.layers.Layer):
        def call(self, inputs):
            raise ShapeError("too wide")

    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(4)])
    with pytest.raises(ShapeError, match="too wide"):
        model.add(Narrow())
    assert len(model.layers) == 1 and model.output_shape == (None, 4)


def test_a_summary_shows_layers_shapes_and_parameters(capsys) -> None:
    model = ebb.Sequential(
        [ebb.Input((30,)), ebb.layers.Dense(64, name="hidden"), ebb.layers.Dense(1, name="out")], name="net"
    )
    model.layers[0].trainable = False
    model.summary()
    assert (
        capsys.readouterr().out
        == """\
Sequential "net"
────────────────────────────────────────
Layer (type)    Output shape  Parameters
────────────────────────────────────────
hidden (Dense)  (None, 64)         1,984
out (Dense)     (None, 1)             65
────────────────────────────────────────
Total parameters: 2,049 (8.004 KiB)
Trainable parameters: 65
Not trainable parameters: 1,984
"""
    )


def test_a_model_without_data_or_input_has_a_summary_too() -> None:
    lines: list[str] = []
    ebb.Sequential([ebb.layers.Dense(2)]).summary(print_fn=lines.append)
    assert "not built" in lines[0] and "begin with ebbflow.Input" in lines[0]


def test_a_summary_may_be_longer_and_tell_more() -> None:
    inner = ebb.Sequential([ebb.layers.Dense(2, name="a_very_long_name_of_a_layer")], name="inner")
    model = ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(3, name="first"), inner], name="net")
    model.layers[0].trainable = False
    shown: list[str] = []
    model.summary(60, print_fn=shown.append, expand_nested=True, show_trainable=True)
    lines = shown[0].splitlines()
    assert {len(line) for line in lines[1:8]} == {60}
    assert [line.split()[-1] for line in lines[4:7]] == ["no", "yes", "yes"]
    assert lines[6].startswith("  a_very_long_name_of_…")
    model.summary(layer_range=("inn", "inner"), print_fn=shown.append)
    assert "inner" in shown[1] and "first" not in shown[1]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"line_length": 3}, r"a whole number of at least \d+ for line_length, got 3"),
        ({"positions": [0.5]}, r"None for positions, got \[0.5\]"),
        ({"layer_range": ("x", "inner")}, "two of first, inner as layer_range"),
        ({"layer_range": "inner"}, "two names of layers for layer_range"),
        ({"show_trainable": "all"}, "show_trainable"),
    ]
    for arguments, message in wrong:
        with pytest.raises(ArgumentError, match=message):
            model.summary(**arguments)


def test_layers_may_be_put_on_before_the_model_is_built_again() -> None:
    model = ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(3)])
    model.add(ebb.layers.Dense(2), rebuild=False)
    assert not model.built
    model.build()
    assert model.output_shape == (None, 2)
    assert model.pop(rebuild=False).units == 2 and not model.built
    assert model(np.ones((1, 4))).shape == (1, 3)
    with pytest.raises(ArgumentError, match="expected input_shape, since it does not begin with Input"):
        ebb.Sequential([ebb.layers.Dense(3)]).build()


def test_metrics_of_one_name_are_logged_under_two(run_eagerly, regression) -> None:
    model = Residual()
    model.compile(loss="mse", metrics=["mae", "mae"], run_eagerly=run_eagerly)
    results = model.evaluate(*regression, return_dict=True, verbose=0)
    first, second = list(results)[1:]
    assert second == f"{first}_1" and results[first] == results[second]


@pytest.mark.parametrize("given", [{"input_shape": (3,)}, {"input_shape": [3]}, {"input_dim": 3}], ids=str)
def test_a_first_layer_may_say_what_it_takes(given: dict[str, object]) -> None:
    model = ebb.Sequential([ebb.layers.Dense(4, **given), ebb.layers.Dense(1)])
    assert model.built and model.input_shape == (None, 3) and model.count_params() == 3 * 4 + 4 + 4 + 1
    again = ebb.Sequential.from_config(model.get_config())
    assert again.input_shape == (None, 3) and len(again.layers) == 2


def test_a_model_may_keep_arrays_in_lists_and_put_others_there(regression) -> None:
    x, y = regression
    model = ebb.Sequential([ebb.layers.Dense(1)])
    model.notes, model.others = [np.arange(3)], {"seen": np.arange(3)}
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    before = model.predict(x, verbose=0)
    model.notes[0], model.others["seen"] = np.arange(3) + 1, ebb.metrics.Mean(name="late")
    assert model.metrics_names == ["loss", "late"]
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
