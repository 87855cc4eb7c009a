"""docs/populations.md is true: its Python runs."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "populations.md"


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'ebbflow[optuna]'")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'ebbflow[sklearn]'")
    text = PAGE.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "populations"}
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        code = "\n" * text.count("\n", 0, block.start(1)) + block.group(1)  # so that a traceback names the page's line
        exec(compile(code, str(PAGE), "exec"), names)
    assert "accuracy" in names and "rank" in capsys.readouterr().out
