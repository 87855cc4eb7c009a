"""What code written for Keras does here as it stands, and what it is told where it cannot."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from tests.training.conftest import same_bits

X = np.random.default_rng(4).normal(size=(8, 3)).astype(np.float32)
Y = X[:, :1] - X[:, 1:2]


def network(**arguments: Any) -> ebb.Sequential:
    ebb.set_random_seed(2)
    return ebb.Sequential([ebb.Input((3,), **arguments), ebb.layers.Dense(4, "tanh"), ebb.layers.Dense(1)])


@pytest.mark.parametrize(
    "first", [ebb.Input((3,), batch_size=4), ebb.Input(batch_shape=(4, 3)), ebb.layers.InputLayer((3,), 4)]
)
def test_an_input_may_say_how_many_rows_a_batch_has(first: Any, run_eagerly: bool) -> None:
    ebb.set_random_seed(2)
    model = ebb.Sequential([first, ebb.layers.Dense(4, "tanh"), ebb.layers.Dense(1)])
    plain = network()
    for one in (model, plain):
        one.compile("sgd", "mse", run_eagerly=run_eagerly)
        one.fit(X, Y, batch_size=4, verbose=0)
    assert same_bits(model.get_weights(), plain.get_weights())
    assert same_bits([model.predict(X, batch_size=4, verbose=0)], [plain.predict(X, batch_size=4, verbose=0)])
    with pytest.raises(ShapeError, match=r'InputLayer ".*": expected inputs of shape \(4, 3\), got float32\[3,3\]'):
        model(X[:3])


def test_one_output_may_have_its_loss_and_its_metrics_in_lists(run_eagerly: bool) -> None:
    plain, listed = network(), network()
    plain.compile("sgd", "mse", metrics=["mae"], run_eagerly=run_eagerly)
    listed.compile("sgd", ["mse"], metrics=[["mae"]], run_eagerly=run_eagerly)
    assert plain.fit(X, Y, verbose=0).history == listed.fit(X, Y, verbose=0).history


class Greatest(ebb.Metric):
    """The greatest output, whose result is its variable."""

    def __init__(self, name: str = "greatest"):
        super().__init__(name=name)
        self.greatest = self.add_variable(name="greatest")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        output = ebb.ops.cast(ebb.ops.max(y_pred), self.dtype)
        self.greatest.assign(ebb.ops.maximum(self.greatest, output))

    def result(self) -> Any:
        return self.greatest


def test_a_metric_may_return_its_variable(run_eagerly: bool) -> None:
    model = network()
    model.compile("sgd", "mse", metrics=[Greatest()], run_eagerly=run_eagerly)
    model.fit(X, Y, batch_size=4, verbose=0)
    wanted = max(0.0, model.predict(X, verbose=0).max())
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["greatest"] == pytest.approx(wanted, rel=1e-6)


def test_a_model_without_weights_is_fitted_with_a_warning(run_eagerly: bool) -> None:
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Rescaling(0.5)])
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    with pytest.warns(UserWarning, match="sgd: no weights to train"):
        losses = model.fit(X, X, epochs=2, verbose=0).history["loss"]
    assert losses == pytest.approx([np.square(X / 2).mean()] * 2, rel=1e-6)


def test_a_clone_is_an_equal_model_with_weights_of_its_own() -> None:
    class Twice(ebb.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    model = ebb.models.Sequential([ebb.layers.Dense(4, "tanh"), Twice(), ebb.layers.Dense(1)])
    model(X)
    clone = ebb.models.clone_model(model)
    assert clone.get_config() == model.get_config() and clone.built and not clone.compiled
    assert not set(clone.weights) & set(model.weights)
    clone.set_weights(model.get_weights())
    assert same_bits([clone(X).numpy()], [model(X).numpy()])

    def wider(layer: Any) -> Any:
        return ebb.layers.Dense(2 * layer.units) if isinstance(layer, ebb.layers.Dense) else Twice()

    changed = ebb.models.clone_model(network(), clone_function=wider)
    assert [layer.units for layer in changed.layers] == [8, 2] and changed.output_shape == (None, 2)
    with pytest.raises(ArgumentError, match="clone_model: expected a model for model, got 3"):
        ebb.models.clone_model(3)


def test_the_functional_way_of_writing_models_names_the_ways_there_are() -> None:
    hint = "Input begins a Sequential; for branches subclass Model and write `call`"
    first = ebb.Input((8,), name="first")
    for layer, inputs in ((ebb.layers.Dense(3), first), (ebb.layers.Add(), [first, first]), (network(), first)):
        with pytest.raises(ArgumentError, match=rf'expected tensors, got the layer .*InputLayer "first".*; {hint}'):
            layer(inputs)
    with pytest.raises(ArgumentError, match=hint):
        ebb.layers.concatenate([first, first])
    for arguments, named in (((first, first), {}), ((), {"inputs": first, "outputs": first})):
        with pytest.raises(ArgumentError, match="Model: expected name, .*; for one layer after the other write Seq"):
            ebb.Model(*arguments, **named)


def test_a_layer_is_a_layer_with_the_names_of_keras() -> None:
    class Scale(ebb.Layer):
        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones", autocast=False, name="scale")
            self.offset = self.add_variable(input_shape[-1:], "zeros", name="offset")

        def call(self, inputs: Any) -> Any:
            return inputs * self.scale + self.offset

    layer = Scale(name="own")
    np.testing.assert_array_equal(layer(X).numpy(), X)
    assert [weight.path for weight in layer.weights] == ["own/scale", "own/offset"]
    assert issubclass(ebb.losses.Huber, ebb.Loss) and issubclass(ebb.optimizers.Adam, ebb.Optimizer)
    assert ebb.config.epsilon() == 1e-7 and ebb.models.load_model is ebb.load_model and ebb.models.Model is ebb.Model


def test_what_is_registered_is_found_by_files(tmp_path: Any) -> None:
    @ebb.utils.register_keras_serializable(package="tests", name="another name")
    class Tripled(ebb.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 3.0

    @ebb.utils.register_keras_serializable()
    def own_loss(y_true: Any, y_pred: Any) -> Any:
        return ebb.ops.mean(ebb.ops.abs(y_true - y_pred), axis=-1)

    model = ebb.Sequential([ebb.Input((3,)), Tripled(), ebb.layers.Dense(1)])
    model.compile("sgd", own_loss)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb")
    assert same_bits([loaded.predict(X, verbose=0)], [model.predict(X, verbose=0)])
    assert loaded.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    with pytest.raises(ArgumentError, match="register_keras_serializable: expected a class or function with a name"):
        ebb.utils.register_keras_serializable()(lambda x: x)
