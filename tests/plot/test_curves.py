import numpy as np
import pytest
from matplotlib import pyplot

from ebbflow import plot
from ebbflow.core.errors import ArgumentError

HISTORY = {
    "loss": [3.0, 2.0, 1.0],
    "val_loss": [3.0, 1.5, 2.5],
    "accuracy": [0.1, 0.5, 0.4],
    "learning_rate": [0.1, 0.1, 0.1],
}


def line_of(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


def test_training_and_validation_have_one_color_and_two_styles() -> None:
    axes = plot.learning_curves(HISTORY, "loss")
    training, validation = line_of(axes, "training"), line_of(axes, "validation")
    assert training.get_color() == validation.get_color()
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    np.testing.assert_array_equal(training.get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(validation.get_ydata(), HISTORY["val_loss"])


@pytest.mark.parametrize(("metric", "epoch", "value"), [("loss", 2, 1.5), ("accuracy", 2, 0.5)])
def test_the_best_epoch_is_the_least_loss_and_the_greatest_accuracy(metric: str, epoch: int, value: float) -> None:
    line = line_of(plot.learning_curves(HISTORY, metric), f"best: {value} in epoch {epoch}")
    np.testing.assert_array_equal(line.get_xydata(), [[epoch, value]])


def test_each_quantity_gets_a_panel() -> None:
    figure = plot.learning_curves(HISTORY)
    assert [axes.get_title() for axes in figure.axes] == ["loss", "accuracy", "learning_rate"]
    given = pyplot.subplots(1, 3)[1]
    assert plot.learning_curves(HISTORY, axes=given) is given[0].figure
    assert [axes.get_title() for axes in given] == ["loss", "accuracy", "learning_rate"]


def test_a_history_of_a_fit_knows_its_epochs(classifier, plane) -> None:
    history = classifier.fit(*plane, epochs=5, initial_epoch=3, verbose=0)
    np.testing.assert_array_equal(line_of(plot.learning_curves(history), "training").get_xdata(), [4, 5])


@pytest.mark.parametrize("values", [[2.0], [np.nan, 1.0], [np.nan, np.nan]])
def test_one_epoch_and_missing_numbers_can_be_drawn(values: list[float]) -> None:
    np.testing.assert_array_equal(plot.learning_curves({"loss": values}).lines[0].get_ydata(), values)


def test_a_bad_argument_is_named() -> None:
    with pytest.raises(ArgumentError, match="metrics among loss, accuracy, learning_rate, got 'los'.*'loss'"):
        plot.learning_curves(HISTORY, ["los"])
    with pytest.raises(ArgumentError, match="the History of a fit"):
        plot.learning_curves({})
    with pytest.raises(ArgumentError, match="2 Axes for axes, got 1"):
        plot.learning_curves(HISTORY, ["loss", "accuracy"], axes=pyplot.subplots()[1])
