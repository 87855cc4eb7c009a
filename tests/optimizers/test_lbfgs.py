"""LBFGS finds what SciPy's L-BFGS-B finds, in about as many evaluations, also inside compiled training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import ebbflow as ebb
from ebbflow import optimizers
from ebbflow.core.errors import ArgumentError, NonFiniteLossError
from ebbflow.core.variable import Variable

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]
rng = np.random.default_rng(0)
X = rng.normal(size=(100, 6)) * [1, 1, 1, 20, 1, 0.1]
AMOUNTS = X @ rng.normal(size=6) + rng.normal(size=100)
CLASSES = (AMOUNTS > 0).astype(float)


def ridge(w: np.ndarray) -> tuple[float, np.ndarray]:
    error = X @ w - AMOUNTS
    return (error**2).mean() + 0.1 * w @ w, 2 * X.T @ error / 100 + 0.2 * w


def logistic(w: np.ndarray) -> tuple[float, np.ndarray]:
    z = X @ w
    loss = np.logaddexp(0, z) - CLASSES * z
    return loss.mean() + 0.005 * w @ w, X.T @ (1 / (1 + np.exp(-z)) - CLASSES) / 100 + 0.01 * w


def rosenbrock(w: np.ndarray) -> tuple[float, np.ndarray]:
    a, b = w[:-1], w[1:]
    gradient = np.zeros_like(w)
    gradient[:-1] += -400 * a * (b - a**2) - 2 * (1 - a)
    gradient[1:] += 200 * (b - a**2)
    return float((100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()), gradient


def evaluations(function: Function, weight: Variable, best: np.ndarray, most: int) -> int:
    """How many LBFGS needs to come within 1e-6 of the best weights."""
    optimizer = optimizers.LBFGS()
    for count in range(1, most):
        loss, gradient = function(weight.numpy())
        if np.abs(weight.numpy() - best).max() < 1e-6:
            return count
        optimizer.apply([gradient], [weight], loss=loss)
    raise AssertionError(f"still {np.abs(weight.numpy() - best).max()} away after {most} evaluations")


@pytest.mark.parametrize("function", [ridge, logistic, rosenbrock])
def test_scipys_optimum_is_found_in_about_as_many_evaluations(function: Function) -> None:
    first = np.zeros(6) if function is not rosenbrock else np.full(6, -1.2)
    scipys = minimize(function, first, jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-10})
    weight = Variable(first, name="w")
    assert evaluations(function, weight, scipys.x, 200) < 1.5 * scipys.nfev + 5


def two_loops(g: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """-H g as in Nocedal (1980), "Updating quasi-Newton matrices with limited storage"; pairs (s, y), oldest first."""
    q, shares = -g, []
    for s, y in reversed(pairs):
        shares.append(s @ q / (s @ y))
        q = q - shares[-1] * y
    s, y = pairs[-1]
    q = q * (s @ y) / (y @ y)
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        q = q + s * (share - y @ q / (s @ y))
    return q


@pytest.mark.parametrize("history_size", [1, 3, 10])
def test_directions_are_those_of_the_two_loop_recursion(history_size: int) -> None:
    weight, optimizer, compared = Variable(np.full(6, -1.2), name="w"), optimizers.LBFGS(history_size=history_size), 0
    for _ in range(40):
        loss, gradient = rosenbrock(weight.numpy())
        optimizer.apply([gradient], [weight], loss=loss)
        oldest, count, trials = (int(optimizer.slot(None, name).numpy()) for name in ("oldest", "pairs", "trials"))
        s, y = (optimizer.slot(weight, name).numpy() for name in ("changes", "gradient_changes"))
        pairs = [(s[k], y[k]) for k in (oldest - count + np.arange(count)) % history_size]
        if pairs and trials == 1:  # a line begins
            expected = two_loops(gradient, pairs)
            found = optimizer.slot(weight, "direction").numpy()
            np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
            compared += 1
    assert compared > 20


def test_weights_may_have_any_shape() -> None:
    """A tall matrix and a wide one, of which one is kept transposed, go the way of the vector of all their elements."""
    vector, tall, wide = (Variable(np.full(shape, -1.2), name="w") for shape in ((64,), (16, 2), (2, 16)))
    alone, together = optimizers.LBFGS(), optimizers.LBFGS()
    for _ in range(30):
        loss, gradient = rosenbrock(vector.numpy())
        parts = np.concatenate([tall.numpy().ravel(), wide.numpy().ravel()])
        np.testing.assert_allclose(parts, vector.numpy(), rtol=1e-6)
        alone.apply([gradient], [vector], loss=loss)
        loss, gradient = rosenbrock(parts)
        together.apply([gradient[:32].reshape(16, 2), gradient[32:].reshape(2, 16)], [tall, wide], loss=loss)
    together.finalize_variable_values([tall, wide])
    assert tall.shape == (16, 2) and wide.shape == (2, 16)


def test_after_the_optimum_nothing_moves() -> None:
    weight, optimizer = Variable(np.zeros(6), name="w"), optimizers.LBFGS()
    for _ in range(120):
        loss, gradient = ridge(weight.numpy())
        optimizer.apply([gradient], [weight], loss=loss)
    optimizer.finalize_variable_values([weight])
    exact = np.linalg.solve(X.T @ X / 100 + 0.1 * np.eye(6), X.T @ AMOUNTS / 100)
    np.testing.assert_allclose(weight.numpy(), exact, atol=1e-7)


def test_the_final_weights_are_the_best_point_even_in_the_middle_of_a_line() -> None:
    for steps in range(1, 30):
        weight, optimizer, seen = Variable(np.full(2, -1.2), name="w"), optimizers.LBFGS(), []
        for _ in range(steps):
            loss, gradient = rosenbrock(weight.numpy())
            seen.append(loss)
            optimizer.apply([gradient], [weight], loss=loss)
        optimizer.finalize_variable_values([weight])
        assert rosenbrock(weight.numpy())[0] <= min(seen) + 1e-3 * abs(min(seen))


def test_weights_changed_by_another_hand_begin_a_new_line() -> None:
    weight, optimizer = Variable(np.zeros(6), name="w"), optimizers.LBFGS()
    for step in range(80):
        if step == 10:
            weight.assign(np.full(6, 5.0))
        loss, gradient = ridge(weight.numpy())
        optimizer.apply([gradient], [weight], loss=loss)
        if step == 10:
            assert np.array_equal(optimizer.slot(weight, "point").numpy(), np.full(6, 5.0))
    assert np.abs(ridge(weight.numpy())[1]).max() < 1e-6


class Logistic(ebb.Model):
    """Logistic regression with a penalty, in the type of the inputs."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1],), "zeros")
        self.bias = self.add_weight((1,), "zeros")

    def call(self, inputs: Any) -> Any:
        return ebb.ops.expand_dims(inputs @ self.kernel, -1) + self.bias

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        data = super().compute_loss(x, y, y_pred, sample_weight)
        return data + 0.005 * ebb.ops.sum(ebb.ops.square(self.kernel))

    def train_step(self, x: Any, y: Any) -> Any:
        with ebb.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables, loss=loss)
        self.update_metrics(loss, y, y_pred)
        return loss


@pytest.mark.parametrize("run_eagerly", [True, False], ids=["eager", "compiled"])
def test_logistic_regression_trained_to_the_end_in_one_fit(run_eagerly: bool) -> None:
    def with_bias(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = X @ w[:6] + w[6]
        error = (1 / (1 + np.exp(-z)) - CLASSES) / 100
        loss = (np.logaddexp(0, z) - CLASSES * z).mean() + 0.005 * w[:6] @ w[:6]
        return loss, np.append(X.T @ error + 0.01 * w[:6], error.sum())

    best = minimize(with_bias, np.zeros(7), jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-10})
    before = ebb.config.floatx()
    ebb.config.set_floatx("float64")
    try:
        model = Logistic()
        model.compile(
            optimizers.LBFGS(history_size=6),
            ebb.losses.BinaryCrossentropy(from_logits=True),
            run_eagerly=run_eagerly,
        )
        model.fit(X, CLASSES[:, None], batch_size=100, epochs=60, verbose=0)
    finally:
        ebb.config.set_floatx(before)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_allclose(np.concatenate(model.get_weights()), best.x, atol=1e-6)


def test_configuration_and_mistakes() -> None:
    optimizer = optimizers.LBFGS(history_size=3, armijo=1e-3)
    assert optimizers.get(optimizers.serialize(optimizer)).get_config() == optimizer.get_config()
    weight = Variable(np.ones(2), name="w")
    with pytest.raises(
        ArgumentError, match=r"lbfgs: expected the loss, too; call apply\(grads, variables, loss=loss\)"
    ):
        optimizer.apply([np.ones(2)], [weight])
    optimizer.build([weight])
    with pytest.raises(ArgumentError, match="lbfgs: expected a gradient for each weight, got none for w"):
        optimizer.update_steps([], [], np.float64(1.0))
    with pytest.raises(ArgumentError, match="lbfgs: expected the weights that it was built for, got also other"):
        optimizer.build([weight, Variable(np.ones(2), name="other")])
    with pytest.raises(ArgumentError, match="LBFGS: expected a whole number of at least 1 for history_size, got 0"):
        optimizers.LBFGS(history_size=0)


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "compiled"])
def test_a_trial_that_goes_too_far_for_a_finite_loss_is_shortened(eager: bool) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32) * 8
    y = np.exp(np.clip(0.3 * x[:, :1], -5, 5)).astype(np.float32)
    ebb.set_random_seed(1)
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(1, activation="exponential")])
    model.compile(optimizers.LBFGS(learning_rate=100.0), "poisson", run_eagerly=eager)
    model.set_weights([np.array([[0.01], [0.0], [0.0]]), np.zeros(1)])
    losses = model.fit(x, y, batch_size=60, epochs=60, verbose=0).history["loss"]
    assert losses[1] == losses[0], "the first trial was not finite"
    assert np.isfinite(losses).all() and losses[-1] < losses[0] - 1


def test_a_loss_that_is_not_finite_at_the_start_is_an_error() -> None:
    model = ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(1, activation="exponential")])
    model.compile("lbfgs", "poisson")
    model.set_weights([np.array([[1000.0]]), np.zeros(1)])
    with pytest.raises(NonFiniteLossError, match="the loss is not finite in epoch 1/5"):
        model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=4, epochs=5, verbose=0)
