"""Whatever happens to the machine-code cache, training goes on and gives the same bits."""

import hashlib
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.runtime import cache

ROOT = Path(__file__).parents[2]
TRAIN = f"from {__name__} import trained; print(trained())"
HEAD = len(cache.MAGIC) + 32  # of an entry: magic and checksum, then the lengths and the parts


def trained(units: int = 6) -> str:
    """The checksum of the weights of a small network, compiled anew or taken from the cache."""
    ebb.set_random_seed(4)
    x = np.random.default_rng(4).normal(size=(30, 3)).astype("float32")
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(units, activation="tanh"), ebb.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, x[:, :1] * x[:, 1:2], batch_size=8, epochs=3, verbose=0)
    return hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, bytes]:
    """What training without trouble gives: the checksum, and the name and content of the entry that it leaves."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EBBFLOW_CACHE", str(folder))
        checksum = trained()
    entry = max(folder.iterdir(), key=lambda path: path.stat().st_size)  # beside what all programs share
    return checksum, entry.name, entry.read_bytes()


@pytest.fixture(scope="module")
def wanted(program: tuple[str, str, bytes]) -> str:
    return program[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EBBFLOW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def start(*command: str, code: str = TRAIN, **environment: str) -> subprocess.Popen[str]:
    """Python code in a process of its own; a command before it sets the stage."""
    own = os.environ | environment
    return subprocess.Popen(
        [*command, sys.executable, "-c", code],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str]) -> str:
    """All that it printed, errors too."""
    return process.communicate(timeout=120)[0].strip()


def test_processes_that_compile_the_same_at_the_same_time(wanted: str, folder: Path) -> None:
    processes = [start() for _ in range(3)]
    assert [said(process) for process in processes] == [wanted] * 3
    entries = list(folder.iterdir())
    assert len(entries) == 2, "the program, and what all programs share"
    assert all(cache.load(entry.name) is not None for entry in entries)


def test_processes_that_remove_what_others_have_stored(wanted: str, folder: Path) -> None:
    """Each trims the cache to nothing after every entry, while others look through it."""
    code = f"from {__name__} import cache, trained; cache.LARGEST_BYTES = 0\n"
    code += "for units in (2, 3, 6): last = trained(units)\nprint(last)"
    processes = [start(code=code) for _ in range(2)]
    assert [said(process) for process in processes] == [wanted] * 2
    assert not list(folder.iterdir())


# damage


@pytest.fixture
def entry(program: tuple[str, str, bytes], folder: Path) -> Path:
    """The entry of the training program."""
    _, name, content = program
    folder.mkdir()
    (folder / name).write_bytes(content)
    return folder / name


def parts(entry: bytes) -> dict[str, int]:
    """Where each part of an entry starts."""
    (length,) = struct.unpack_from("<Q", entry, HEAD)
    code = HEAD + 8 + length
    places = {"magic": 0, "checksum": len(cache.MAGIC), "first length": HEAD, "blueprint": HEAD + 8}
    return places | {"second length": code, "code": code + 8, "end": len(entry)}


PARTS = ["magic", "checksum", "first length", "blueprint", "second length", "code"]


@pytest.mark.parametrize("part", PARTS)
def test_a_flipped_bit_in_any_part(wanted: str, entry: Path, part: str) -> None:
    good = entry.read_bytes()
    places = parts(good)
    following = list(places)[list(places).index(part) + 1]
    damaged = bytearray(good)
    damaged[(places[part] + places[following]) // 2] ^= 0x10
    entry.write_bytes(damaged)
    assert trained() == wanted
    assert cache.load(entry.name) is not None, "it was compiled and written again"


@pytest.mark.parametrize("part", PARTS)
def test_an_entry_that_ends_early_in_any_part(wanted: str, entry: Path, part: str) -> None:
    good = entry.read_bytes()
    entry.write_bytes(good[: parts(good)[part] + 3])
    assert trained() == wanted
    assert cache.load(entry.name) is not None, "it was compiled and written again"


def test_an_entry_that_cannot_be_read(wanted: str, entry: Path) -> None:
    entry.unlink()
    entry.mkdir()  # reading fails whoever asks, the superuser too
    assert trained() == wanted


# no room, no right


def test_a_limit_on_the_size_of_files(wanted: str, folder: Path) -> None:
    """Writing stops in the middle of every entry."""
    pytest.importorskip("resource", reason="this system has no limits on the size of files")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    assert said(start(code=limit + TRAIN)) == wanted
    assert not list(folder.iterdir()), "no half of an entry is left"


def mounting(options: str) -> list[str]:
    """A command that runs another one with a file system of its own at $PLACE; skips the test without the right."""
    script = f'mount -t tmpfs -o {options} none "$PLACE" && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None:
        pytest.skip("needs Linux and util-linux to mount file systems")
    trial = subprocess.run([*command, "true"], env=os.environ | {"PLACE": "/mnt"}, capture_output=True)
    if trial.returncode:
        pytest.skip("mounting is not allowed here")
    return command


def test_a_full_disk(wanted: str, entry: Path, tmp_path: Path) -> None:
    """The program's entry needs more than the 12 KiB that there are, in which smaller ones have room."""
    assert entry.stat().st_size > 12 << 10
    code = f"{TRAIN}\nimport os; print(os.listdir(os.environ['EBBFLOW_CACHE']))"
    place = str(tmp_path)
    process = start(*mounting("size=12k"), code=code, PLACE=place, EBBFLOW_CACHE=f"{place}/new")
    checksum, left = said(process).split("\n")
    assert checksum == wanted and entry.name not in left and "new-" not in left


@pytest.fixture
def default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache lies below the home directory."""
    for name in ("EBBFLOW_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other homes")
def test_a_home_that_is_none(wanted: str, default_folder: None) -> None:
    assert said(start(HOME="/dev/null")) == wanted


def test_a_home_that_can_only_be_read(wanted: str, default_folder: None, tmp_path: Path) -> None:
    """Not even the superuser can write to it."""
    place = str(tmp_path)
    assert said(start(*mounting("ro"), PLACE=place, HOME=place)) == wanted


# size


def test_the_cache_stays_bounded_and_still_serves(
    wanted: str, folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room for two programs and a half, while four networks take turns."""
    room = int(2.5 * entry.stat().st_size)
    monkeypatch.setattr(cache, "LARGEST_BYTES", room)
    for units in (2, 3, 4, 2, 6):
        checksum = trained(units)
        assert 0 < sum(path.stat().st_size for path in folder.iterdir()) <= room
    assert checksum == wanted
    assert entry.exists(), "the newest is kept"
