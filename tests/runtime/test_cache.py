"""The machine-code cache: what it returns is what was stored, and anything else is as if it were not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ebbflow.runtime import cache

ROOT = Path(__file__).parents[2]
KEY = cache.key_of("text", "target")
CODE = bytes(range(256)) * 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EBBFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def stored(folder: Path) -> Path:
    cache.store(KEY, CODE)
    return folder / KEY


def test_round_trip(stored: Path) -> None:
    assert cache.load(KEY) == CODE
    assert cache.load(cache.key_of("other text", "target")) is None
    assert [entry.name for entry in stored.parent.iterdir()] == [KEY], "no temporary file is left"


def test_a_new_entry_replaces_the_old(stored: Path) -> None:
    cache.store(KEY, b"newer")
    assert cache.load(KEY) == b"newer"


def test_everything_that_determines_the_code_is_in_the_key() -> None:
    keys = [cache.key_of(*parts) for parts in (["a", "b"], ["ab"], ["a", "b", ""], ["b", "a"], ["a", "c"])]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("length", [0, 1, len(cache.MAGIC), len(cache.MAGIC) + 31, len(cache.MAGIC) + 32, -1])
def test_a_truncated_entry_is_not_trusted(stored: Path, length: int) -> None:
    stored.write_bytes(stored.read_bytes()[:length])
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "place", [0, len(cache.MAGIC), len(cache.MAGIC) + 32, -1], ids=["magic", "checksum", "first", "last"]
)
def test_a_flipped_bit_is_noticed(stored: Path, place: int) -> None:
    data = bytearray(stored.read_bytes())
    data[place] ^= 1
    stored.write_bytes(data)
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"ebbflow machine code 0\n" + bytes(40)], ids=["empty", "object", "older"]
)
def test_a_foreign_file_is_not_trusted(stored: Path, content: bytes) -> None:
    stored.write_bytes(content)
    assert cache.load(KEY) is None


def test_a_damaged_entry_is_written_anew(stored: Path) -> None:
    stored.write_bytes(b"damaged")
    cache.store(KEY, CODE)
    assert cache.load(KEY) == CODE


def test_a_folder_in_place_of_an_entry_does_no_harm(folder: Path) -> None:
    (folder / KEY / "inside").mkdir(parents=True)
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None
    assert [entry.name for entry in folder.iterdir()] == [KEY], "the temporary file is gone"


def test_a_directory_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("EBBFLOW_CACHE", str(tmp_path / "file" / "cache"))
    cache.store(KEY, CODE)
    assert cache.load(KEY) is None


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBBFLOW_CACHE", "")
    cache.store(KEY, CODE)
    assert cache.directory() is None and cache.load(KEY) is None
    monkeypatch.delenv("EBBFLOW_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.directory() == tmp_path / "ebbflow"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.directory() == tmp_path / ".cache" / "ebbflow"


def test_the_cache_is_bounded_and_the_oldest_entries_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_BYTES", 3 * (len(CODE) + 100))
    for age, name in enumerate("edcba"):
        cache.store(cache.key_of(name), CODE)
        os.utime(folder / cache.key_of(name), (1000 + age, 1000 + age))
    cache.store(KEY, CODE)
    kept = {entry.name for entry in folder.iterdir()}
    assert kept == {KEY, cache.key_of("a"), cache.key_of("b")}


COMPILING = """
import sys, numpy as np
import ebbflow.operators
from ebbflow.compile import Executable
from ebbflow.core.aval import Aval
from ebbflow.core.tensor import trace
graph = trace(lambda x: x * 2.0 + 1.0, [("x", Aval((33,), np.dtype("float32")))]).graph
assert Executable(graph)(np.full(33, 3))[0].tolist() == [7.0] * 33
"""


def test_an_entry_under_another_name_is_not_trusted(folder: Path) -> None:
    cache.store("a", b"code of a")
    (folder / "a").rename(folder / "b")
    assert cache.load("b") is None


def test_processes_share_the_cache_at_the_same_time(folder: Path) -> None:
    """Two compile the same graph at once into an empty cache; one entry is left, and a third process uses it."""
    command = [sys.executable, "-c", COMPILING]
    both = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    (entry,) = folder.iterdir()
    before = entry.stat().st_ino
    assert subprocess.run(command, timeout=60, cwd=ROOT).returncode == 0
    assert entry.stat().st_ino == before, "it was read, not written again"


def test_a_damaged_entry_is_compiled_again(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", COMPILING], check=True, timeout=60, cwd=ROOT)
    (entry,) = folder.iterdir()
    good = entry.read_bytes()
    entry.write_bytes(good[:-5] + b"wrong")
    subprocess.run([sys.executable, "-c", COMPILING], check=True, timeout=60, cwd=ROOT)
    assert entry.read_bytes() == good, "the same text gives the same machine code"
