"""The pages of docs/lectures: each builds, keeps its own claims (its asserts), and is written down as it is."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "lectures"
PAGES = sorted(source.stem for source in FOLDER.glob("*.py"))
LARGEST_PICTURE = 80 * 1024  # bytes


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look for their types
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES)
def test_a_page_builds_and_shows_what_it_draws(page: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "docs" / "build.py"), page, "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    text = (tmp_path / f"{page}.md").read_text(encoding="utf-8")
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert f"pictures/{picture.name}" in text, f"{picture.name} is drawn, and not shown"
        if picture.suffix == ".png":
            assert np.ptp(np.asarray(Image.open(picture).convert("L"))) > 100, f"{picture.name} is empty"
            assert picture.stat().st_size <= LARGEST_PICTURE


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_written_down_as_it_is(page: str, build: ModuleType) -> None:
    """Its text and code stand in the Markdown, in order, and its pictures exist; `make docs` writes it again."""
    source, text = (
        (FOLDER / f"{page}.py").read_text(encoding="utf-8"),
        (FOLDER / f"{page}.md").read_text(encoding="utf-8"),
    )
    at = 0
    for part in build.skeleton(source):
        found = text.find(part, at)
        assert found >= 0, f"this is not in {page}.md; run make docs:\n{part}"
        at = found + len(part)
    for line in text.splitlines():
        if line.startswith("!["):
            assert (FOLDER / line[line.index("(") + 1 : -1]).exists()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_whole_statements(page: str, build: ModuleType) -> None:
    """Also after its hidden lines are left out."""
    for cell in build.cells_of((FOLDER / f"{page}.py").read_text(encoding="utf-8")):
        if cell.is_code:
            ast.parse(build.shown(cell.text))


def test_the_index_names_every_page() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert PAGES and all(f"({page}.md)" in index for page in PAGES)
