import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError


def test_every_weight_is_counted_once(plane) -> None:
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(7), ebb.layers.Dense(3, name="last")])
    figure = plot.weight_histograms(model, bins=5)
    for axes, layer in zip(figure.axes, model.layers, strict=True):
        assert axes.get_title() == layer.name
        assert sum(bar.get_height() for bar in axes.patches) == layer.count_params()


def test_the_titles_tell_dead_and_saturated_units() -> None:
    """Units with z = x, -x - 9 (dead) and x - 9 (dead); then tanh of 0, 9 or more."""
    dense, last = ebb.layers.Dense(3, "relu", name="first"), ebb.layers.Dense(2, "tanh", name="last")
    model = ebb.Sequential([ebb.Input((1,)), dense, last])
    model.set_weights([[[1.0, -1.0, 1.0]], [0.0, -9.0, -9.0], [[0.0, 0.0]] * 3, [0.0, 9.0]])
    before = model.get_weights()
    figure = plot.activation_histograms(model, np.arange(4.0))
    first, second = (axes.get_title() for axes in figure.axes)
    assert first == "first (relu)\n67% of units dead, 75% of outputs 0"
    assert second == "last (tanh)\n50% of outputs saturated"
    assert [sum(bar.get_height() for bar in axes.patches) for axes in figure.axes] == [12, 8]
    assert all((one == other).all() for one, other in zip(before, model.get_weights(), strict=True))
    assert not any("call" in vars(layer) for layer in model.layers)


@pytest.mark.parametrize(
    ("activation", "bias", "thresholds", "told"),
    [
        ("relu", [-1.0, 0.1, 2.0, 3.0], {}, "25% of units dead, 25% of outputs 0"),
        ("relu", [-1.0, 0.1, 2.0, 3.0], {"dead": 0.5}, "50% of units dead, 50% of outputs 0"),
        ("sigmoid", [4.5, -4.5, 4.7, -4.7], {}, "50% of outputs saturated"),  # 0.989 and 0.991 from the other end
        ("tanh", [2.6, -2.6, 2.7, -2.7], {}, "50% of outputs saturated"),  # the same
        ("tanh", [2.6, -2.6, 2.7, -2.7], {"saturated": 0.98}, "100% of outputs saturated"),
    ],
)
def test_what_counts_as_dead_or_saturated_can_be_chosen(activation, bias, thresholds, told: str) -> None:
    model = ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(4, activation, name="units")])
    model.set_weights([np.zeros((1, 4)), bias])
    axes = plot.activation_histograms(model, np.arange(3.0), **thresholds)
    assert axes.get_title() == f"units ({activation})\n{told}"


def test_activation_layers_get_a_panel_too() -> None:
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(2), ebb.layers.ReLU(name="rectifier")])
    figure = plot.activation_histograms(model, np.ones((3, 2)))
    assert figure.axes[1].get_title().startswith("rectifier (relu)")


def test_a_bad_argument_is_named(classifier) -> None:
    with pytest.raises(ArgumentError, match="call it once on data first"):
        plot.weight_histograms(ebb.Sequential([ebb.layers.Dense(1)]))
    with pytest.raises(ArgumentError, match="at least 1 for bins, got 0"):
        plot.weight_histograms(classifier, bins=0)
    with pytest.raises(ArgumentError, match=r"between 0.5 and 1 for saturated, got 2"):
        plot.activation_histograms(classifier, np.zeros((1, 2)), saturated=2)
