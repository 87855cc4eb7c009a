"""Runs the pages of docs/lectures and writes each as Markdown, with what it prints and the pictures it draws.

    python docs/build.py                     every page
    python docs/build.py learning loss       some of them
    python docs/build.py --out folder        to look at the result without changing what is here

A page is a Python file of cells, as editors know them: after a line `# %% [markdown]` the comment is text, after `# %%`
follows code. All cells share their names; PICTURES is the folder of the pictures, for a page that writes its own. After
each cell come what it printed, and the figures that it left open.
A claim that a page makes it also checks, with `assert`: a page that cannot keep it does not build.
"""

import argparse
import contextlib
import io
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image

matplotlib.use("agg")
from matplotlib import pyplot

PAGES = Path(__file__).parent / "lectures"
MARK = re.compile(r"^# %%( \[markdown\])?$", re.MULTILINE)
HIDDEN = "  # hidden"  # ends a line of code that the page does not show
DOTS_PER_INCH = 90


@dataclass
class Cell:
    """text: Markdown or code. line: its first in the page."""

    is_code: bool
    text: str
    line: int


def cells_of(page: str) -> list[Cell]:
    """The cells of a page's source; what stands before the first mark is not shown and not run."""
    marks = list(MARK.finditer(page))
    ends = [mark.start() for mark in marks[1:]] + [len(page)]
    cells = []
    for mark, end in zip(marks, ends, strict=True):
        line = page.count("\n", 0, mark.end()) + 1
        text = page[mark.end() : end].strip("\n")
        is_code = mark[1] is None
        cells.append(Cell(is_code, text if is_code else re.sub(r"^# ?", "", text, flags=re.MULTILINE), line))
    return cells


def shown(code: str) -> str:
    """Code as the page shows it."""
    lines = [line for line in code.splitlines() if not line.endswith(HIDDEN)]
    return "\n".join(lines).strip("\n")


def skeleton(page: str) -> list[str]:
    """The parts of the Markdown that do not depend on results: text, and code in its fence."""
    parts = [f"```python\n{shown(cell.text)}\n```" if cell.is_code else cell.text for cell in cells_of(page)]
    return [part for part in parts if part != "```python\n\n```"]


def build(source: Path, out: Path) -> Path:
    """Run a page and write `out/{name}.md` and `out/pictures/{name}-{number}.png`."""
    page, pictures = source.read_text(encoding="utf-8"), out / "pictures"
    names = {"__name__": "__main__", "__file__": str(source), "PICTURES": str(pictures)}
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob(f"{source.stem}-*"):
        old.unlink()
    parts: list[str] = []
    number = 0
    for cell in cells_of(page):
        if not cell.is_code:
            parts.append(cell.text)
            continue
        printed = _run(cell, source, names)
        if shown(cell.text):
            parts.append(f"```python\n{shown(cell.text)}\n```")
        if printed:
            parts.append(f"```text\n{printed}\n```")
        for picture in _open_figures():
            number += 1
            name = f"{source.stem}-{number}.png"
            _save(picture, pictures / name)
            pyplot.close(picture)
            parts.append(f"![picture {number}](pictures/{name})")
    written = out / f"{source.stem}.md"
    written.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return written


def _run(cell: Cell, source: Path, names: dict[str, Any]) -> str:
    """What the cell prints; errors carry the page's own line numbers."""
    code = compile("\n" * cell.line + cell.text, str(source), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue().strip("\n")


def _save(picture: Any, path: Path) -> None:
    """As PNG of 256 colors: shades need no more, and it is a third of the size."""
    raw = io.BytesIO()
    picture.savefig(raw, dpi=DOTS_PER_INCH)
    with Image.open(raw) as image:
        few = image.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _open_figures() -> list[Any]:
    return [pyplot.figure(number) for number in pyplot.get_fignums()]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Run the pages of docs/lectures and write them as Markdown.")
    known = {source.stem: source for source in sorted(PAGES.glob("*.py"))}
    parser.add_argument("pages", nargs="*", metavar="page", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--out", type=Path, default=PAGES, help="where to write (docs/lectures)")
    options = parser.parse_args(arguments)
    strange = [name for name in options.pages if name not in known]
    if strange:
        parser.error(f"expected pages of {', '.join(known)}, got {', '.join(strange)}")
    for name in options.pages or known:
        start = time.perf_counter()
        written = build(known[name], options.out)
        print(f"{written} in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
