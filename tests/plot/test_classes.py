import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as counts_of

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError


def points_of(contour) -> np.ndarray:
    return np.concatenate([path.vertices for path in contour.get_paths()])


@pytest.mark.parametrize("logits", [False, True])
def test_the_line_is_where_the_probability_is_one_half(logits: bool, classifier, plane) -> None:
    """p = sigmoid(4 x1) is 1/2 on the axis x1 = 0, whether the model gives p or the logit 4 x1."""
    if logits:
        weights = classifier.get_weights()
        classifier = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1)])
        classifier.set_weights(weights)
        classifier.compile("sgd", ebb.losses.BinaryCrossentropy(from_logits=True), run_eagerly=True)
    axes = plot.decision_regions(classifier, *plane, points=21)
    (line,) = [one for one in axes.collections if hasattr(one, "levels")]
    np.testing.assert_allclose(points_of(line)[:, 0], 0, atol=0.05)
    shade = axes.images[0].get_array()
    assert 0 <= shade.min() < 0.1 < 0.9 < shade.max() <= 1


def test_every_row_is_a_point_of_its_class(classifier, plane) -> None:
    x, y = plane
    axes = plot.decision_regions(classifier, x, y, class_names=["no", "yes"])
    for k, label in enumerate(["no", "yes"]):
        points = next(one for one in axes.collections if one.get_label() == label)
        np.testing.assert_allclose(points.get_offsets(), x[y == k])


def test_targets_of_minus_one_and_one_are_parted_at_zero(plane) -> None:
    """A perceptron: tanh(x2) is 0 on the axis x2 = 0."""
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1, "tanh")])
    model.set_weights([[[0.0], [1.0]], [0.0]])
    axes = plot.decision_regions(model, plane[0], 2 * plane[1] - 1, points=21)
    (line,) = [one for one in axes.collections if hasattr(one, "levels")]
    np.testing.assert_allclose(points_of(line)[:, 1], 0, atol=0.05)


def test_several_classes_are_parted_where_the_greatest_output_changes(plane) -> None:
    """Logits (x1, -x1, -9): classes 0 and 1 meet at x1 = 0, class 2 is never predicted."""
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(3)])
    model.set_weights([[[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]], [0.0, 0.0, -9.0]])
    model.compile("sgd", ebb.losses.SparseCategoricalCrossentropy(from_logits=True))
    axes = plot.decision_regions(model, *plane, points=21)
    lines = [one for one in axes.collections if hasattr(one, "levels")]
    assert len(lines) == 2
    for line in lines:
        np.testing.assert_allclose(points_of(line)[:, 0], 0, atol=0.05)


def test_anything_that_predicts_can_be_drawn(plane) -> None:
    class Constant:
        def predict(self, x):
            return np.full(len(x), 0.2)

    plot.decision_regions(Constant(), *plane, points=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((4, 3))}, "two features for x, got '3'"),
        ({"x": np.zeros(4)}, "2 axes for x, got float64 of shape"),
        ({"y": [1, 2]}, "40 rows, as x has, for y, got 2"),
        ({"y": ["a"] * 40}, "expected class numbers"),
        ({"points": 1}, "at least 2 for points"),
        ({"model": 3}, "a model that can predict for model"),
    ],
)
def test_a_bad_argument_is_named(change, message: str, classifier, plane) -> None:
    given = {"model": classifier, "x": plane[0], "y": plane[1]} | change
    with pytest.raises(ArgumentError, match=message):
        plot.decision_regions(**given)


def test_the_confusion_matrix_counts_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    axes = plot.confusion_matrix(true, predicted, class_names=list("abcd"))
    texts = np.array([int(text.get_text()) for text in axes.texts]).reshape(4, 4)
    np.testing.assert_array_equal(texts, counts_of(true, predicted))
    assert f"{(true == predicted).mean():.1%} right" in axes.get_title()


def test_outputs_are_made_classes(classifier, plane) -> None:
    """Probabilities of one output or of each class, or the model that gives them, mean the same."""
    x, y = plane
    p = classifier.predict(x, verbose=0)
    ways = [{"y_pred": p}, {"y_pred": np.hstack([1 - p, p])}, {"model": classifier, "x": x}]
    for given in ways:
        axes = plot.confusion_matrix(y, **given, normalize=True)
        assert [text.get_text() for text in axes.texts] == ["1.00", "0.00", "0.00", "1.00"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either y_pred, or model and x"),
        ({"y_pred": [0]}, "2 rows, as y_true has, for y_pred, got 1"),
        ({"y_pred": [0, -1]}, "class numbers from 0"),
        ({"y_pred": [0, 1], "class_names": ["a"]}, "2 names for class_names"),
        ({"model": 3, "x": [1]}, "expected an ebbflow model, got int"),
    ],
)
def test_a_bad_argument_of_the_confusion_matrix_is_named(given, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        plot.confusion_matrix([0, 1], **given)
