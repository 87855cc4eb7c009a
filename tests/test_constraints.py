"""Constraints: what a weight is projected to."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from ebbflow import constraints, layers, ops
from ebbflow.autodiff import GradientTape
from ebbflow.core.errors import ArgumentError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace
from ebbflow.core.variable import Variable

W = np.random.default_rng(1).normal(size=(4, 5)) * [0.1, 0.5, 1.0, 3.0, 0.0]
EPSILON = 1e-7


def norms(w: np.ndarray, axis: object = 0) -> np.ndarray:
    return np.sqrt(np.sum(w**2, axis=axis, keepdims=True))


def between(w: np.ndarray, low: float, high: float, rate: float = 1.0) -> np.ndarray:
    wanted = rate * np.clip(norms(w), low, high) + (1 - rate) * norms(w)
    return w * wanted / (norms(w) + EPSILON)


# name: how it is made, the formula in NumPy
CASES: dict[str, tuple[Callable[[], constraints.Constraint], Callable[[np.ndarray], np.ndarray]]] = {
    "NonNeg": (constraints.NonNeg, lambda w: np.maximum(w, 0)),
    "MaxNorm": (lambda: constraints.MaxNorm(1.5), lambda w: between(w, 0, 1.5)),
    "MaxNorm of rows": (lambda: constraints.MaxNorm(1.5, axis=1), lambda w: between(w.T, 0, 1.5).T),
    "MaxNorm of all": (lambda: constraints.MaxNorm(1, axis=[0, 1]), lambda w: w / (norms(w, (0, 1)) + EPSILON)),
    "UnitNorm": (constraints.UnitNorm, lambda w: w / (norms(w) + EPSILON)),
    "MinMaxNorm": (lambda: constraints.MinMaxNorm(0.5, 2), lambda w: between(w, 0.5, 2)),
    "MinMaxNorm slowly": (lambda: constraints.MinMaxNorm(0.5, 2, rate=0.1), lambda w: between(w, 0.5, 2, 0.1)),
}
every = pytest.mark.parametrize("name", CASES)


def test_every_constraint_is_tried_here() -> None:
    public = {cls for name, cls in vars(constraints).items() if isinstance(cls, type) and name in constraints.__all__}
    assert {type(make()) for make, _ in CASES.values()} == public - {constraints.Constraint}


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_those_of_the_formula(name: str, dtype: str) -> None:
    make, formula = CASES[name]
    projected = make()(W.astype(dtype))
    assert str(projected.aval) == f"{dtype}[4,5]"
    np.testing.assert_allclose(projected.numpy(), formula(W), rtol=1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("name", [name for name in CASES if "slowly" not in name])
def test_a_weight_that_is_allowed_stays(name: str) -> None:
    constraint = CASES[name][0]()
    once = constraint(W).numpy()
    np.testing.assert_allclose(constraint(once).numpy(), once, rtol=1e-5)


@every
def test_configurations_survive_a_file(name: str) -> None:
    constraint = CASES[name][0]()
    config = json.loads(json.dumps(constraints.serialize(constraint)))
    for again in (constraints.deserialize(config), constraints.get(config)):
        assert type(again) is type(constraint) and again.get_config() == constraint.get_config()


@every
def test_the_bounds_are_inputs_of_what_is_traced(name: str) -> None:
    constraint, weight = CASES[name][0](), Variable(W)
    traced = trace(lambda: constraint(weight.value), [])
    assert set(traced.variables) == {weight, *vars(constraint).get("_hyperparameters", {}).values()}
    (value,) = evaluate(traced.graph, [variable.numpy() for variable in traced.variables])
    np.testing.assert_array_equal(value, constraint(W).numpy())


def test_a_bound_can_be_changed() -> None:
    constraint = constraints.MaxNorm(5)
    constraint.max_value = 0.25
    assert norms(constraint(W).numpy()).max() <= 0.25


@pytest.mark.parametrize(
    ("identifier", "config"),
    [
        ("max_norm", {"max_value": 2, "axis": 0}),
        ("MinMaxNorm", {"min_value": 0, "max_value": 1, "rate": 1, "axis": 0}),
        ("non_neg", {}),
        (constraints.unit_norm, {"axis": 0}),
    ],
)
def test_names_and_classes_are_constraints(identifier: object, config: dict[str, object]) -> None:
    assert constraints.get(identifier).get_config() == config


def test_functions_and_none_are_taken_as_they_are() -> None:
    def bounded(w):
        return ops.clip(w, -1, 1)

    assert constraints.get(bounded) is bounded and constraints.get(None) is None
    assert constraints.serialize(None) is None


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"^MaxNorm: expected a number of 0 or more for max_value, got -1$"):
        constraints.MaxNorm(-1)
    with pytest.raises(ArgumentError, match=r"^UnitNorm: expected a whole number, several, or None for axis, got 0.5$"):
        constraints.UnitNorm(axis=0.5)
    with pytest.raises(ArgumentError, match=r"^MinMaxNorm: expected a number between 0 and 1 for rate, got 2$"):
        constraints.MinMaxNorm(rate=2)
    with pytest.raises(ArgumentError, match=r"^MinMaxNorm: expected min_value of at most max_value, got 3 and 2$"):
        constraints.MinMaxNorm(3, 2)
    with pytest.raises(ArgumentError, match=r"^constraints.get: expected a Constraint, .*; did you mean 'max_norm'\?"):
        constraints.get("maxnorm")


def test_the_norm_is_kept_at_every_step() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2)) * 10
    dense = layers.Dense(2, kernel_constraint=constraints.MaxNorm(0.8), bias_constraint="non_neg", dtype="float64")
    dense(x)

    def step() -> None:
        with GradientTape() as tape:
            loss = ops.mean(ops.square(dense(x) - y))
        for weight, gradient in zip(dense.weights, tape.gradient(loss, dense.weights), strict=True):
            weight.assign(weight.constraint(weight.value - 0.1 * gradient))

    held = {}
    for k in range(30):
        if k == 5:  # from here on also as traced once
            traced = trace(step, [])
            held = {variable: variable.numpy() for variable in traced.variables}
        if held:
            held.update(zip(traced.updated, evaluate(traced.graph, list(held.values())), strict=True))
        step()
        assert norms(dense.kernel.numpy()).max() <= 0.8 and dense.bias.numpy().min() >= 0
    np.testing.assert_allclose(norms(dense.kernel.numpy()).max(), 0.8, rtol=1e-6)  # it would be longer if it could
    np.testing.assert_allclose(held[dense.kernel], dense.kernel.numpy(), rtol=1e-12)
