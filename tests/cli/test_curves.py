"""Learning curves: ticks a reader would choose, and a picture with everything in it."""

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from ebbflow.cli.curves import TRAINING, VALIDATION, Axis, draw_curves, linear_ticks, logarithmic_ticks

HISTORY = {"loss": [1.0, 0.5, 0.3, 0.2], "val_loss": [1.1, 0.7, 0.6, 0.8]}


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def pixels_of(image: np.ndarray, color: str) -> int:
    return int(np.sum(np.all(np.abs(image - ImageColor.getrgb(color)) < 8, axis=-1)))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_linear_ticks_are_round_evenly_spaced_and_inside(low: float, length: float) -> None:
    high = low + length
    ticks = linear_ticks(low, high)
    step = ticks[1] - ticks[0]
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert 2 <= len(ticks) <= 8
    assert min(abs(mantissa - round_step) for round_step in (1, 2, 5)) < 1e-3
    assert low - 1e-6 * step <= ticks[0] and ticks[-1] <= high + 1e-6 * step
    np.testing.assert_allclose(np.diff(ticks), step, rtol=1e-3)


@given(st.floats(1e-8, 1e3), st.floats(20, 1e10))
def test_logarithmic_ticks_are_inside_and_enough_to_read_by(low: float, ratio: float) -> None:
    ticks = logarithmic_ticks(low, low * ratio)
    assert all(low <= tick <= low * ratio for tick in ticks)
    assert 2 <= len(ticks) <= 12


@pytest.mark.parametrize("logarithmic", [False, True])
def test_an_axis_maps_its_ends_to_its_ends_in_order(logarithmic: bool) -> None:
    axis = Axis(0.1, 10, start=300, end=20, logarithmic=logarithmic)
    assert axis.position(0.1) == pytest.approx(300)
    assert axis.position(10) == pytest.approx(20)
    assert axis.position(1) == pytest.approx(160 if logarithmic else 300 - 280 * 0.9 / 9.9)


def test_both_curves_are_drawn_one_panel_per_quantity() -> None:
    loss_only = picture(draw_curves(HISTORY, best_epoch=3, title="table: target"))
    with_accuracy = picture(draw_curves({**HISTORY, "accuracy": [0.5, 0.6, 0.7, 0.8]}, best_epoch=3))
    assert with_accuracy.shape[0] > 1.5 * loss_only.shape[0]
    assert pixels_of(loss_only, TRAINING) > 500
    assert pixels_of(loss_only, VALIDATION) > 500
    assert pixels_of(with_accuracy, TRAINING) > pixels_of(loss_only, TRAINING)


def test_the_best_epoch_is_marked() -> None:
    unmarked, marked = picture(draw_curves(HISTORY)), picture(draw_curves(HISTORY, best_epoch=3))
    assert not np.array_equal(unmarked, marked)
    assert pixels_of(marked, VALIDATION) > pixels_of(unmarked, VALIDATION)


@pytest.mark.parametrize(
    "history",
    [
        {"loss": [0.7]},
        {"loss": [0.0, 0.0]},
        {"loss": [1.0, math.nan, 0.5], "val_loss": [math.inf, 2.0, math.nan]},
        {"loss": [math.nan]},
        {"loss": [1e6, 1.0, 1e-6]},
        {"loss": [3.0] * 5000},
    ],
    ids=["one epoch", "all zero", "gaps", "nothing finite", "twelve decades", "long and flat"],
)
def test_odd_histories_are_drawn_too(history: dict[str, list[float]]) -> None:
    image = picture(draw_curves(history, best_epoch=1))
    assert image.min() < 100 and image.max() == 255
