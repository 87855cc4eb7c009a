"""Regressions as networks without a hidden layer, compiled and ready to fit."""

from typing import Any

import numpy as np

from ..core.errors import ShapeError
from ..functions.arguments import expect_integer, expect_number
from ..layers import Dense
from ..losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from ..regularizers import L2
from ..training.sequential import Sequential
from .checks import numbers, optimizer_of

__all__ = ["linear_model", "linear_regression", "logistic_regression", "ridge_solution", "softmax_regression"]


def linear_model(units: int, penalty: float, activation: Any = None, below: Any = ()) -> Sequential:
    """activation(f(x) W + b) from W = 0, with the penalty `penalty` sum W^2; f are the layers below."""
    rule = L2(penalty) if penalty else None
    return Sequential([*below, Dense(units, activation, kernel_initializer="zeros", kernel_regularizer=rule)])


def linear_regression(outputs: int = 1, penalty: float = 0.0, optimizer: Any = "adam") -> Sequential:
    """y = x W + b by least squares: min mean (y - x W - b)^2 + penalty ||W||^2; with a penalty, ridge regression.

    Parameters: outputs, how many numbers to predict; penalty, of 0 or more; optimizer, name or Optimizer (for small
    data, ebbflow.optimizers.LBFGS with all rows in one batch comes closest to `ridge_solution`).

    The mean is over rows and outputs. Raises ArgumentError for a bad argument. Sources: Legendre (1805), "Nouvelles
    méthodes pour la détermination des orbites des comètes"; Hoerl, Kennard (1970), "Ridge Regression: Biased Estimation
    for Nonorthogonal Problems".
    """
    outputs = expect_integer("linear_regression", "outputs", outputs, 1)
    model = linear_model(outputs, expect_number("linear_regression", "penalty", penalty, 0.0))
    model.compile(optimizer_of("linear_regression", optimizer), "mse")
    return model


def ridge_solution(x: Any, y: Any, penalty: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(W, b) that make mean (y - x W - b)^2 + penalty ||W||^2 smallest, in closed form.

        W = (X^T X + n k penalty I)^-1 X^T Y  for centered X, Y of n rows and k outputs,   b = mean y - mean x W

    Shapes: x (rows, features), y (rows,) or (rows, outputs); W (features, outputs), b (outputs,), float64. Where
    columns depend on each other and there is no penalty, the W of least norm.
    Raises ShapeError for other shapes, ArgumentError for what is not finite numbers, and for a bad penalty.
    Source: Hoerl, Kennard (1970), "Ridge Regression: Biased Estimation for Nonorthogonal Problems".
    """
    penalty = expect_number("ridge_solution", "penalty", penalty, 0.0)
    x, y = numbers("ridge_solution", "x", x), numbers("ridge_solution", "y", y)
    if x.ndim != 2 or y.ndim not in (1, 2) or len(x) != len(y) or not len(x):
        raise ShapeError(f"ridge_solution: expected x (rows, features) and as many rows of y, got {x.shape}, {y.shape}")
    y = y.reshape(len(y), -1)
    features, outputs = x.shape[1], y.shape[1]
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    # as least squares with one more row for each weight, which loses fewer digits than the normal equations
    rows = np.concatenate([x - x_mean, np.sqrt(len(x) * outputs * penalty) * np.eye(features)])
    targets = np.concatenate([y - y_mean, np.zeros((features, outputs))])
    W = np.linalg.lstsq(rows, targets, rcond=None)[0]
    return W, y_mean - x_mean @ W


def logistic_regression(penalty: float = 0.0, optimizer: Any = "adam") -> Sequential:
    """P(y = 1 | x) = sigmoid(x W + b), by maximum likelihood: binary cross-entropy + penalty ||W||^2, y 0 or 1.

    Parameters: as of `linear_regression`. `predict` gives probabilities (rows, 1), whose logits are x W + b.
    Source: Cox (1958), "The regression analysis of binary sequences".
    """
    model = linear_model(1, expect_number("logistic_regression", "penalty", penalty, 0.0), "sigmoid")
    model.compile(optimizer_of("logistic_regression", optimizer), BinaryCrossentropy(), metrics=["accuracy"])
    return model


def softmax_regression(classes: int, penalty: float = 0.0, optimizer: Any = "adam") -> Sequential:
    """P(y = k | x) = softmax(x W + b)_k, by maximum likelihood: cross-entropy + penalty ||W||^2, y = 0 .. classes - 1.

    Parameters: classes, at least 2; the others as of `linear_regression`. `predict` gives probabilities
    (rows, classes). Raises ArgumentError for a bad argument. Source: Bridle (1990), "Probabilistic Interpretation of
    Feedforward Classification Network Outputs, with Relationships to Statistical Pattern Recognition".
    """
    classes = expect_integer("softmax_regression", "classes", classes, 2)
    model = linear_model(classes, expect_number("softmax_regression", "penalty", penalty, 0.0), "softmax")
    model.compile(optimizer_of("softmax_regression", optimizer), SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model
