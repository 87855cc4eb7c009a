"""Penalties: their values, their gradients, and what they do to a fit."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import Lasso

import ebbflow as ebb
from ebbflow import constraints, layers, ops, regularizers
from ebbflow.autodiff import GradientTape, grad
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ModelFileError, ShapeError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace
from ebbflow.core.variable import Variable
from ebbflow.functions.catalog import custom_object_scope

W = np.random.default_rng(1).normal(size=(5, 3))


def cosines(rows: np.ndarray) -> float:
    """The mean magnitude of the cosines between different rows."""
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return float(np.mean([abs(a @ b) for i, a in enumerate(units) for b in units[:i]]))


# name: how it is made, the formula in NumPy
CASES: dict[str, tuple[Callable[[], regularizers.Regularizer], Callable[[np.ndarray], float]]] = {
    "L1": (lambda: regularizers.L1(0.3), lambda w: 0.3 * np.abs(w).sum()),
    "L2": (lambda: regularizers.L2(0.2), lambda w: 0.2 * (w**2).sum()),
    "L1L2": (lambda: regularizers.L1L2(0.1, 0.2), lambda w: 0.1 * np.abs(w).sum() + 0.2 * (w**2).sum()),
    "rows": (lambda: regularizers.OrthogonalRegularizer(0.4), lambda w: 0.4 * cosines(w)),
    "columns": (lambda: regularizers.OrthogonalRegularizer(0.4, mode="columns"), lambda w: 0.4 * cosines(w.T)),
}
every = pytest.mark.parametrize("name", CASES)


def test_every_regularizer_is_tried_here() -> None:
    public = {cls for name, cls in vars(regularizers).items() if isinstance(cls, type) and name in regularizers.__all__}
    assert {type(make()) for make, _ in CASES.values()} == public - {regularizers.Regularizer}


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_those_of_the_formula(name: str, dtype: str) -> None:
    make, formula = CASES[name]
    penalty = make()(W.astype(dtype))
    assert str(penalty.aval) == f"{dtype}[]"
    np.testing.assert_allclose(penalty.numpy(), formula(W), rtol=1e-12 if dtype == "float64" else 1e-5)


@every
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    make, formula = CASES[name]
    direction, h = np.random.default_rng(2).normal(size=W.shape), 1e-6
    expected = (formula(W + h * direction) - formula(W - h * direction)) / (2 * h)
    np.testing.assert_allclose(np.sum(grad(make())(W).numpy() * direction), expected, rtol=1e-6)


@every
@pytest.mark.parametrize("shape", [(1, 1), (3, 2)])
def test_penalties_of_zeros_are_zero_with_a_finite_gradient(name: str, shape: tuple[int, int]) -> None:
    regularizer = CASES[name][0]()
    assert regularizer(np.zeros(shape)).numpy() == 0
    np.testing.assert_array_equal(grad(regularizer)(np.zeros(shape)).numpy(), np.zeros(shape))


@every
def test_configurations_survive_a_file(name: str) -> None:
    regularizer = CASES[name][0]()
    config = json.loads(json.dumps(regularizers.serialize(regularizer)))
    for again in (regularizers.deserialize(config), regularizers.get(config)):
        assert type(again) is type(regularizer) and again.get_config() == regularizer.get_config()


@every
def test_the_factors_are_inputs_of_what_is_traced(name: str) -> None:
    regularizer = CASES[name][0]()
    weight = Variable(W)
    traced = trace(lambda: regularizer(weight.value), [])
    factors = list(vars(regularizer)["_hyperparameters"])
    assert len(traced.variables) == 1 + len(factors)
    for factor in factors:
        setattr(regularizer, factor, 2 * float(getattr(regularizer, factor)))
    (doubled,) = evaluate(traced.graph, [variable.numpy() for variable in traced.variables])
    np.testing.assert_allclose(doubled, 2 * CASES[name][1](W), rtol=1e-12)


@pytest.mark.parametrize(
    ("identifier", "config"),
    [
        ("l1", {"l1": 0.01}),
        ("L1", {"l1": 0.01}),
        ("l2", {"l2": 0.01}),
        ("l1_l2", {"l1": 0.01, "l2": 0.01}),
        ("L1L2", {"l1": 0.01, "l2": 0.01}),
        (regularizers.L1L2, {"l1": 0.0, "l2": 0.0}),
        (regularizers.l2, {"l2": 0.01}),
        ("orthogonal_regularizer", {"factor": 0.01, "mode": "rows"}),
        (
            {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.5}, "registered_name": None},
            {"l2": 0.5},
        ),
    ],
)
def test_names_classes_and_configurations_are_regularizers(identifier: object, config: dict[str, object]) -> None:
    assert regularizers.get(identifier).get_config() == config


def test_functions_and_none_are_taken_as_they_are() -> None:
    def largest(w):
        return ops.max(ops.abs(w))

    assert regularizers.get(largest) is largest and regularizers.get(None) is None
    assert regularizers.serialize(None) is None
    with pytest.raises(ArgumentError, match=r"expected a Regularizer, got .*largest.*, which a file cannot hold"):
        regularizers.serialize(largest)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"^L1: expected a number of 0 or more for l1, got -1$"):
        regularizers.L1(-1)
    with pytest.raises(ArgumentError, match=r"^L1L2: expected a number of 0 or more for l2, got nan$"):
        regularizers.L1L2(l2=float("nan"))
    with pytest.raises(ArgumentError, match=r"^OrthogonalRegularizer: expected one of 'rows', 'columns' for mode"):
        regularizers.OrthogonalRegularizer(mode="row")
    with pytest.raises(ShapeError, match=r"^OrthogonalRegularizer: expected a matrix, got float64\[3\]$"):
        regularizers.OrthogonalRegularizer()(np.zeros(3))
    with pytest.raises(ArgumentError, match=r"^regularizers.get: expected a Regularizer, .* one of l1, .*'l2'\?"):
        regularizers.get("L_2")
    with pytest.raises(ArgumentError, match=r"^regularizers.deserialize: .* got 'L3'; give a class of your own as"):
        regularizers.get({"class_name": "L3", "config": {}})
    for what in (3, object, [1]):
        with pytest.raises(ArgumentError, match=r"^regularizers.get: expected"):
            regularizers.get(what)
    with pytest.raises(ArgumentError, match=r'^Dense "d": expected the regularizer .* to return a number, got None$'):
        dense = layers.Dense(1, kernel_regularizer=lambda w: None, name="d")
        dense(W)
        _ = dense.losses


# the penalty at work

N = 40
X = np.random.default_rng(3).normal(size=(N, 3)) @ np.diag([1.0, 2.0, 0.5]) + 1
Y = X @ [[1.0], [-2.0], [3.0]] + 0.7 + np.random.default_rng(4).normal(size=(N, 1))


def ridge(l2: float) -> tuple[np.ndarray, np.ndarray]:
    """The minimum of mean((x w + b - y)^2) + l2 |w|^2: w = (Xc^T Xc + n l2 I)^-1 Xc^T yc, for centered Xc and yc."""
    x, y = X - X.mean(0), Y - Y.mean(0)
    w = np.linalg.solve(x.T @ x + N * l2 * np.eye(3), x.T @ y)
    return w, Y.mean(0) - X.mean(0) @ w


def test_ridge_regression_reaches_its_closed_form() -> None:
    dense = layers.Dense(1, kernel_regularizer=regularizers.L2(0.0), dtype="float64")
    dense(X)

    def step() -> None:
        with GradientTape() as tape:
            loss = ops.mean(ops.square(dense(X) - Y)) + sum(dense.losses)
        for weight, gradient in zip(dense.weights, tape.gradient(loss, dense.weights), strict=True):
            weight.assign_sub(0.1 * gradient)

    dense.kernel_regularizer.l2 = 0.5
    for _ in range(600):
        step()
    w, b = ridge(0.5)
    np.testing.assert_allclose(dense.kernel.numpy(), w, rtol=1e-8)
    np.testing.assert_allclose(dense.bias.numpy(), b, rtol=1e-8)
    traced = trace(step, [])  # the penalty that is traced is the one that was computed at once
    updated = evaluate(traced.graph, [variable.numpy() for variable in traced.variables])
    for variable, value in zip(traced.updated, updated, strict=True):
        np.testing.assert_allclose(value, variable.numpy(), rtol=1e-8)


def test_the_lasso_agrees_with_scikit_learns() -> None:
    x = np.random.default_rng(5).normal(size=(60, 3))
    y = x @ [2.0, -1.0, 0.1]
    dense = layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=regularizers.L1(0.5), dtype="float64")
    for k in range(300):
        with GradientTape() as tape:
            loss = ops.mean(ops.square(dense(x) - y[:, None])) + sum(dense.losses)
        for weight, gradient in zip(dense.weights, tape.gradient(loss, dense.weights), strict=True):
            weight.assign_sub(0.2 / (1 + k / 10) * gradient)
    lasso = Lasso(alpha=0.5 / 2).fit(x, y)  # its square error has a factor of 1/2
    assert lasso.coef_[2] == 0
    np.testing.assert_allclose(dense.kernel.numpy()[:, 0], lasso.coef_, atol=0.01)


def model(run_eagerly: bool = False, seed: int = 1) -> ebb.Sequential:
    ebb.set_random_seed(seed)
    made = ebb.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, "tanh", kernel_regularizer=regularizers.L2(0.1), activity_regularizer="l1"),
            layers.Dense(6, "tanh", kernel_regularizer="orthogonal_regularizer", kernel_constraint="unit_norm"),
            layers.Dense(
                4,
                kernel_regularizer=regularizers.OrthogonalRegularizer(0.1, "columns"),
                kernel_constraint=constraints.MinMaxNorm(0.5, 1.0, rate=0.5),
                bias_constraint="non_neg",
            ),
            layers.Dense(1, kernel_regularizer="l1_l2", bias_regularizer=lambda b: ops.sum(b * b)),
        ]
    )
    made.compile("sgd", "mse", run_eagerly=run_eagerly)
    return made


def test_a_compiled_fit_learns_what_an_eager_one_does_and_logs_the_penalties() -> None:
    compiled, eager = model(), model(run_eagerly=True)
    expected = np.mean((eager(X).numpy() - Y) ** 2) + sum(map(float, eager.losses))
    np.testing.assert_allclose(eager.evaluate(X, Y, batch_size=N, verbose=0), expected, rtol=1e-5)
    histories = [one.fit(X, Y, batch_size=16, epochs=3, verbose=0).history for one in (compiled, eager)]
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)
    for one, other in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_factor_can_be_changed_without_compiling_again() -> None:
    compiled, eager, unchanged = model(), model(run_eagerly=True), model()
    for one in (compiled, eager, unchanged):
        one.fit(X, Y, batch_size=20, epochs=1, verbose=0)
    programs = len(compiled.programs.known)
    for one in (compiled, eager):
        one.layers[0].kernel_regularizer.l2 = 3.0
    kernels = []
    for one in (compiled, eager, unchanged):
        one.fit(X, Y, batch_size=20, epochs=2, verbose=0)
        kernels.append(one.layers[0].kernel.numpy())
    assert len(compiled.programs.known) == programs
    np.testing.assert_allclose(kernels[0], kernels[1], rtol=1e-4)
    assert np.abs(kernels[0]).sum() < 0.9 * np.abs(kernels[2]).sum()


def test_hyperparameters_list_the_factors_once_for_every_use() -> None:
    shared = regularizers.L2(0.1)
    both = ebb.Sequential([layers.Input((3,)), layers.Dense(4, kernel_regularizer=shared, bias_regularizer=shared)])
    assert both.hyperparameters == [shared.l2, shared.l2]


def test_a_model_with_penalties_and_constraints_comes_back_from_a_file(tmp_path) -> None:
    shared = regularizers.L2(0.1)
    first = layers.Dense(4, kernel_regularizer=shared, activity_regularizer="l1", kernel_constraint="max_norm")
    second = layers.Dense(1, kernel_regularizer=shared, bias_constraint=constraints.MinMaxNorm(0.5, 2, rate=0.5))
    saved = ebb.Sequential([layers.Input((3,)), first, second])
    shared.l2, first.kernel_constraint.max_value = 0.7, 1.5
    saved.save(tmp_path / "model.ebb")
    again = ebb.load_model(tmp_path / "model.ebb")
    assert again.get_config() == saved.get_config()
    assert again.layers[1].kernel.regularizer.get_config() == {"l2": 0.7}
    assert again.layers[0].kernel.constraint.get_config() == {"max_value": 1.5, "axis": 0}
    saved(X), again(X)
    np.testing.assert_array_equal([float(loss) for loss in again.losses], [float(loss) for loss in saved.losses])


class Spread(regularizers.Regularizer):
    """A penalty of one's own."""

    def __init__(self, factor: float = 0.1):
        self.factor = factor

    def __call__(self, x):
        return self.factor * ops.var(x)

    def get_config(self):
        return {"factor": self.factor}


def test_a_regularizer_of_ones_own_is_given_to_the_file_by_name() -> None:
    config = layers.serialize(layers.Dense(2, kernel_regularizer=Spread(0.3)))
    with pytest.raises(ArgumentError, match=r"got 'Spread'; give a class of your own as custom_objects=\{\"Spread\""):
        layers.deserialize(config)
    again = regularizers.deserialize(config["config"]["kernel_regularizer"], custom_objects={"Spread": Spread})
    assert isinstance(again, Spread) and again.factor == 0.3
    with custom_object_scope({"Spread": Spread}):
        assert layers.serialize(layers.deserialize(config)) == config
        assert isinstance(regularizers.get("Spread"), Spread)
    traced = trace(again, [("w", Aval(W.shape, W.dtype))])
    np.testing.assert_allclose(evaluate(traced.graph, [W])[0], 0.3 * W.var(), rtol=1e-12)


def test_a_model_with_a_regularizer_of_ones_own_comes_back_from_a_file(tmp_path) -> None:
    saved = ebb.Sequential([layers.Input((3,)), layers.Dense(2, kernel_regularizer=Spread(0.3))])
    saved.save(tmp_path / "model.ebb")
    with pytest.raises(ModelFileError, match="got 'Spread'; give a class of your own"):
        ebb.load_model(tmp_path / "model.ebb")
    again = ebb.load_model(tmp_path / "model.ebb", custom_objects={"Spread": Spread})
    assert float(again.losses[0]) == float(saved.losses[0])
