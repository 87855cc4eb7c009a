"""Training from a mapped file is training on the same rows, and the limit on memory is one."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contestants.process import in_fresh_process
from benchmarks.mapped import LIBRARIES, LIMIT, SIZES, copied, rows_of, write

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_mapped_rows_are_those_in_memory(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    rows = write(path, dtype, size=1_000_000)
    (mapped, labels), (held, _) = rows_of(path, mapped=True), rows_of(path, mapped=False)
    assert isinstance(mapped, np.memmap) and not isinstance(held, np.memmap)
    assert mapped.shape == (rows, SIZES[0]) and mapped.dtype == dtype and mapped.nbytes <= 1_000_000
    np.testing.assert_array_equal(mapped, held)
    assert mapped.max() == (255 if dtype == "uint8" else 1) and len(labels) == rows


@linux
def test_under_the_limit_a_larger_file_cannot_be_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (2 * LIMIT // SIZES[0], SIZES[0]))  # a hole: takes no disk
    assert in_fresh_process(copied, path) == "MemoryError"


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("mapped", [False, True])
def test_each_library_trains_on_bytes_as_on_the_same_floats(
    library: str, mapped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library != "ebbflow":
        pytest.importorskip(library, reason=f"{library}, the peer, is not installed")
    monkeypatch.setattr("benchmarks.mapped.limit", lambda: None)  # this process goes on
    for dtype in ("float32", "uint8"):
        write(tmp_path / f"{dtype}.npy", dtype, size=200_000)
        trained = LIBRARIES[library](tmp_path / f"{dtype}.npy", mapped)
        assert trained.seconds_per_row() > 0
