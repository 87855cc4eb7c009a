"""The race to an accuracy counts what it says that it counts."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import Options
from benchmarks.mnist import LIBRARIES, NETWORK, Run, accuracy, images, row, tables, weights_of

RANDOM = np.random.default_rng(0)


def test_without_the_images_it_says_what_is_missing() -> None:
    (table,) = tables(Options())
    assert table.rows == [] and "--data FILE.npz" in table.notes[0]


def test_images_become_rows_from_zero_to_one(tmp_path: Path) -> None:
    pixels, labels = RANDOM.integers(0, 256, (10, 28, 28), np.uint8), np.arange(10, dtype=np.uint8)
    np.savez(tmp_path / "made-up.npz", x_train=pixels, y_train=labels, x_test=pixels[:2], y_test=labels[:2])
    (x, y), (x_test, y_test) = images(tmp_path / "made-up.npz")
    np.testing.assert_allclose(x * 255, pixels.reshape(10, 784), rtol=1e-6)
    assert x.dtype == np.float32 and y.dtype == np.int32 and len(x_test) == len(y_test) == 2


def test_accuracy_is_the_share_of_rows_whose_largest_output_is_the_label() -> None:
    identity = [np.eye(3), np.zeros(3), np.eye(3), np.zeros(3)]
    assert accuracy(identity, np.eye(3), np.array([0, 1, 0])) == pytest.approx(2 / 3)


def test_a_run_without_compiling_takes_what_later_epochs_took() -> None:
    run = Run("peer", [5.0, 1.0, 1.0], 0.981)
    assert (run.total, run.epoch, run.compiled, run.ended) == (7.0, 1.0, 3.0, True)
    ours = Run("ebbflow", [2.0, 0.5], 0.99)
    assert row([run], [ours])[1:] == ["3", "7.00", "3.00", "1.000", "98.10%", "2.80", "2.00"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_starts_from_the_weights_of_the_seed_and_learns(library: str) -> None:
    if library != "ebbflow":
        pytest.importorskip(library, reason=f"{library}, the peer, is not installed")
    x = RANDOM.random((4 * NETWORK.batch, NETWORK.sizes[0]), dtype=np.float32)
    y = (x[:, :10].argmax(axis=1)).astype(np.int32)
    contestant = LIBRARIES[library]((x, y), 3)
    for own, given in zip(contestant.weights(), weights_of(3), strict=True):
        np.testing.assert_array_equal(own, given)
    before = accuracy(contestant.weights(), x, y)
    contestant.train(6)
    assert accuracy(contestant.weights(), x, y) > before + 0.1
