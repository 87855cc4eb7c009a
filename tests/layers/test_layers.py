"""What each layer computes and what it refuses."""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest

from ebbflow import layers, ops, utils
from ebbflow.autodiff import grad
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.tensor import trace
from ebbflow.functions import array
from ebbflow.functions.random import set_random_seed

X = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
ONES = np.ones((200, 300), np.float32)


def test_dense_is_the_lectures_perceptron() -> None:
    perceptron = layers.Dense(1, activation="sigmoid")
    perceptron.build((1, 2))
    perceptron.set_weights([[[3.0], [-2.0]], [1.0]])
    np.testing.assert_allclose(perceptron(np.array([[-1.0, 2.0]])).numpy(), [[1 / (1 + math.exp(6))]], rtol=1e-6)


def test_dense_works_on_the_last_axis_and_without_bias() -> None:
    dense = layers.Dense(4, use_bias=False)
    cube = np.stack([X, X + 1])
    np.testing.assert_allclose(dense(cube).numpy(), cube @ dense.kernel.numpy(), rtol=1e-5, atol=1e-6)
    assert dense.bias is None and len(dense.weights) == 1


def test_dense_starts_as_its_initializers_say() -> None:
    dense = layers.Dense(4, kernel_initializer="ones", bias_initializer=0.5)
    np.testing.assert_allclose(dense(X).numpy(), np.repeat(X.sum(1, keepdims=True) + 0.5, 4, axis=1), rtol=1e-5)


def test_the_seed_determines_the_weights() -> None:
    def weights() -> np.ndarray:
        set_random_seed(7)
        dense = layers.Dense(4)
        dense(X)
        return dense.kernel.numpy()

    np.testing.assert_array_equal(weights(), weights())


def test_dense_refuses_other_inputs_by_name() -> None:
    dense = layers.Dense(4, name="hidden")
    dense(X)
    with pytest.raises(
        ShapeError, match=r'^Dense "hidden": expected a last axis of 3 \(as built\), got float32\[6,4\]$'
    ):
        dense(np.zeros((6, 4), np.float32))
    with pytest.raises(ShapeError, match=r'^Dense "hidden": expected a last axis of 3 \(as built\), got float32\[3\]$'):
        dense(X[0])
    with pytest.raises(ShapeError, match=r"expected inputs with axes \(batch, features\), got shape \(3,\)"):
        layers.Dense(4)(X[0])


def test_dropout_is_off_in_prediction_and_keeps_the_mean_in_training() -> None:
    dropout = layers.Dropout(0.4, seed=3)
    np.testing.assert_array_equal(dropout(ONES).numpy(), ONES)
    dropped = dropout(ONES, training=True).numpy()
    assert abs(dropped.mean() - 1) < 4 * math.sqrt(0.4 / 0.6 / ONES.size)
    assert abs((dropped == 0).mean() - 0.4) < 4 * math.sqrt(0.24 / ONES.size)


def test_the_mask_of_dropout_changes_every_step_and_follows_from_the_seed() -> None:
    one, other = layers.Dropout(0.5, seed=3), layers.Dropout(0.5, seed=3)
    first = one(ONES, training=True).numpy()
    np.testing.assert_array_equal(first, other(ONES, training=True).numpy())
    assert (first != one(ONES, training=True).numpy()).any()


def test_the_gradient_of_dropout_is_its_mask() -> None:
    dropout, twin = layers.Dropout(0.5, seed=3), layers.Dropout(0.5, seed=3)
    gradient = grad(lambda x: array.sum(dropout(x, training=True)))(ONES).numpy()
    np.testing.assert_array_equal(gradient, twin(ONES, training=True).numpy())


def test_the_rate_is_an_input_of_the_traced_layer_and_can_be_changed() -> None:
    dropout = layers.Dropout(p=0.5)
    dropout(X)
    traced = trace(lambda x: dropout(x, training=True), [("x", Aval(X.shape, X.dtype))])
    assert dropout.rate in traced.variables and dropout.rate not in dropout.variables
    dropout.rate = 0.0
    np.testing.assert_array_equal(dropout(X, training=True).numpy(), X)


def test_a_dropout_of_everything_leaves_zeros_and_no_gradient() -> None:
    dropout = layers.Dropout(1.0, seed=3)
    assert not dropout(ONES, training=True).numpy().any()
    assert not grad(lambda x: array.sum(dropout(x, training=True)))(ONES).numpy().any()
    np.testing.assert_array_equal(dropout(ONES).numpy(), ONES)


def test_a_function_is_a_layer_and_goes_into_a_file_by_its_name() -> None:
    @utils.register_keras_serializable("tests", name="doubled in training")
    def doubled(x, times=2.0, training=False):
        return x * times if training else x

    layer = layers.Lambda(doubled, arguments={"times": 3.0}, output_shape=3)
    for one in (layer, layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))):
        np.testing.assert_array_equal(one(X).numpy(), X)
        np.testing.assert_array_equal(one(X, training=True).numpy(), X * np.float32(3.0))
    assert layers.Lambda("doubled in training").function is doubled
    assert layers.Lambda(ops.square).get_config()["function"] == "square"
    with pytest.raises(ArgumentError, match=r"a file cannot hold the function .*; name it with utils.register_keras"):
        layers.Lambda(lambda x: x).get_config()
    with pytest.raises(ArgumentError, match="Lambda: expected a function or the name of a known one for function, got"):
        layers.Lambda("nothing")


def test_a_noise_shape_drops_rows() -> None:
    dropped = layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(ONES, training=True).numpy()
    assert set(dropped.mean(axis=1).tolist()) == {0.0, 2.0}
    for shape in ((None, 2), (None,)):
        with pytest.raises(
            ShapeError, match=r"Dropout .*: expected inputs that noise_shape \(None,.*\) fits, got float"
        ):
            layers.Dropout(0.5, noise_shape=shape)(ONES, training=True)


def test_normalization_learns_the_moments_of_data() -> None:
    data = np.random.default_rng(2).normal([1.0, -2.0, 0.0], [3.0, 0.1, 1.0], (500, 3)) * [1, 1, 0]
    normalization = layers.Normalization()
    normalization.adapt(data)
    y = normalization(data).numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), [1, 1, 0], atol=1e-4)  # a constant feature becomes 0
    assert normalization.trainable_weights == [] and len(normalization.weights) == 2
    back = layers.Normalization(mean=data.mean(0), variance=data.var(0), invert=True)
    np.testing.assert_allclose(back(y).numpy(), data, atol=1e-4)


def test_normalization_over_other_axes() -> None:
    one = layers.Normalization(axis=None)
    one.adapt(X)
    np.testing.assert_allclose(one(X).numpy(), (X - X.mean()) / X.std(), rtol=1e-4, atol=1e-5)
    cube = np.random.default_rng(2).normal(size=(50, 3, 2)).astype(np.float32)
    each = layers.Normalization(axis=(1, 2))
    each.adapt(cube)
    np.testing.assert_allclose(each(cube).numpy(), (cube - cube.mean(0)) / cube.std(0), rtol=1e-4, atol=1e-5)


def test_normalization_refuses_to_guess() -> None:
    with pytest.raises(ArgumentError, match=r"has no moments yet; call adapt\(data\), or give mean and variance"):
        layers.Normalization()(X)
    with pytest.raises(ArgumentError, match="expected both mean and variance"):
        layers.Normalization(mean=[1.0])
    with pytest.raises(ArgumentError, match="expected finite data, got NaN or infinity"):
        layers.Normalization().adapt([[1.0, float("nan")]])
    normalization = layers.Normalization()
    normalization.adapt(X)
    with pytest.raises(ShapeError, match=r"expected features of shape \(3,\) \(as built\), got float32\[6,2\]"):
        normalization(X[:, :2])
    with pytest.raises(ShapeError, match="expected an axis between -2 and 1, got 5"):
        layers.Normalization(axis=5).adapt(X)


def test_normalization_works_at_any_scale_that_its_type_holds() -> None:
    normalization = layers.Normalization()
    normalization.adapt(X * np.float32(1e30))
    np.testing.assert_allclose(normalization(X * np.float32(1e30)).numpy().std(0), 1, rtol=1e-5)
    for scale in (1e60, 1e200):
        with pytest.raises(ArgumentError, match="adapt expected numbers whose variance is finite; scale them down"):
            layers.Normalization().adapt(X.astype(np.float64) * scale)


def test_moments_of_0_and_1_are_moments_too() -> None:
    normalization = layers.Normalization()
    normalization.build((None, 3))
    normalization.set_weights([np.zeros(3), np.ones(3)])
    np.testing.assert_array_equal(normalization(X).numpy(), X)


def test_rescaling_turns_bytes_into_floats() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled.numpy(), pixels * np.float32(1 / 127.5) - np.float32(1))
    columns = layers.Rescaling([1, 2, 3, 4], offset=np.array([[0.5], [1], [2]]), dtype="float64")(pixels)
    np.testing.assert_array_equal(columns.numpy(), pixels * [1.0, 2, 3, 4] + [[0.5], [1], [2]])


def test_rescaling_refuses_what_does_not_fit() -> None:
    for scale in (np.ones(4), np.ones((1, 3)), np.ones((6, 3))):
        with pytest.raises(ShapeError, match=r"expected features that scale of shape \(.*\) fits, got float32\[6,3\]"):
            layers.Rescaling(scale, name="bytes")(X)


def test_activation_layers() -> None:
    np.testing.assert_array_equal(layers.ReLU()(X).numpy(), np.maximum(X, 0))
    np.testing.assert_allclose(layers.LeakyReLU(0.1)(X).numpy(), np.where(X > 0, X, 0.1 * X), rtol=1e-6)
    np.testing.assert_allclose(layers.Softmax()(X).numpy().sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(layers.Activation("tanh")(X).numpy(), np.tanh(X), rtol=1e-6)
    bent = layers.ReLU(max_value=1.0, negative_slope=0.5, threshold=0.2)(X).numpy()
    np.testing.assert_allclose(bent, np.minimum(np.where(X > 0.2, X, 0.5 * (X - 0.2)), 1.0), rtol=1e-5)


def test_flatten() -> None:
    cube = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(layers.Flatten()(cube).numpy(), cube.reshape(2, 12))
    assert layers.Flatten()(np.zeros(5)).shape == (5, 1)


def test_input_checks_shapes() -> None:
    given = layers.Input(shape=(3, None), batch_size=2, name="pairs")
    assert given.batch_shape == (2, 3, None) and given.shape == (3, None)
    assert given(np.zeros((2, 3, 7))).shape == (2, 3, 7)
    with pytest.raises(
        ShapeError, match=r'InputLayer "pairs": expected inputs of shape \(2, 3, any\), got float32\[2,4,7\]'
    ):
        given(np.zeros((2, 4, 7)))
    assert str(layers.Input((2,), dtype="int32").dtype) == "int32"
    assert layers.Input(30).shape == layers.Input(batch_shape=(None, 30)).shape == (30,)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.Dense(0), r"Dense: expected a whole number of at least 1 for units, got 0"),
        (lambda: layers.Dense(2.5), r"for units, got 2.5"),
        (lambda: layers.Dense(2, activation="rel"), r"activations.get: expected .* got 'rel'"),
        (lambda: layers.Dense(2, kernel_initializer="he"), r"initializers.get: expected .* got 'he'"),
        (lambda: layers.Dropout(1.1), r"Dropout: expected a probability between 0 and 1 for rate, got 1.1"),
        (lambda: layers.Dropout(-0.1), r"for rate, got -0.1"),
        (lambda: layers.Dropout(), r"Dropout: expected one rate, got rate=None and p=None"),
        (lambda: layers.Dropout(0.5, seed="x"), r"for seed, got 'x'"),
        (lambda: layers.LeakyReLU(-1), r"LeakyReLU: expected a number of at least 0 for negative_slope, got -1"),
        (lambda: layers.Softmax(axis=0.5), r"Softmax: expected a whole number or a list of them for axis, got 0.5"),
        (lambda: layers.Input(), r"InputLayer: expected one of shape and batch_shape, got None and None"),
        (lambda: layers.Input((0,)), r"InputLayer: expected positive lengths of axes or None for shape, got \(0,\)"),
        (lambda: layers.Normalization(axis=0.5), r"Normalization: expected whole numbers or None for axis, got 0.5"),
        (lambda: layers.Rescaling("half"), r"Rescaling: expected a finite number or .* for scale, got 'half'"),
        (lambda: layers.Rescaling(2, offset=[1.0, np.nan]), r"or an array of them for offset, got \[1.0, nan\]"),
        (lambda: layers.Rescaling(True), r"for scale, got True"),
        (lambda: layers.Dense(2, dtype="float33"), r"Dense: expected one of .* for dtype, got 'float33'; did you mean"),
        (lambda: layers.Dense(2, dtype="int32"), r"Dense: expected one of 'float32', 'float64' for dtype, got 'int32'"),
        (lambda: layers.Input((2,), dtype="complex64"), r"InputLayer: expected .* for dtype, got 'complex64'"),
        (lambda: layers.get("Dense"), r"layers.get: expected a layer or its configuration, got 'Dense'"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()


def test_a_name_can_be_registered_once() -> None:
    class Dense(layers.Layer):
        pass

    with pytest.raises(ArgumentError, match="the name Dense is taken by"):
        layers.register(Dense)
