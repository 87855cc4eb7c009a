"""The README and CONTRIBUTING are true: their Python runs, in order, and so do their commands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ebbflow as ebb

ROOT = Path(__file__).parent.parent


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[tuple[int, str]]:
    """(line number, text) of each fenced block of this language."""
    text = text_of(document)
    fences = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, fence.start(1)) + 1, fence.group(1)) for fence in fences]


def run_python(document: str) -> dict[str, object]:
    """Run all Python blocks of a document in one namespace, and return that."""
    names: dict[str, object] = {"__name__": document}
    found = blocks(document, "python")
    assert found, f"{document} has no Python blocks any more"
    for line, text in found:
        code = "\n" * (line - 1) + text  # so that a traceback names the document's line
        exec(compile(code, str(ROOT / document), "exec"), names)
    return names


def run_command(line: str) -> None:
    """Run a line of a console block as a reader would, with this interpreter and this source tree."""
    program, *arguments = shlex.split(line)
    if program == "python" and arguments[0].startswith("examples/"):
        arguments[0] = str(ROOT / arguments[0])
    words = {"python": [sys.executable], "ebbflow": [sys.executable, "-m", "ebbflow"]}[program]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    result = subprocess.run([*words, *arguments], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{line}\n{result.stderr}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def test_the_commands_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    lines = [
        line[2:] for _, block in blocks("README.md", "console") for line in block.splitlines() if line.startswith("$ ")
    ]
    assert lines
    for line in lines:
        run_command(line)
    assert (folder / "predictions.csv").read_text().startswith("row,prediction\n0,")


def test_the_python_blocks_run_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the commands, since the last blocks read the table that these have made."""
    monkeypatch.chdir(folder)
    if not (folder / "bikes.csv").exists():
        run_command("python examples/make_demo_table.py .")
    run_python("README.md")


def test_the_layer_of_contributing_trains_and_is_saved(tmp_path: Path) -> None:
    scale = run_python("CONTRIBUTING.md")["Scale"]
    model = ebb.Sequential([ebb.Input((3,)), scale(2.0)])
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    model.compile(optimizer=ebb.optimizers.SGD(0.1), loss="mse")
    model.fit(x, x, epochs=40, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), x, atol=1e-3)
    model.save(tmp_path / "scale.ebb")
    again = ebb.load_model(tmp_path / "scale.ebb", custom_objects={"Scale": scale})
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_files_it_points_to_exist(document: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text_of(document)):
        assert (ROOT / target).exists(), target
