import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError
from ebbflow.plot.surface import _direction

PAIR = (("out/kernel", (0, 0)), ("out/bias", 0))


def bowl(a, b):
    return a * a + 3.0 * b * b


def test_gradient_descent_on_a_bowl_shrinks_each_number_by_its_own_factor() -> None:
    """w <- w - r dL/dw = (1 - 2 r) a, (1 - 6 r) b."""
    path = plot.optimizer_path(ebb.optimizers.SGD(0.1), bowl, (1.0, -2.0), steps=5)
    k = np.arange(6)
    np.testing.assert_allclose(path, np.stack([0.8**k, -2 * 0.4**k], axis=1), rtol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "rmsprop", "adagrad", "lion", "lbfgs"])
def test_every_optimizer_goes_down_and_is_left_as_it_was(name: str) -> None:
    optimizer = ebb.optimizers.get(name)
    path = plot.optimizer_path(optimizer, bowl, (1.0, 1.0), 10)
    assert path.shape == (11, 2) and bowl(*path[-1]) < bowl(*path[0])
    assert not optimizer.built and int(optimizer.iterations.numpy()) == 0


@pytest.mark.parametrize("logarithmic", [False, True])
def test_the_contours_span_the_losses_and_the_paths_are_lines(logarithmic: bool) -> None:
    path = plot.optimizer_path("sgd", bowl, (1.0, 1.0), 3)
    axes = plot.loss_surface(bowl, ((-1, 1), (-2, 2)), {"sgd": path}, points=9, logarithmic=logarithmic)
    filled = next(one for one in axes.collections if hasattr(one, "levels"))
    assert filled.levels[0] < 0.1 and filled.levels[-1] >= 13 * (1 - 1e-12)
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), path)
    assert (axes.get_xlim(), axes.get_ylim()) == ((-1, 1), (-2, 2))


def test_a_flat_surface_can_be_drawn() -> None:
    plot.loss_surface(lambda a, b: 0.0 * a * b, points=3)


def test_in_the_middle_stands_the_loss_of_the_model_which_stays(classifier, plane) -> None:
    before = classifier.get_weights()
    loss_of = plot.loss_along(classifier, *plane)
    np.testing.assert_allclose(loss_of(0.0, 0.0).numpy(), classifier.evaluate(*plane, verbose=0), rtol=1e-5)
    assert loss_of(0.5, -0.5).numpy() != loss_of(0.0, 0.0).numpy()
    axes = plot.loss_surface(loss_of, points=3)
    assert axes.get_xlabel() == "first direction"
    assert all((one == other).all() for one, other in zip(before, classifier.get_weights(), strict=True))


def test_directions_are_as_long_as_the_weights_into_each_unit() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 3))
    weights[:, 2] = 0
    direction = _direction(rng, weights)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=0), np.linalg.norm(weights, axis=0))


def test_two_chosen_weights_take_the_values_given(classifier, plane) -> None:
    loss_of = plot.loss_along(classifier, *plane, weights=PAIR)
    value = loss_of(-1.0, 0.5).numpy()
    assert loss_of.names == ("out/kernel[0, 0]", "out/bias[0]")
    classifier.set_weights([[[-1.0], [0.0]], [0.5]])
    np.testing.assert_allclose(value, classifier.evaluate(*plane, verbose=0), rtol=1e-5)


def test_an_optimizer_can_walk_on_the_loss_of_a_model(classifier, plane) -> None:
    """On its two weights, with the others zero, the path is what training the model itself does."""
    loss_of = plot.loss_along(classifier, *plane, weights=(("out/kernel", (0, 0)), ("out/kernel", (1, 0))))
    path = plot.optimizer_path(ebb.optimizers.SGD(0.5), loss_of, (4.0, 0.0), 3)
    classifier.layers[0].bias.trainable = False
    classifier.compile(ebb.optimizers.SGD(0.5), "binary_crossentropy", run_eagerly=True)
    for point in path[1:]:
        classifier.train_on_batch(*plane)
        np.testing.assert_allclose(classifier.get_weights()[0][:, 0], point, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((("dense/kernel", 0), ("out/bias", 0)), "names among out/kernel, out/bias for weights"),
        ((("out/kernel", (0, 1)), ("out/bias", 0)), r"an index into out/kernel of shape \(2, 1\)"),
        ((("out/bias", 0), ("out/bias", -1)), "two different weights"),
        ((("out/bias", 0),), "two pairs"),
    ],
)
def test_weights_that_there_are_not_are_named(weights, message: str, classifier, plane) -> None:
    with pytest.raises(ArgumentError, match=message):
        plot.loss_along(classifier, *plane, weights=weights)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.loss_surface(bowl, ((1, 0), (0, 1))), r"\(\(low, high\), \(low, high\)\) for ranges"),
        (lambda: plot.loss_surface(bowl, paths={"a": np.zeros((3, 3))}), r"points of two numbers for paths\['a'\]"),
        (lambda: plot.loss_surface(lambda a, b: ebb.ops.stack([a, b])), "returns one number for loss_of"),
        (lambda: plot.loss_surface(lambda a, b: a, logarithmic=True), "losses of 0 or more"),
        (lambda: plot.optimizer_path("sgd", bowl, (1, 2, 3)), "two numbers for start"),
        (lambda: plot.optimizer_path("sgd", bowl, (1, 2), -1), "at least 0 for steps"),
    ],
)
def test_a_bad_argument_is_named(draw, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        draw()
