"""What tests of populations share."""

from typing import Any

import pytest

from ebbflow.training.population import program
from ebbflow.training.population.kept import forget


@pytest.fixture(autouse=True)
def nothing_is_kept() -> None:
    """No test finds the programs of another."""
    forget()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by one whenever a population compiles."""
    made: list[Any] = []
    real = program.compile_program
    monkeypatch.setattr(program, "compile_program", lambda *given: made.append(1) or real(*given))
    return made
