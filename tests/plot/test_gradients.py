import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError


def deep(activation: str, depth: int = 5) -> ebb.Sequential:
    hidden = [ebb.layers.Dense(6, activation, name=f"hidden{k}") for k in range(depth)]
    model = ebb.Sequential([ebb.Input((2,)), *hidden, ebb.layers.Dropout(0.5), ebb.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy", run_eagerly=True)
    return model


def test_a_step_of_sgd_is_as_long_as_the_gradient(classifier, plane) -> None:
    """w - w' = learning rate dL/dw, so the norm can be read off one step on the same rows."""
    before = classifier.get_weights()
    norms = plot.gradient_norms_of(classifier, *plane)
    assert all((one == other).all() for one, other in zip(before, classifier.get_weights(), strict=True))
    classifier.optimizer.learning_rate = 1.0
    classifier.train_on_batch(*plane)
    moved = [one - other for one, other in zip(before, classifier.get_weights(), strict=True)]
    assert norms == {"out": pytest.approx(np.sqrt(sum((part**2).sum() for part in moved)), rel=1e-4)}


def test_the_gradient_of_sigmoids_vanishes(plane) -> None:
    """sigmoid' <= 1/4: the norm shrinks from the last hidden layer to the first."""
    norms = list(plot.gradient_norms_of(deep("sigmoid"), *plane).values())
    assert all(first < second for first, second in zip(norms[:4], norms[1:5], strict=True))
    assert norms[0] < 0.02 * norms[4]


def test_one_model_makes_bars_and_several_make_lines(plane) -> None:
    model = deep("tanh")
    axes = plot.gradient_norms(model, *plane)
    norms = plot.gradient_norms_of(model, *plane)
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], list(norms.values()))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(norms)
    axes = plot.gradient_norms({"tanh": model, "relu": deep("relu", 2)}, *plane)
    assert [line.get_label() for line in axes.lines] == ["tanh", "relu"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), list(norms.values()))


def test_a_bad_argument_is_named(plane) -> None:
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1)])
    with pytest.raises(ArgumentError, match="call compile"):
        plot.gradient_norms(model, *plane)
    with pytest.raises(ArgumentError, match="expected a model or a dict of models for models, got 'b'"):
        plot.gradient_norms({"a": "b"}, *plane)
    with pytest.raises(ArgumentError, match="a model or a dict of models"):
        plot.gradient_norms({}, *plane)
