"""The comparison of starts measures what it says, and goes through with made-up images."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import pretraining
from benchmarks.common import Options
from benchmarks.pretraining import FULL, STARTS, Effort, error, notes, tables
from ebbflow import Sequential
from ebbflow.layers import Identity, Rescaling


def test_without_the_images_it_says_what_is_missing() -> None:
    (table,) = tables(Options())
    assert table.rows == [] and "--data FILE.npz" in table.notes[0]


def test_the_error_is_summed_over_pixels_and_averaged_over_images() -> None:
    x = np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    assert error(Sequential([Identity()]), x) == 0.0
    assert error(Sequential([Rescaling(0.0)]), x) == pytest.approx((2 + 3) / 2)


def test_the_target_is_a_share_of_the_error_from_small_weights() -> None:
    def said(after: float) -> str:
        return notes(FULL, {"pre-trained": after, "small random weights": 50.0})[-1]

    assert said(20.0).endswith("measured 0.4: reached") and said(50.0).endswith("measured 1: MISSED")


def test_every_start_is_tuned_on_the_same_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8)
    labels = np.zeros(60, np.uint8)
    np.savez(tmp_path / "made-up.npz", x_train=pixels, y_train=labels, x_test=pixels[:9], y_test=labels[:9])
    monkeypatch.setattr(pretraining, "SIZES", (784, 8, 3))
    monkeypatch.setattr(pretraining, "QUICK", Effort(50, 1, 1))
    (table,) = tables(Options(quick=True, data=tmp_path / "made-up.npz"))
    assert [row[0] for row in table.rows] == [*STARTS, "mean picture"]
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in table.rows)
