"""Ten epochs leave the same bits in every weight: on any number of threads, on any processor, in any process."""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import ebbflow as ebb
from ebbflow import compile
from ebbflow.backends.cpu.target import Target, host, x86_64_v3, x86_64_v4

from .networks import data, network

ROOT = Path(__file__).parents[2]
NAME, ROWS = "30-64-32-10 tanh, dropout", 230
TARGETS = {"host": (host, ""), "x86-64-v3": (x86_64_v3, "+avx2"), "x86-64-v4": (x86_64_v4, "+avx512vl")}


def trained(threads: int) -> str:
    """The checksum of weights and history after ten epochs with dropout, shuffling and a smaller last batch."""
    ebb.config.set_threads(threads)
    model = network(NAME)
    history = model.fit(**data(NAME, ROWS), batch_size=32, epochs=10, validation_split=0.2, verbose=0).history
    assert history["loss"][-1] < 0.9 * history["loss"][0], "it has learned"
    digest = hashlib.sha256(repr(history).encode())
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def wanted() -> str:
    """By code for this machine on one thread."""
    return trained(1)


def use(monkeypatch: pytest.MonkeyPatch, processor: str) -> None:
    """Compile for this processor; skips the test where its code cannot run."""
    make, needed = TARGETS[processor]
    flags = host().features.split(",")
    if needed and not (platform.machine() in ("x86_64", "AMD64") and {needed, "+fma"} <= set(flags)):
        pytest.skip(f"code for {processor} does not run on this machine")
    target: Target = make()
    monkeypatch.setattr(compile, "host", lambda: target)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("processor", TARGETS)
def test_threads_and_processors(wanted: str, processor: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, processor)
    assert trained(threads) == wanted


@pytest.mark.parametrize("cache", ["", None], ids=["without a cache", "with it"])
def test_another_process(wanted: str, cache: str | None) -> None:
    """Compiled by itself, or taken from the cache that this process has filled."""
    command = [sys.executable, "-c", f"from {__name__} import trained; print(trained(2))"]
    environment = os.environ | ({} if cache is None else {"EBBFLOW_CACHE": cache})
    run = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert run.stdout.strip() == wanted
