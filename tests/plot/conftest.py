"""Pictures are drawn without a screen, and closed after each test."""

from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest

import ebbflow as ebb

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Every figure of a test must also be drawn without a warning, which would be an error."""
    from matplotlib import pyplot

    ebb.set_random_seed(5)
    yield
    try:
        for number in pyplot.get_fignums():
            pyplot.figure(number).set_dpi(30)
            pyplot.figure(number).canvas.draw()
    finally:
        pyplot.close("all")


@pytest.fixture
def plane() -> tuple[np.ndarray, np.ndarray]:
    """40 points of two classes, parted by x1 = 0."""
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(np.int32)


@pytest.fixture
def classifier() -> ebb.Sequential:
    """One unit with p = sigmoid(4 x1): the classes of `plane`, known in advance."""
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1, "sigmoid", name="out")])
    model.set_weights([[[4.0], [0.0]], [0.0]])
    model.compile("sgd", "binary_crossentropy", run_eagerly=True)
    return model
