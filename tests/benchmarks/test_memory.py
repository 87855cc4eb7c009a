"""Peaks of memory are those of the process that is asked, and arrays are read without copies."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import Options
from benchmarks.contestants.process import in_fresh_process
from benchmarks.memory import ALIGNMENT, Peak, notes, peak_bytes, read, write

MEGABYTES = 200


def _peak_of_touching(megabytes: int) -> tuple[int, int]:
    before = peak_bytes()
    np.ones(megabytes << 20, np.uint8)
    return before, peak_bytes()


def test_the_peak_has_what_was_resident_once_and_nothing_of_the_process_that_started_it() -> None:
    held = np.ones(2 * MEGABYTES << 20, np.uint8)
    before, after = in_fresh_process(_peak_of_touching, MEGABYTES)
    assert after - before == pytest.approx(MEGABYTES << 20, rel=0.1)
    assert before < held.nbytes


def test_rows_come_back_aligned_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path, None, rows=7)
    x, y = read(tmp_path, rows=7)
    assert x.ctypes.data % ALIGNMENT == y.ctypes.data % ALIGNMENT == 0
    assert x.shape == (7, 784) and x.dtype == np.float32 and y.shape == (7,) and y.dtype == np.int32
    np.testing.assert_array_equal(x, np.fromfile(tmp_path / "x", np.float32).reshape(7, 784))


def test_the_target_is_the_peak_against_data_arena_and_interpreter() -> None:
    peaks = {}
    for how, peak in (("compiled", 240), ("from the cache", 280)):
        peaks |= {f"a tiny network, {how}": Peak(50), f"ebbflow, {how}": Peak(peak, {"total": 50})}
    said = notes(Options(), rows=1, data=100, peaks=peaks)
    assert said[-3].endswith("made up")
    assert said[-2].endswith("wanted at most 1.3, measured 1.2: reached")
    assert said[-1].endswith("wanted at most 1.3, measured 1.4: MISSED")
