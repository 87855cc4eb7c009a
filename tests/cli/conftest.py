"""The command line, run in this process, and models it has trained."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ebbflow.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left on the screen, and its exit status."""

    status: int
    out: str
    err: str

    def assert_refused(self, *words: str) -> None:
        """Exit status 2, and one line on the standard error stream that contains all of `words`."""
        assert self.status == 2
        assert self.err.startswith("ebbflow: error: ")
        assert self.err.count("\n") == 1 and self.err.endswith("\n")
        for word in words:
            assert word in self.err


Command = Callable[..., Outcome]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `ebbflow ...` with an empty folder as the current one."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse's way of refusing
            status = int(stop.code or 0)
        return Outcome(status, *capsys.readouterr())

    return run


def ring_table(rows: int = 240, seed: int = 0) -> str:
    """CSV of points in a square: is the point inside the circle (text), and how far out is it (number)?"""
    points = np.random.default_rng(seed).uniform(-1, 1, (rows, 2))
    radius = np.hypot(*points.T)
    lines = [
        f"{x:.4f},{y:.4f},{'in' if r < 0.8 else 'out'},{100 * r:.2f}" for (x, y), r in zip(points, radius, strict=True)
    ]
    return "\n".join(["x,y,side,radius", *lines]) + "\n"


@dataclass(frozen=True)
class Trained:
    """A table and the folder of a model that was trained on it."""

    table: Path
    folder: Path


def _train(folder: Path, target: str) -> Trained:
    table = folder / "ring.csv"
    table.write_text(ring_table())
    options = ["--hidden", "16", "--epochs", "60", "--learning-rate", "0.02", "--seed", "3", "--quiet"]
    assert main(["train", str(table), "--target", target, "--out", str(folder / "model"), *options]) == 0
    return Trained(table, folder / "model")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model that tells 'in' from 'out'. Its table also has the column 'radius', so this is easy."""
    return _train(tmp_path_factory.mktemp("classifier"), "side")


@pytest.fixture(scope="session")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model that knows how far from the centre a point is."""
    return _train(tmp_path_factory.mktemp("regressor"), "radius")
