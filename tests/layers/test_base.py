"""Laws of layers: what holds for every layer, and what a layer of one's own can rely on."""

import copy
import json
from typing import Any

import numpy as np
import pytest

from ebbflow import layers
from ebbflow.autodiff import GradientTape
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace
from ebbflow.core.variable import Variable
from ebbflow.functions.random import SeedGenerator
from ebbflow.layers.augmentation import RandomImages
from ebbflow.layers.merging import Merge

from .makers import MAKERS, X

every = pytest.mark.parametrize("name", MAKERS)


class Affine(layers.Layer):
    """A layer as a user writes it."""

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.w = self.add_weight([input_shape[-1], self.units])
        self.b = self.add_weight((self.units,), initializer="zeros", name="b")

    def call(self, inputs):
        return inputs @ self.w + self.b


class Block(layers.Layer):
    """Layers in a list, a dict and an attribute; which mode it ran in is passed on."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.stack = [layers.Dense(4), layers.Dropout(0.5, seed=1)]
        self.heads = {"out": Affine(2)}
        self.scale = Variable(2.0, name="scale")

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return self.heads["out"](inputs) * self.scale


def test_every_layer_is_tried_here() -> None:
    """Those that take several tensors are tried in test_merging.py, those of images in test_augmentation.py."""
    public = {
        cls.__name__
        for cls in vars(layers).values()
        if isinstance(cls, type) and not issubclass(cls, (Merge, RandomImages))
    }
    public.remove("Layer")
    assert {type(make()).__name__ for make in MAKERS.values()} == public


@every
def test_configurations_survive_a_file(name: str) -> None:
    layer = MAKERS[name]()
    layer(X)
    config = json.loads(json.dumps(layers.serialize(layer)))
    again = layers.get(config)
    assert type(again) is type(layer) and layers.serialize(again) == layers.serialize(layer)
    again(X)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X, training=True).numpy(), layer(X, training=True).numpy())
    assert again.trainable == layer.trainable and again.name == layer.name


@every
@pytest.mark.parametrize("training", [False, True])
def test_a_traced_call_equals_an_eager_one(name: str, training: bool) -> None:
    layer, twin = MAKERS[name](), MAKERS[name]()
    layer(X), twin(X)
    twin.set_weights(layer.get_weights())
    traced = trace(lambda x: twin(x, training=training), [("x", Aval(X.shape, X.dtype))])
    values = evaluate(traced.graph, [X, *(v.numpy() for v in traced.variables)])
    np.testing.assert_allclose(values[0], layer(X, training=training).numpy(), rtol=1e-6)


@every
def test_the_output_shape_is_found_without_computing(name: str) -> None:
    layer = MAKERS[name]()
    expected = layer(X).shape
    assert MAKERS[name]().compute_output_shape((None, 3)) == (None, *expected[1:]) == layer.output_shape
    assert MAKERS[name]().compute_output_shape((5, 3)) == expected
    assert layer.input_shape == (None, 3)


@every
def test_weights_go_out_and_in(name: str) -> None:
    layer = MAKERS[name]()
    layer(X)
    weights = [w + 1 for w in layer.get_weights()]
    layer.set_weights(weights)
    for actual, expected in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert layer.count_params() == sum(w.size for w in weights)


@every
def test_a_deep_copy_is_independent(name: str) -> None:
    layer = MAKERS[name]()
    layer(X)
    twin = copy.deepcopy(layer)
    twin.set_weights([w + 1 for w in twin.get_weights()])
    assert all((a != b).all() for a, b in zip(layer.get_weights(), twin.get_weights(), strict=True))


def test_weights_that_do_not_fit_change_nothing() -> None:
    layer = layers.Dense(4, name="first")
    layer(X)
    before = layer.get_weights()
    with pytest.raises(ShapeError, match=r'Dense "first": expected shape \(4,\) for first/bias, got \(5,\)'):
        layer.set_weights([np.zeros((3, 4)), np.zeros(5)])
    with pytest.raises(ShapeError, match=r'Dense "first": expected 2 arrays of weights, got 1'):
        layer.set_weights([np.zeros((3, 4))])
    for actual, expected in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(actual, expected)
    with pytest.raises(ShapeError, match="not built yet: call it once on data first"):
        layers.Dense(4).set_weights(before)


def test_names_are_numbered_and_variables_carry_them() -> None:
    one, other = Affine(2), Affine(2)
    assert one.name.startswith("affine") and other.name.startswith("affine_") and one.name != other.name
    one(X)
    assert [w.name for w in one.weights] == [f"{one.name}/weight", f"{one.name}/b"]


def test_parts_are_found_in_attributes_lists_and_dicts() -> None:
    block = Block()
    block(X)
    assert [type(layer).__name__ for layer in block.sublayers] == ["Dense", "Dropout", "Affine"]
    assert len(block.weights) == len(block.trainable_weights) == 5
    assert [str(v.aval) for v in block.variables[5:]] == ["uint32[4]"]
    assert [h.name.split("/")[-1] for h in block.hyperparameters] == ["rate"]


def test_shared_layers_count_once() -> None:
    block = Block()
    block.again = block.heads["out"]
    block.loop = [block]
    block(X)
    assert len(block.weights) == 5


def test_training_is_passed_on_to_the_layers_inside() -> None:
    block = Block()
    block(X)
    quiet = block(X, training=False).numpy()
    np.testing.assert_array_equal(block(X).numpy(), quiet)
    assert (block(X, training=True).numpy() != quiet).any()
    np.testing.assert_array_equal(block(X).numpy(), quiet)


def test_training_reaches_a_call_that_asks_for_it() -> None:
    class Mode(layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    seen: list[object] = []
    mode = Mode()
    mode(X), mode(X, training=True), mode(X, training=False)
    assert seen == [False, True, False]


def test_freezing() -> None:
    block = Block()
    block(X)
    block.trainable = False
    assert block.trainable_weights == [] and len(block.non_trainable_weights) == 5
    assert not block.stack[0].trainable
    block.trainable = True
    block.heads["out"].trainable = False
    assert len(block.trainable_weights) == 3


def test_building_happens_once_and_outside_of_tape_and_trace() -> None:
    layer = Affine(2)
    with GradientTape() as tape:
        loss = (layer(X) ** 2).mean()
    assert all(g is not None for g in tape.gradient(loss, layer.trainable_weights))
    unbuilt = Affine(2)
    traced = trace(unbuilt, [("x", Aval(X.shape, X.dtype))])
    assert traced.variables == unbuilt.weights and traced.updated == []


def test_a_failed_build_leaves_no_weights() -> None:
    class Fragile(layers.Layer):
        def build(self, input_shape: tuple[int, ...]) -> None:
            self.add_weight((2, 2))
            raise ValueError("broken")

    layer = Fragile()
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            layer(X)
    assert layer.weights == [] and not layer.built


def test_a_layer_of_ones_own_is_saved_with_the_arguments_it_was_made_with() -> None:
    layer = Affine(2, name="mine")
    config = layers.serialize(layer)
    assert config["config"] == {"units": 2, "name": "mine", "dtype": "float32", "trainable": True}
    again = layers.deserialize(json.loads(json.dumps(config)), custom_objects={"Affine": Affine})
    assert again.get_config() == layer.get_config()
    with pytest.raises(ArgumentError, match=r"got 'Affine'; give a class of your own as custom_objects=\{\"Affine\""):
        layers.deserialize(config)


def test_arguments_that_a_file_cannot_hold_are_named() -> None:
    with pytest.raises(ArgumentError, match="argument units is a object, which a file cannot hold; define get_config"):
        Affine(object()).get_config()


def test_inputs_are_converted_to_the_layers_type() -> None:
    assert str(layers.Dense(2)(X.astype(np.float64)).dtype) == "float32"
    assert str(layers.Dense(2, dtype="float64")(X).dtype) == "float64"
    assert str(layers.Dense(2)([[1, 2, 3]]).aval) == "float32[1,2]"


def test_several_inputs_come_as_a_list() -> None:
    class Sum(layers.Layer):
        def call(self, inputs):
            first, second = inputs
            return first + second

    layer = Sum()
    np.testing.assert_array_equal(layer([X, X]).numpy(), 2 * X)
    assert layer.input_shape == [(None, 3), (None, 3)]


def test_seed_generators_are_states_not_weights() -> None:
    class Noise(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seeds = SeedGenerator(1)

    noise = Noise()
    assert noise.weights == [] and noise.variables == [noise.seeds.state] == noise.non_trainable_variables


def test_a_layer_made_inside_a_call_is_refused() -> None:
    class Fresh(layers.Layer):
        def call(self, inputs):
            return layers.ReLU()(self.head(inputs)) if hasattr(self, "head") else layers.Dense(1)(inputs)

    fresh = Fresh()
    with pytest.raises(ArgumentError, match=r'^Dense ".*": was made inside the call of Fresh ".*make it in __init__'):
        fresh(X)
    fresh.head = [layers.Dense(1)][0]  # one that is kept may be built in the call, and one without weights may be new
    assert fresh(X).shape == (5, 1)


@pytest.mark.parametrize(("returned", "text"), [(None, "got None; did you forget to return it"), ("a", "got 'a'")])
def test_a_call_returns_a_tensor(returned: object, text: str) -> None:
    class Odd(layers.Layer):
        def call(self, inputs):
            return returned

    with pytest.raises(ArgumentError, match=rf'^Odd "mine": expected call to return a tensor, {text}'):
        Odd(name="mine")(X)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(NotImplementedError, match=r"define call\(self, inputs\)"):
        layers.Layer()(X)
    with pytest.raises(ArgumentError, match="has no weights to count until it is built"):
        layers.Dense(2).count_params()
    with pytest.raises(ShapeError, match=r"add_weight expected positive lengths of axes, got shape \(None, 2\)"):
        Affine(1).add_weight((None, 2))
