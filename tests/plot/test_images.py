import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError


def network() -> ebb.Sequential:
    """The second layer adds up, with weights 1 and -1, what the first copies of the pixels 0 and 3."""
    layers = [ebb.layers.Flatten(), ebb.layers.Dense(2, name="first"), ebb.layers.Dense(1, name="second")]
    model = ebb.Sequential([ebb.Input((2, 2)), *layers])
    model.set_weights([[[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [0.0, 0.0], [[1.0], [-1.0]], [0.0]])
    return model


def test_the_first_layer_shows_its_weights() -> None:
    figure = plot.hidden_units(network())
    images = [axes.images[0].get_array() for axes in figure.axes if axes.get_title().startswith("unit")]
    np.testing.assert_array_equal(images, [[[1, 0], [0, 0]], [[0, 0], [0, 1]]])


def test_gradient_ascent_finds_the_best_input_of_a_linear_unit() -> None:
    """z = w.v is largest for v = norm w / ||w||, here w = (1, 0, 0, -1)."""
    axes = plot.hidden_units(network(), "second", norm=2.0)
    np.testing.assert_allclose(axes.images[0].get_array(), 2**0.5 * np.array([[1, 0], [0, -1]]), atol=0.05)


def test_with_data_it_is_the_mean_of_the_best_rows() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2, 2)).astype(np.float32)
    best = np.argsort(x[:, 1, 1] - x[:, 0, 0])[:3]
    axes = plot.hidden_units(network(), 1, x=x, top=3)
    np.testing.assert_allclose(axes.images[0].get_array(), x[best].mean(axis=0), atol=1e-6)


def test_inputs_that_are_no_images_are_bars(classifier) -> None:
    axes = plot.hidden_units(classifier)
    assert [bar.get_height() for bar in axes.patches] == [4.0, 0.0]
    axes = plot.hidden_units(classifier, image_shape=(1, 2))
    np.testing.assert_array_equal(axes.images[0].get_array(), [[4.0, 0.0]])


def test_reconstructions_stand_below_their_originals() -> None:
    x = np.random.default_rng(0).random((3, 6))
    figure = plot.reconstructions(x, x + 0.5, image_shape=(2, 3), count=2)
    images = [axes.images[0].get_array() for axes in figure.axes]
    np.testing.assert_allclose(images, [*x[:2].reshape(2, 2, 3), *x[:2].reshape(2, 2, 3) + 0.5])
    assert [axes.get_title() for axes in figure.axes] == ["", "", "0.25", "0.25"]


def test_rows_that_are_no_images_are_curves_and_colors_stay() -> None:
    axes = plot.reconstructions([[1.0, 2.0]], [[1.0, 3.0]])
    np.testing.assert_array_equal([line.get_ydata() for line in axes.lines], [[1, 2], [1, 3]])
    figure = plot.reconstructions(np.ones((1, 2, 2, 3)), np.zeros((1, 2, 2, 3)))
    assert figure.axes[0].images[0].get_array().shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plot.hidden_units(network(), 2), "between 0 and 1 for layer, got 2"),
        (lambda: plot.hidden_units(network(), "third"), "one of first, second for layer, got 'third'"),
        (lambda: plot.hidden_units(network(), image_shape=(3, 3)), "of 4 numbers for image_shape"),
        (lambda: plot.reconstructions([[1.0]], [[1.0, 2.0]]), r"the shape \(1, 1\) of originals for reconstructed"),
        (lambda: plot.reconstructions([["a"]], [["b"]]), "an array of numbers with 2 axes for originals"),
    ],
)
def test_a_bad_argument_is_named(draw, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        draw()
