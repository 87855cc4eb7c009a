"""The snippets and claims of introductory lectures on deep learning, run as they stand on the slides.

Only the import differs: `import ebbflow.tf as tf` in place of `import tensorflow as tf`. Where a slide leaves dots, or
calls something that it does not define, a comment says what was put there.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
import ebbflow.tf as tf
from ebbflow.core.errors import ArgumentError


@pytest.fixture(autouse=True)
def seed() -> None:
    tf.random.set_seed(0)


def sigmoid(z: Any) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(z, np.float64)))


def uniform(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-2.0, 2.0, shape).astype(np.float32)


# the perceptron


def perceptron() -> Any:
    """y = g(1 + 3 x1 - 2 x2)."""
    layer = tf.keras.layers.Dense(1, activation="sigmoid")
    layer.build((None, 2))
    layer.set_weights([np.array([[3.0], [-2.0]]), np.array([1.0])])
    return layer


def test_the_worked_example_of_the_perceptron() -> None:
    X, W, w0 = tf.constant([[-1.0, 2.0]]), tf.constant([[3.0], [-2.0]]), 1.0
    z = w0 + tf.matmul(X, W)
    assert float(z) == -6.0
    assert float(tf.math.sigmoid(z)) == pytest.approx(0.002, abs=0.0005)
    assert float(perceptron()(X)) == float(tf.math.sigmoid(z))


def test_the_line_of_the_perceptron_splits_the_plane() -> None:
    x1, x2 = map(np.ravel, np.meshgrid(np.linspace(-3, 3, 24), np.linspace(-3, 3, 24)))
    z = 1 + 3 * x1 - 2 * x2
    y = perceptron()(np.stack([x1, x2], 1)).numpy()[:, 0]
    assert np.all(y[z < 0] < 0.5) and np.all(y[z > 0] > 0.5)
    on_the_line = perceptron()([[0.0, 0.5], [1.0, 2.0]]).numpy()
    assert on_the_line.ravel().tolist() == [0.5, 0.5]


# dense layers


class MyDenseLayer(tf.keras.layers.Layer):
    def __init__(self, input_dim, output_dim):
        super(MyDenseLayer, self).__init__()  # noqa: UP008

        # Initialize weights and bias
        self.W = self.add_weight([input_dim, output_dim])  # the slide names it w here, and W below
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        # Forward propagate the inputs
        z = tf.matmul(inputs, self.W) + self.b

        # Feed through a non-linear activation
        output = tf.math.sigmoid(z)

        return output


def test_a_dense_layer_from_scratch() -> None:
    layer, x = MyDenseLayer(3, 2), uniform(4, 3)
    assert [weight.shape for weight in layer.trainable_weights] == [(3, 2), (1, 2)]
    W, b = layer.get_weights()
    np.testing.assert_allclose(layer(x).numpy(), sigmoid(x @ W + b), rtol=1e-5)


def test_a_layer_of_ones_own_learns_in_a_compiled_model() -> None:
    x = uniform(64, 2)
    y = (x[:, :1] + x[:, 1:] > 0).astype(np.float32)
    model = tf.keras.Sequential([MyDenseLayer(2, 8), MyDenseLayer(8, 1)])
    model.compile(optimizer=tf.keras.optimizers.Adam(0.05), loss="binary_crossentropy")
    losses = model.fit(x, y, epochs=60, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]


def test_a_dense_layer_of_the_library() -> None:
    layer = tf.keras.layers.Dense(units=2)
    assert layer(uniform(4, 3)).shape == (4, 2)


def test_a_single_layer_neural_network() -> None:
    model = tf.keras.Sequential([
        tf.keras.layers.Dense(5, activation="sigmoid"),  # the slide ends after the bracket: these two layers
        tf.keras.layers.Dense(2),
    ])  # fmt: skip
    x = uniform(4, 3)
    y = model(x).numpy()
    W1, b1, W2, b2 = model.get_weights()
    np.testing.assert_allclose(y, sigmoid(x @ W1 + b1) @ W2 + b2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 5, 10])
def test_a_deep_neural_network_of_any_depth(depth: int) -> None:
    model = tf.keras.Sequential([
        # ... on the slide: hidden layers of 3 units each
        *[tf.keras.layers.Dense(3, activation="relu") for _ in range(depth)],
        tf.keras.layers.Dense(2),
    ])  # fmt: skip
    x = uniform(4, 6)
    y = model(x).numpy()
    assert [layer.output_shape for layer in model.layers] == [(None, 3)] * depth + [(None, 2)]
    z, weights = x.astype(np.float64), model.get_weights()
    for k in range(0, len(weights), 2):  # z_k = w_0 + sum_j g(z_(k-1),j) w_j
        z = (np.maximum(z, 0) if k else z) @ weights[k] + weights[k + 1]
    np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), z, rtol=1e-4, atol=1e-5)


def test_the_activations_of_a_batch_have_the_shape_of_its_weighted_sums() -> None:
    x, layer = uniform(4, 7), tf.keras.layers.Dense(3)
    z = layer(x)
    a = tf.math.tanh(z)
    assert z.shape == a.shape == (4, 3)


# activations: the function, its derivative, and what they are called

ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "identity": (ebb.activations.identity, lambda z: z, lambda z: np.ones_like(z)),
    "step": (ebb.activations.step, lambda z: (z >= 0) * 1.0, lambda z: np.zeros_like(z)),
    "sigmoid": (tf.math.sigmoid, sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (tf.math.tanh, np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (tf.nn.relu, lambda z: np.maximum(0, z), lambda z: (z > 0) * 1.0),
    "leaky_relu": (
        lambda z: tf.nn.leaky_relu(z, alpha=0.01),
        lambda z: np.maximum(0.01 * z, z),
        lambda z: np.where(z < 0, 0.01, 1.0),
    ),
}
Z = np.array([-10.0, -2.0, -0.5, 0.5, 2.0, 10.0], np.float32)


def derivative(g: Callable[..., Any]) -> np.ndarray:
    z = tf.constant(Z)
    with tf.GradientTape() as tape:
        a = g(z)
    return tape.gradient(a, z, unconnected_gradients="zero").numpy()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_and_its_derivative(name: str) -> None:
    g, formula, slope = ACTIVATIONS[name]
    np.testing.assert_allclose(g(Z).numpy(), formula(Z), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(derivative(g), slope(Z), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_layer_has_an_activation_of_its_own(name: str) -> None:
    activation = tf.keras.layers.LeakyReLU(negative_slope=0.01) if name == "leaky_relu" else name
    layer = tf.keras.layers.Dense(3, activation=activation)
    x = uniform(4, 2)
    y = layer(x).numpy()
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(y, ACTIVATIONS[name][1](x @ kernel + bias), rtol=1e-4, atol=1e-6)


def test_softmax_and_its_derivative() -> None:
    z = tf.constant([1.0, 2.0, 0.5])
    with tf.GradientTape(persistent=True) as tape:
        y = tf.nn.softmax(z)
        parts = [y[i] for i in range(3)]
    jacobian = [tape.gradient(part, z).numpy() for part in parts]
    p = np.exp([1.0, 2.0, 0.5]) / np.exp([1.0, 2.0, 0.5]).sum()
    np.testing.assert_allclose(y.numpy(), p, rtol=1e-6)
    np.testing.assert_allclose(jacobian, np.diag(p) - np.outer(p, p), rtol=1e-5, atol=1e-7)


def test_where_the_gradient_is_lost() -> None:
    far = np.abs(Z) == 10.0
    for name in ("sigmoid", "tanh"):  # small slope at both ends
        assert np.all(derivative(ACTIVATIONS[name][0])[far] < 1e-4)
    assert not derivative(ACTIVATIONS["step"][0]).any()  # none anywhere
    assert derivative(ACTIVATIONS["relu"][0]).tolist() == [0, 0, 0, 1, 1, 1]  # none on the left
    assert np.all(derivative(ACTIVATIONS["leaky_relu"][0]) > 0)  # some everywhere


@pytest.mark.parametrize("activation", ["step", "sigmoid"])
def test_nothing_below_a_step_can_learn(activation: str) -> None:
    x, y = uniform(32, 2), uniform(32, 1)
    hidden, output = tf.keras.layers.Dense(4, activation=activation), tf.keras.layers.Dense(1)
    model = tf.keras.Sequential([hidden, output])
    model.build((None, 2))
    before = hidden.get_weights()[0], output.get_weights()[0]
    model.compile(tf.keras.optimizers.SGD(0.1), "mse")
    said = pytest.warns(UserWarning, match="no gradient for") if activation == "step" else contextlib.nullcontext()
    with said:
        model.fit(x, y, epochs=2, verbose=0)
    assert np.array_equal(hidden.get_weights()[0], before[0]) == (activation == "step")
    assert not np.array_equal(output.get_weights()[0], before[1])


# why activations


def test_a_stack_of_linear_layers_collapses_to_one() -> None:
    stack = tf.keras.Sequential([tf.keras.layers.Dense(n, bias_initializer="normal") for n in (5, 4, 2)])
    x = uniform(16, 3)
    deep = stack(x).numpy()
    W1, b1, W2, b2, W3, b3 = stack.get_weights()
    one = tf.keras.layers.Dense(2)
    one.build((None, 3))
    one.set_weights([W1 @ W2 @ W3, (b1 @ W2 + b2) @ W3 + b3])
    np.testing.assert_allclose(one(x).numpy(), deep, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "sigmoid"])
def test_linear_activations_make_linear_functions_no_matter_the_size(activation: str) -> None:
    model = tf.keras.Sequential([tf.keras.layers.Dense(20, activation=activation) for _ in range(4)])
    a, b = uniform(2, 3)
    f_a, f_b, f_0, f_both = model(np.stack([a, b, 0 * a, a + b])).numpy()
    bend = np.abs(f_both - f_a - f_b + f_0).max()
    assert (bend < 1e-5) == (activation == "linear")


# losses


def test_the_empirical_loss_is_the_mean_of_the_losses_of_the_examples() -> None:
    x, y = uniform(12, 3), uniform(12, 1)
    model = tf.keras.Sequential([tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)])
    model.compile(loss="mean_squared_error")
    single = [model.evaluate(x[i : i + 1], y[i : i + 1], verbose=0) for i in range(12)]
    assert model.evaluate(x, y, batch_size=5, verbose=0) == pytest.approx(np.mean(single), rel=1e-5)
    each = tf.keras.losses.MeanSquaredError(reduction="none")(y, model(x))
    np.testing.assert_allclose(each.numpy(), single, rtol=1e-4)


def test_the_mean_squared_error_of_the_slide() -> None:
    y, predicted = uniform(8, 3), uniform(8, 4)[:, :3]
    loss = tf.reduce_mean(tf.square(tf.subtract(y, predicted)))
    assert float(loss) == pytest.approx(np.mean((y - predicted) ** 2), rel=1e-5)
    assert float(loss) == pytest.approx(float(tf.keras.losses.MeanSquaredError()(y, predicted)), rel=1e-6)


def test_the_squared_error_of_a_vector_is_its_squared_distance() -> None:
    y, predicted = uniform(8, 3), uniform(8, 4)[:, :3]
    squared = tf.reduce_sum(tf.square(tf.subtract(y, predicted)), axis=1)
    np.testing.assert_allclose(squared.numpy(), np.linalg.norm(y - predicted, axis=1) ** 2, rtol=1e-5)
    means = tf.keras.losses.mean_squared_error(y, predicted)
    np.testing.assert_allclose(3 * means.numpy(), squared.numpy(), rtol=1e-5)


def test_the_cross_entropy_of_the_slide() -> None:
    predicted = uniform(6, 2)
    y = np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]]
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, predicted))
    p = np.exp(predicted) / np.exp(predicted).sum(1, keepdims=True)
    assert float(loss) == pytest.approx(-np.mean(np.log((p * y).sum(1))), rel=1e-5)


def test_binary_cross_entropy_from_probabilities_and_from_logits() -> None:
    z, y = uniform(16, 1), (uniform(16, 2)[:, 1:] > 0).astype(np.float32)
    expected = np.mean(-y * np.log(sigmoid(z)) - (1 - y) * np.log(1 - sigmoid(z)))
    BinaryCrossentropy = tf.keras.losses.BinaryCrossentropy
    assert float(BinaryCrossentropy()(y, tf.math.sigmoid(z))) == pytest.approx(expected, rel=1e-5)
    assert float(BinaryCrossentropy(from_logits=True)(y, z)) == pytest.approx(expected, rel=1e-5)


def test_categorical_cross_entropy_of_dense_and_sparse_labels() -> None:
    z, classes = uniform(16, 4), np.arange(16) % 4
    y = np.eye(4, dtype=np.float32)[classes]
    p = tf.nn.softmax(z)
    expected = np.mean(-np.sum(y * np.log(p.numpy()), 1))
    dense, sparse = tf.keras.losses.CategoricalCrossentropy, tf.keras.losses.SparseCategoricalCrossentropy
    losses = [dense()(y, p), dense(from_logits=True)(y, z), sparse()(classes, p), sparse(from_logits=True)(classes, z)]
    assert [float(loss) for loss in losses] == pytest.approx([expected] * 4, rel=1e-5)


# gradients


def test_the_chain_rule_of_the_slide() -> None:
    u = tf.constant(0.5)
    with tf.GradientTape(persistent=True) as tape:
        w = tf.square(u)
        x = tf.exp(w)
        y = tf.math.tanh(x)
        z = 3.0 * y
    dz_dy, dz_dx, dz_dw, dz_du = (float(tape.gradient(z, source)) for source in (y, x, w, u))
    dy_dx, dx_dw, dw_du = (float(tape.gradient(*pair)) for pair in ((y, x), (x, w), (w, u)))
    assert dz_dy == 3.0
    assert dy_dx == pytest.approx(1 - np.tanh(np.exp(0.25)) ** 2, rel=1e-5)
    assert dx_dw == pytest.approx(np.exp(0.25), rel=1e-6)
    assert dw_du == 1.0
    assert dz_dx == pytest.approx(dz_dy * dy_dx, rel=1e-6)
    assert dz_dw == pytest.approx((dz_dy * dy_dx) * dx_dw, rel=1e-6)
    assert dz_du == pytest.approx((dz_dy * dy_dx * dx_dw) * dw_du, rel=1e-6)


def test_backpropagation_number_by_number() -> None:
    """J = (y - t)^2 of two inputs, two sigmoid units and a linear output: by hand, by the tape, by a whole model."""
    x, t = np.array([[1.0, -2.0]]), 0.5
    W1, b1 = np.array([[0.1, -0.3], [0.4, 0.2]]), np.array([0.05, -0.1])
    W2, b2 = np.array([[0.7], [-0.6]]), np.array([0.2])
    # forward, from left to right; every value is stored
    z1 = x @ W1 + b1
    h = sigmoid(z1)
    y = h @ W2 + b2
    np.testing.assert_allclose(z1, [[-0.65, -0.8]])
    # backward, from right to left, out of what was stored
    dJ_dy = 2 * (y - t)
    dJ_dW2, dJ_db2 = h.T @ dJ_dy, dJ_dy[0]
    dJ_dz1 = (dJ_dy @ W2.T) * h * (1 - h)
    dJ_dW1, dJ_db1 = x.T @ dJ_dz1, dJ_dz1[0]
    by_hand = [dJ_dW1, dJ_db1, dJ_dW2, dJ_db2]

    model = tf.keras.Sequential([tf.keras.layers.Dense(2, activation="sigmoid"), tf.keras.layers.Dense(1)])
    model.build((None, 2))
    model.set_weights([W1, b1, W2, b2])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.subtract(t, model(x))))
    by_tape = tape.gradient(loss, model.trainable_variables)
    for numbers, tensor in zip(by_hand, by_tape, strict=True):
        np.testing.assert_allclose(tensor.numpy(), numbers, rtol=1e-4)

    # w <- w - eta dJ/dw, compiled
    model.compile(tf.keras.optimizers.SGD(0.1), "mse")
    model.fit(x, [[t]], epochs=1, verbose=0)
    for weight, start, gradient in zip(model.get_weights(), (W1, b1, W2, b2), by_hand, strict=True):
        np.testing.assert_allclose(weight, start - 0.1 * gradient, rtol=1e-4)


# gradient descent


def test_gradient_descent_of_the_slide() -> None:
    def compute_loss(weights):  # not on the slide: lowest at 3
        return tf.reduce_sum(tf.square(weights - 3.0))

    lr = 0.1  # not on the slide

    weights = tf.Variable([tf.random.normal()])

    while True:
        with tf.GradientTape() as g:
            loss = compute_loss(weights)
            gradient = g.gradient(loss, weights)

        weights = weights - lr * gradient
        if tf.norm(gradient) < 1e-4:  # not on the slide: "loop until convergence"
            break

    assert weights.numpy() == pytest.approx([3.0], abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_gradient_descent_converges_from_random_weights(seed: int) -> None:
    tf.random.set_seed(seed)
    x, y = uniform(40, 3), uniform(40, 4)[:, :1]
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    weights = tf.Variable(tf.random.normal([3, 1], stddev=1.0))
    assert np.abs(weights.numpy() - best).max() > 0.1
    for _ in range(100):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, weights) - y))
        weights.assign_sub(0.3 * tape.gradient(loss, weights))
    np.testing.assert_allclose(weights.numpy(), best, atol=1e-4)


def compute_loss(y, prediction):
    """Not on the slides."""
    return tf.reduce_mean(tf.square(tf.subtract(y, prediction)))


OPTIMIZERS = {
    "SGD": lambda: tf.keras.optimizer.SGD(),  # written so on the slide
    "SGD, 0.1": lambda: tf.keras.optimizers.SGD(learning_rate=0.1),
    "Adam": lambda: tf.keras.optimizers.Adam(learning_rate=0.01),
    "Adadelta": lambda: tf.keras.optimizers.Adadelta(learning_rate=1.0),
    "Adagrad": lambda: tf.keras.optimizers.Adagrad(learning_rate=0.1),
    "RMSprop": lambda: tf.keras.optimizers.RMSprop(learning_rate=0.01),
    "tf.train.GradientDescent": lambda: tf.train.GradientDescentOptimizer(0.1),
    "tf.train.Momentum": lambda: tf.train.MomentumOptimizer(0.01, momentum=0.9),
    "tf.train.Adagrad": lambda: tf.train.AdagradOptimizer(0.1),
    "tf.train.Adadelta": lambda: tf.train.AdadeltaOptimizer(1.0),
    "tf.train.Adam": lambda: tf.train.AdamOptimizer(0.01),
    "tf.train.RMSProp": lambda: tf.train.RMSPropOptimizer(0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_pick_your_favorite_optimizer(name: str) -> None:
    x = uniform(32, 2)
    y = np.sum(x, 1, keepdims=True)
    model = tf.keras.Sequential([  # [...] on the slide
        tf.keras.layers.Dense(8, activation="tanh"),
        tf.keras.layers.Dense(1),
    ])  # fmt: skip

    # pick your favorite optimizer
    optimizer = OPTIMIZERS[name]()

    losses = []
    while True:
        with tf.GradientTape() as tape:
            # forward pass through the network; on the slide one line too high, see the next test
            prediction = model(x)

            # compute the loss
            loss = compute_loss(y, prediction)
        # update the weights using the gradient
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))  # noqa: B905
        losses.append(float(loss))
        if len(losses) == 50:  # not on the slide
            break
    assert losses[-1] < 0.9 * losses[0]


def test_a_forward_pass_outside_of_the_tape_is_explained() -> None:
    x, y = uniform(32, 2), uniform(32, 1)
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    prediction = model(x)
    with tf.GradientTape() as tape:
        loss = compute_loss(y, prediction)
    grads = tape.gradient(loss, model.trainable_variables)
    with pytest.raises(ArgumentError, match="was it computed inside the tape"):
        tf.keras.optimizers.SGD().apply_gradients(zip(grads, model.trainable_variables, strict=True))


def test_a_normalized_step_has_the_length_of_the_learning_rate() -> None:
    w, alpha = tf.Variable([30.0, -40.0]), 0.5
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(w))
    dw = tape.gradient(loss, w)
    stepped = w - alpha * dw / tf.norm(dw)
    np.testing.assert_allclose(stepped.numpy(), [29.7, -39.6], rtol=1e-6)


# dropout


def test_dropout_of_the_slide() -> None:
    layer, p = tf.ones([100, 100]), 0.1
    dropped = tf.nn.dropout(layer, rate=p).numpy()
    assert np.mean(dropped == 0) == pytest.approx(0.1, abs=0.02)  # "rate = 0.1 would drop 10% of input elements"


def test_typically_half_of_the_activations_are_dropped_and_only_in_training() -> None:
    layer, x = tf.keras.layers.Dropout(p=0.5), np.ones((100, 100), np.float32)
    assert np.mean(layer(x, training=True).numpy() == 0) == pytest.approx(0.5, abs=0.03)
    assert np.array_equal(layer(x).numpy(), x)


# data flowing through a graph


def test_a_session_of_the_slide() -> None:
    a = tf.constant([1, 2, 3])
    b = tf.constant(4, shape=[1, 3])

    A = a + b
    B = a * b
    assert "int32[1,3]" in repr(A)  # the slide prints shape=(1, 3), dtype=int32

    sess = tf.Session()
    assert sess.run(A).tolist() == [[5, 6, 7]]
    assert sess.run([A, B])[1].tolist() == [[4, 8, 12]]
