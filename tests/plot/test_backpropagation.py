"""The worksheet's numbers are those of the chain rule: each equals a finite difference, each line adds up."""

import re

import numpy as np
import pytest
from matplotlib import pyplot

import ebbflow as ebb
from ebbflow import plot
from ebbflow.core.errors import ArgumentError

Dense = ebb.layers.Dense
PENALTIES = {"kernel_regularizer": "l2", "activity_regularizer": "l2"}
# shape of an input, layers, loss, targets
NETWORKS = {
    "one unit": ([1], lambda: [Dense(1)], "mse", [[0.5]]),
    "sigmoid": ([2], lambda: [Dense(2, "sigmoid"), Dense(1, "sigmoid")], "binary_crossentropy", [[1]]),
    "softmax": ([3], lambda: [Dense(4, "tanh"), Dense(3, "softmax")], "categorical_crossentropy", [[0, 1, 0]]),
    "activation layers": (
        [2],
        lambda: [Dense(3), ebb.layers.ReLU(), ebb.layers.Dropout(0.5), Dense(2, use_bias=False)],
        "mse",
        [[1, 2]],
    ),
    "penalties": ([2, 1], lambda: [ebb.layers.Flatten(), Dense(2, "tanh", **PENALTIES), Dense(1)], "mse", [[1]]),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest):
    """A compiled model in float64, and one row for it."""
    ebb.config.set_floatx("float64")
    shape, layers, loss, y = NETWORKS[request.param]
    model = ebb.Sequential([ebb.Input(shape), *layers()])
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    model.compile("sgd", loss, run_eagerly=True)
    return model, rng.normal(size=(1, *shape)), np.array(y, np.float64)


def loss_of(model, x, y) -> float:
    with_penalties = model.compute_loss(x, ebb.ops.convert_to_tensor(y), model(x, training=False))
    return float(with_penalties.numpy())


def slopes(model, x, y) -> list[np.ndarray]:
    """dL/dw of every weight by central differences."""
    found = []
    for weight in model.weights:
        value, slope = weight.numpy().copy(), np.zeros(weight.shape)
        for place in np.ndindex(*weight.shape):
            for sign in (1, -1):
                moved = value.copy()
                moved[place] += sign * 1e-5
                weight.assign(moved)
                slope[place] += sign * loss_of(model, x, y) / 2e-5
        weight.assign(value)
        found.append(slope)
    return found


def number(text: str) -> float:
    return float(text.rpartition("= ")[2].replace("−", "-"))


def subscript(*units: int) -> str:
    return "".join("₀₁₂₃₄"[unit + 1] for unit in units)


def below(axes, title: str) -> list[float]:
    """The numbers written just below those texts that begin with a title."""
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    found = []
    for (x, y), text in texts.items():
        if text.startswith(title):
            _, nearest = min((y - b, other) for (a, b), other in texts.items() if a == x and b < y)
            found.append(number(nearest))
    return found


def test_the_derivatives_on_the_sheet_are_finite_differences(network) -> None:
    model, x, y = network
    axes = plot.backpropagation(model, x, y)
    expected = slopes(model, x, y)
    for weight, slope in zip(model.weights, expected, strict=True):
        for place in np.ndindex(*weight.shape):
            name = f"{'w' if len(place) == 2 else 'b'}{subscript(*place[::-1])} = "
            assert any(np.isclose(one, slope[place], rtol=2e-3, atol=1e-6) for one in below(axes, name)), name
    assert any(text.get_text().find(f"L = {loss_of(model, x, y):.4g}") >= 0 for text in axes.texts)


def test_every_line_of_the_table_adds_up(network) -> None:
    model, x, y = network
    products = 0
    for line in plot.backpropagation_table(model, x, y):
        numeric = re.findall(r"= ([−\d.e()·+ ]+) = ([−\d.e]+)$", line)
        if numeric:
            ((formula, result),) = numeric
            products += 1
            value = eval(formula.replace("−", "-").replace("·", "*"), {})
            assert value == pytest.approx(float(result.replace("−", "-")), rel=5e-3, abs=2e-3), line
    assert products >= sum(weight.aval.size for weight in model.weights if weight.aval.ndim == 2)


def test_the_last_numbers_of_the_table_are_finite_differences(network) -> None:
    model, x, y = network
    table = plot.backpropagation_table(model, x, y)
    kernels = [slope for slope in slopes(model, x, y) if slope.ndim == 2]
    for layer, slope in enumerate(kernels, 1):
        for i, j in np.ndindex(*slope.shape):
            name = f"∂L/∂w⁽{'⁰¹²³'[layer]}⁾{subscript(j, i)} = "
            (line,) = [line for line in table if line.startswith(name)]
            assert number(line) == pytest.approx(slope[i, j], rel=2e-3, abs=1e-6)


def test_a_textbook_example_reads_like_the_textbook() -> None:
    """a = sigmoid(w x + b) with w = 2, x = 1, b = -2: a = 1/2, L = (1 - a)^2 = 1/4, dL/da = -1, a' = 1/4."""
    model = ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(1, "sigmoid", name="unit")])
    model.set_weights([[[2.0]], [-2.0]])
    model.compile("sgd", "mse")
    assert plot.backpropagation_table(model, [[1.0]], [[1.0]]) == [
        "Forward, layer 1: unit (sigmoid)",
        "z⁽¹⁾₁ = w⁽¹⁾₁₁·x₁ + b⁽¹⁾₁ = 2·1 + (−2) = 0",
        "a⁽¹⁾₁ = sigmoid(z⁽¹⁾₁) = sigmoid(0) = 0.5",
        "Loss: L = mean_squared_error = 0.25",
        "Backward, layer 1: unit",
        "∂L/∂a⁽¹⁾₁ = −1   (derivative of mean_squared_error)",
        "∂L/∂z⁽¹⁾₁ = ∂L/∂a⁽¹⁾₁·sigmoid′(z⁽¹⁾₁) = −1·0.25 = −0.25",
        "∂L/∂w⁽¹⁾₁₁ = ∂L/∂z⁽¹⁾₁·x₁ = −0.25·1 = −0.25",
        "∂L/∂b⁽¹⁾₁ = ∂L/∂z⁽¹⁾₁ = −0.25",
    ]


@pytest.mark.parametrize("network", sorted(NETWORKS.keys() - {"penalties"}), indirect=True)
def test_a_batch_shows_means_and_the_gradients_of_its_loss(network) -> None:
    """Two equal rows have the loss, and every derivative, of one."""
    model, x, y = network
    one, two = (plot.backpropagation(model, np.repeat(x, n, 0), np.repeat(y, n, 0)) for n in (1, 2))
    numbers = [[text.get_text() for text in axes.texts if "∂" in text.get_text()] for axes in (one, two)]
    assert [number(text) for text in numbers[0]] == pytest.approx([number(text) for text in numbers[1]], rel=2e-3)
    assert "mean of 2 examples" in [text.get_text() for text in two.texts]


@pytest.mark.parametrize("widths", [(4, 4, 4), (1, 4, 1), (4, 1, 4), (2, 3, 2, 4)], ids=str)
def test_no_text_stands_on_another(widths: tuple[int, ...]) -> None:
    hidden = [ebb.layers.Dense(n, "tanh") for n in widths[1:]]
    model = ebb.Sequential([ebb.Input((widths[0],)), *hidden])
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    axes = plot.backpropagation(model, rng.normal(size=(1, widths[0])), rng.normal(size=(1, widths[-1])))
    axes.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    for k, box in enumerate(boxes):
        for other in boxes[:k]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            upward = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across <= 1 or upward <= 0.35 * box.height
        assert axes.figure.bbox.contains(box.x0, box.y0) and axes.figure.bbox.contains(box.x1, box.y1)


def test_given_axes_are_drawn_on(classifier, plane) -> None:
    axes = pyplot.subplots()[1]
    assert plot.backpropagation(classifier, *plane, axes=axes) is axes


def test_what_does_not_fit_on_a_sheet_is_refused(classifier, plane) -> None:
    def compiled(*layers):
        model = ebb.Sequential([ebb.Input((2,)), *layers])
        model.compile("sgd", "mse")
        return model

    with pytest.raises(ArgumentError, match="at most 4 inputs and units, got 2 x 5 x 1"):
        plot.backpropagation(compiled(Dense(5), Dense(1)), *plane)
    with pytest.raises(ArgumentError, match="Dense layers and activations one after the other.*BatchNormalization"):
        plot.backpropagation(compiled(Dense(1), ebb.layers.BatchNormalization()), *plane)
    with pytest.raises(ArgumentError, match="one row for x, got 40"):
        plot.backpropagation_table(classifier, *plane)
    with pytest.raises(ArgumentError, match="expected an ebbflow model, got NoneType"):
        plot.backpropagation(None, *plane)
