"""Regressions end where closed forms and scikit-learn end."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.models import linear_regression, logistic_regression, ridge_solution, softmax_regression

ROWS = 120
RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(ROWS, 4)) * [1.0, 2.0, 0.5, 1.0] + [0.0, 1.0, 0.0, -2.0]
Y = X @ RANDOM.normal(size=(4, 3)) + [1.0, -2.0, 0.5] + 0.3 * RANDOM.normal(size=(ROWS, 3))
CLASSES = (Y - Y.mean(axis=0) + 0.8 * RANDOM.normal(size=Y.shape)).argmax(axis=1)


def fitted(model: Any, y: np.ndarray, steps: int = 150) -> tuple[np.ndarray, np.ndarray]:
    model.fit(X, y, batch_size=ROWS, epochs=steps, verbose=0)
    weights, bias = model.get_weights()
    return weights, bias


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_ridge_solution_is_that_of_least_squares_and_of_scikit_learn(outputs: int) -> None:
    y = Y[:, :outputs]
    W, b = ridge_solution(X, y)
    solution = np.linalg.lstsq(np.hstack([X, np.ones((ROWS, 1))]), y, rcond=None)[0]
    np.testing.assert_allclose(np.vstack([W, b]), solution, rtol=1e-8)
    W, b = ridge_solution(X, y, 0.3)
    known = Ridge(alpha=0.3 * ROWS * outputs).fit(X, y)
    np.testing.assert_allclose(W, known.coef_.reshape(outputs, -1).T, rtol=1e-8)
    np.testing.assert_allclose(b, np.reshape(known.intercept_, -1), rtol=1e-8)


@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.parametrize("outputs", [1, 3])
def test_linear_regression_descends_to_the_closed_form(outputs: int, penalty: float) -> None:
    model = linear_regression(outputs, penalty, ebb.optimizers.LBFGS())
    for ours, exact in zip(fitted(model, Y[:, :outputs]), ridge_solution(X, Y[:, :outputs], penalty), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-3, atol=1e-3)


def test_plain_gradient_descent_gets_there_too() -> None:
    model = linear_regression(3, 0.1, ebb.optimizers.SGD(0.1))
    for ours, exact in zip(fitted(model, Y, 3_000), ridge_solution(X, Y, 0.1), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-3, atol=1e-3)


def test_logistic_regression_is_scikit_learns() -> None:
    model, y, penalty = logistic_regression(0.01, ebb.optimizers.LBFGS()), CLASSES == 0, 0.01
    weights, bias = fitted(model, y)
    known = LogisticRegression(C=1 / (2 * ROWS * penalty), tol=1e-8).fit(X, y)
    np.testing.assert_allclose(weights.T, known.coef_, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(bias, known.intercept_, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(model.predict(X, verbose=0)[:, 0], known.predict_proba(X)[:, 1], atol=1e-3)


def test_softmax_regression_is_scikit_learns() -> None:
    model, penalty = softmax_regression(3, 0.01, ebb.optimizers.LBFGS()), 0.01
    fitted(model, CLASSES)
    known = LogisticRegression(C=1 / (2 * ROWS * penalty), tol=1e-8).fit(X, CLASSES)
    np.testing.assert_allclose(model.predict(X, verbose=0), known.predict_proba(X), atol=1e-3)
    assert model.evaluate(X, CLASSES, verbose=0)[1] == pytest.approx(known.score(X, CLASSES))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="linear_regression: expected a number of at least 0 for penalty, got -1"):
        linear_regression(penalty=-1)
    with pytest.raises(ArgumentError, match="softmax_regression: expected a whole number of at least 2 for classes"):
        softmax_regression(1)
    with pytest.raises(
        ShapeError, match=r"expected x \(rows, features\) and as many rows of y, got \(120, 4\), \(3,\)"
    ):
        ridge_solution(X, [1, 2, 3])
    with pytest.raises(ArgumentError, match="expected finite numbers for x, got NaN"):
        ridge_solution([[np.nan]], [1.0])
