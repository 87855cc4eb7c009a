"""ebbflow.tf: TensorFlow's names mean what TensorFlow means by them, and a name that is missing says what to use."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import ebbflow
import ebbflow.tf as tf
from ebbflow.core.errors import ArgumentError, ShapeError

X = np.array([[-1.5, 0.25], [2.0, 3.0]], np.float32)
Y = np.array([[0.5, 4.0], [-2.0, 1.0]], np.float32)
LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], np.float32)
ONE_HOT = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], np.float32)


def log_softmax(z: np.ndarray) -> np.ndarray:
    return z - np.log(np.exp(z.astype(np.float64)).sum(-1, keepdims=True))


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z.astype(np.float64)))


CROSS_ENTROPY = -log_softmax(LOGITS)[[0, 1], [2, 1]]
BINARY_CROSS_ENTROPY = -(ONE_HOT * np.log(sigmoid(LOGITS)) + (1 - ONE_HOT) * np.log(sigmoid(-LOGITS)))

# what is written, and what TensorFlow makes of it
FORMULAS: dict[str, tuple[Any, Any]] = {
    "add": (lambda: tf.add(x=X, y=Y), X + Y),
    "subtract": (lambda: tf.subtract(X, Y), X - Y),
    "multiply": (lambda: tf.multiply(X, 2.0), X * 2),
    "divide": (lambda: tf.math.divide(X, Y), X / Y),
    "pow": (lambda: tf.pow(Y, 2), Y**2),
    "square": (lambda: tf.square(X), X**2),
    "maximum": (lambda: tf.maximum(X, 0.0), np.maximum(X, 0)),
    "log": (lambda: tf.math.log(tf.exp(X)), X),
    "clip_by_value": (lambda: tf.clip_by_value(X, clip_value_min=-1.0, clip_value_max=1.0), X.clip(-1, 1)),
    "norm": (lambda: tf.norm(X, axis=1), np.linalg.norm(X, axis=1)),
    "matmul": (lambda: tf.matmul(X, Y), X @ Y),
    "matmul, transposed": (lambda: tf.matmul(X, Y, transpose_a=True, transpose_b=True), X.T @ Y.T),
    "reduce_mean": (lambda: tf.reduce_mean(X), X.mean()),
    "reduce_sum": (lambda: tf.reduce_sum(input_tensor=X, axis=1, keepdims=True), X.sum(1, keepdims=True)),
    "reduce_max": (lambda: tf.math.reduce_max(X, 0), X.max(0)),
    "reduce_std": (lambda: tf.math.reduce_std(X), X.std()),
    "argmax": (lambda: tf.argmax(X), X.argmax(0)),
    "argmin": (lambda: tf.math.argmin(X, axis=1), X.argmin(1)),
    "transpose": (lambda: tf.transpose(X, perm=[1, 0]), X.T),
    "reshape": (lambda: tf.reshape(X, shape=[4]), X.ravel()),
    "concat": (lambda: tf.concat([X, Y], axis=1), np.concatenate([X, Y], 1)),
    "gather": (lambda: tf.gather(X, [1, 1]), X[[1, 1]]),
    "one_hot": (lambda: tf.one_hot([2, 1], depth=3), ONE_HOT),
    "fill": (lambda: tf.fill([2, 3], 7), np.full((2, 3), 7)),
    "range": (lambda: tf.range(3), np.arange(3)),
    "cast": (lambda: tf.cast(X, tf.int32), X.astype(np.int32)),
    "constant": (lambda: tf.constant([1, 2, 3, 4], shape=[2, 2]), [[1, 2], [3, 4]]),
    "constant, one element": (lambda: tf.constant(4, shape=[1, 3]), [[4, 4, 4]]),
    "convert_to_tensor": (lambda: tf.convert_to_tensor([[tf.constant(1.0), 2.0]]), [[1.0, 2.0]]),
    "relu": (lambda: tf.nn.relu(X), np.maximum(X, 0)),
    "leaky_relu": (lambda: tf.nn.leaky_relu(X, alpha=0.01), np.where(X > 0, X, 0.01 * X)),
    "softmax": (lambda: tf.nn.softmax(LOGITS), np.exp(log_softmax(LOGITS))),
    "sigmoid": (lambda: tf.math.sigmoid(X), sigmoid(X)),
    "tanh": (lambda: tf.tanh(X), np.tanh(X)),
    "moments": (lambda: tf.nn.moments(X, axes=[0])[1], X.var(0)),
    "bias_add": (lambda: tf.nn.bias_add(X, [1.0, 2.0]), X + [1, 2]),
    "l2_loss": (lambda: tf.nn.l2_loss(X), (X**2).sum() / 2),
    "batch_normalization": (
        lambda: tf.nn.batch_normalization(X, X.mean(0), X.var(0), np.float32([1, 2]), None, 0.001),
        (X - X.mean(0)) / np.sqrt(X.var(0) + 0.001) + [1, 2],
    ),
    "softmax cross-entropy": (lambda: tf.nn.softmax_cross_entropy_with_logits(ONE_HOT, LOGITS), CROSS_ENTROPY),
    "sparse softmax cross-entropy": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[2, 1], logits=LOGITS),
        CROSS_ENTROPY,
    ),
    "sigmoid cross-entropy": (
        lambda: tf.nn.sigmoid_cross_entropy_with_logits(labels=ONE_HOT, logits=LOGITS),
        BINARY_CROSS_ENTROPY,
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_function_computes_its_formula(name: str) -> None:
    written, expected = FORMULAS[name]
    result = written().numpy()
    assert result.shape == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


FORWARDED = [name for name in dir(tf.keras) if hasattr(getattr(ebbflow, name, None), "__all__") and name != "models"]


@pytest.mark.parametrize("name", FORWARDED)
def test_a_module_of_keras_is_ebbflows_own(name: str) -> None:
    namespace, module = getattr(tf.keras, name), getattr(ebbflow, name)
    assert dir(namespace) == sorted(module.__all__)
    assert all(getattr(namespace, public) is getattr(module, public) for public in module.__all__)


def test_models_of_keras_are_ebbflows_own() -> None:
    assert {"layers", "losses", "metrics", "optimizers"} <= {*FORWARDED}
    for name in ("Model", "Sequential", "load_model"):
        assert getattr(tf.keras.models, name) is getattr(ebbflow, name)
    assert tf.keras.Model is ebbflow.Model and tf.keras.Input is ebbflow.Input and tf.keras.Layer is ebbflow.Layer


def test_every_listed_name_is_there() -> None:
    assert {name for name in dir(tf) if not hasattr(tf, name)} == set()


def test_the_import_styles_of_tensorflow_work() -> None:
    program = (
        "from ebbflow.tf.keras.layers import Dense; from ebbflow.tf import keras; from ebbflow.tf.keras import Model"
    )
    program += "; assert keras.layers.Dense is Dense; import sys; assert 'llvmlite' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", [name for name in dir(tf.nn) if name in dir(ebbflow.activations)])
def test_an_activation_of_tf_nn_is_written_to_files_by_name(name: str) -> None:
    if name != "leaky_relu":  # which has TensorFlow's alpha
        layer = tf.keras.layers.Dense(2, activation=getattr(tf.nn, name))
        assert tf.keras.layers.Dense.from_config(layer.get_config()).activation is layer.activation


def test_a_step_of_ones_own_is_compiled_with_names_of_tensorflow() -> None:
    class Own(tf.keras.Sequential):
        def train_step(self, x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(tf.subtract(y, self(x, training=True))))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return loss

    model = Own([tf.keras.layers.Dense(1)])
    model.compile(tf.train.AdamOptimizer(0.05), "mse")
    before = model.evaluate(X, Y[:, :1], verbose=0)
    model.fit(X, Y[:, :1], epochs=50, verbose=0)
    assert model.evaluate(X, Y[:, :1], verbose=0) < 0.5 * before


# tensors, variables, tapes


def test_a_variable_begins_at_a_list_of_tensors() -> None:
    first, second = tf.constant(1.0), tf.constant(2.0)
    variable = tf.Variable([first, second])
    assert variable.numpy().tolist() == [1.0, 2.0]
    assert isinstance(variable, ebbflow.Variable)
    assert not tf.Variable(0, trainable=False).trainable


def test_a_tape_gives_the_derivative_for_every_tensor_that_was_used() -> None:
    x, w = tf.constant(3.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x * w
    assert [float(gradient) for gradient in tape.gradient(y, [x, w])] == [12.0, 9.0]


def test_a_tape_that_only_watches_gives_nothing_else() -> None:
    x, w = tf.constant(3.0), tf.Variable(2.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        y = x * w
    assert [gradient is None for gradient in tape.gradient(y, [x, w])] == [False, True]


def test_no_derivative_passes_stop_gradient() -> None:
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        y = x * tf.stop_gradient(x)
    assert float(tape.gradient(y, x)) == 3.0


def test_a_session_gives_values_in_the_structure_that_was_asked_for() -> None:
    a = tf.constant([1, 2])
    with tf.Session() as session:
        first, (second,) = session.run([a, {"twice": a * 2}["twice"]])[0], [session.run(tf.Variable(0.5))]
        assert session.run({"twice": a * 2})["twice"].tolist() == [2, 4]
    assert first.tolist() == [1, 2] and second == 0.5
    with pytest.raises(ArgumentError, match="feed_dict"):
        session.run(a, feed_dict={"a": 1})


# random numbers


def test_a_seed_gives_the_same_numbers_again() -> None:
    def drawn() -> list[Any]:
        tf.random.set_seed(7)
        return [tf.random.normal([3]).numpy().tolist(), tf.random.uniform([3]).numpy().tolist()]

    assert drawn() == drawn()


def test_random_numbers_have_their_distribution() -> None:
    normal = tf.random.normal([10_000], mean=3.0, stddev=2.0, seed=1).numpy()
    assert normal.mean() == pytest.approx(3.0, abs=0.1) and normal.std() == pytest.approx(2.0, abs=0.1)
    dice = tf.random.uniform([1000], 1, 7, dtype=tf.int32, seed=1).numpy()
    assert sorted(set(dice)) == [1, 2, 3, 4, 5, 6] and dice.dtype == np.int32
    with pytest.raises(ArgumentError, match="maxval"):
        tf.random.uniform([2], dtype=tf.int32)


def test_dropout_drops_at_its_rate_and_keeps_the_mean() -> None:
    dropped = tf.nn.dropout(np.ones(10_000, np.float32), rate=0.1, seed=1).numpy()
    assert (dropped == 0).mean() == pytest.approx(0.1, abs=0.02)
    assert set(np.round(dropped, 5)) == {np.float32(0), np.round(np.float32(1 / 0.9), 5)}
    with pytest.raises(ArgumentError, match="tf.nn.dropout: expected a probability"):
        tf.nn.dropout(X, rate=1.0)


# the optimizers of the first version: one step from weights 1 with gradient 0.5

STEPS = {
    "GradientDescent": (lambda: tf.train.GradientDescentOptimizer(0.1), 0.1 * 0.5),
    "Momentum": (lambda: tf.train.MomentumOptimizer(0.1, 0.9), 0.1 * 0.5),
    "Nesterov": (lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), 0.1 * (0.5 + 0.9 * 0.5)),
    "Adagrad": (lambda: tf.train.AdagradOptimizer(0.1), 0.1 * 0.5 / np.sqrt(0.1 + 0.25)),
    "Adadelta": (lambda: tf.train.AdadeltaOptimizer(1.0), 0.5 * np.sqrt(1e-8) / np.sqrt(0.05 * 0.25 + 1e-8)),
    "RMSProp": (lambda: tf.train.RMSPropOptimizer(0.1, decay=0.9), 0.1 * 0.5 / np.sqrt(0.1 * 0.25)),
    "Adam": (lambda: tf.train.AdamOptimizer(0.1, beta1=0.8), 0.1),
}


@pytest.mark.parametrize("name", STEPS)
def test_an_optimizer_of_the_first_version_makes_its_step(name: str) -> None:
    make, step = STEPS[name]
    weights = tf.Variable([1.0])
    make().apply_gradients([(tf.constant([0.5]), weights)])
    assert float(weights) == pytest.approx(1.0 - step, rel=1e-5)


def test_adagrad_of_the_first_version_refuses_to_begin_at_zero() -> None:
    with pytest.raises(ArgumentError, match="initial_accumulator_value"):
        tf.train.AdagradOptimizer(0.1, initial_accumulator_value=0.0)


# names that are not here

MISSING = {
    "placeholder": "use the array itself",
    "function": "Model.fit",
    "data": "Model.fit",
    "global_variables_initializer": "leave it out",
    "relu": "ebbflow has tf.nn.relu",
    "log": "ebbflow has tf.math.log",
    "reduce_meen": "did you mean 'reduce_mean'",
    "nn.rellu": "did you mean 'relu'",
    "nn.conv2d": "networks of dense layers",
    "math.matmul": "ebbflow has tf.matmul",
    "math.zeta": r"ebbflow has what dir\(ebbflow.tf.math\) lists",
    "train.Saver": r"Model.save\(path\)",
    "train.AdamOptimiser": "did you mean 'AdamOptimizer'",
    "keras.backend": "ebbflow.ops",
    "keras.layers.Conv2D": "networks of dense layers",
    "keras.layers.MaxPooling2D": "networks of dense layers",
    "keras.layers.SimpleRNN": "networks of dense layers",
    "keras.layers.Dens": "did you mean 'Dense'",
    "keras.optimizers.adam": "did you mean 'Adam'",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_name_says_what_to_use(name: str) -> None:
    *path, last = name.split(".")
    namespace: Any = tf
    for part in path:
        namespace = getattr(namespace, part)
    with pytest.raises(AttributeError, match=MISSING[name]) as error:
        getattr(namespace, last)
    assert str(error.value).startswith(f"module '{'.'.join(['ebbflow.tf', *path])}' has no '{last}'; ")


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match="matmul"):
        tf.matmul(X, np.ones((3, 2), np.float32))
