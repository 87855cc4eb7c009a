"""The page of all measurements: whole, honest about what failed, and about where a peer is faster."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.common import OF_OURS, Options, Table, target
from benchmarks.report import BENCHMARKS, Benchmark, Outcome, collect, page, write

FAST = Table("small network", ["", f"time {OF_OURS}"], [["ebbflow", "1.00"], ["a peer", "2.00"]])
SLOW = Table("large network", ["", f"time {OF_OURS}"], [["ebbflow", "1.00"], ["a peer", "0.50"]])
QUESTION = Benchmark("peak", "How fast?", "With a loop.")


def outcome(*tables: Table, failure: str = "", others: float | None = 0.02) -> Outcome:
    return Outcome(QUESTION, list(tables), failure, 3.0, others)


def test_every_benchmark_begins_with_its_question() -> None:
    assert all(Benchmark.read(name).question.endswith("?") for name in BENCHMARKS)


def test_every_benchmark_of_the_folder_is_in_the_report() -> None:
    folder = Path(report.__file__).parent
    with_tables = {path.stem for path in folder.glob("*.py") if "def tables(" in path.read_text(encoding="utf-8")}
    assert with_tables - {"common"} == set(BENCHMARKS)


def test_a_crash_loses_neither_the_tables_before_it_nor_its_status() -> None:
    program = f"print({json.dumps(asdict(FAST))!r}, flush=True); print('{{half a tab', end=''); raise SystemExit(3)"
    assert collect([sys.executable, "-c", program]) == ([FAST], "it ended with status 3")


def test_a_benchmark_that_hangs_is_ended() -> None:
    tables, failure = collect([sys.executable, "-c", "import time; time.sleep(60)"], patience=0.5)
    assert (tables, failure) == ([], "it had not ended after 0.5 s")


def test_a_benchmark_without_tables_has_failed() -> None:
    assert collect([sys.executable, "-c", "pass"]) == ([], "it gave no table")


def test_where_a_peer_is_faster_is_said_before_the_tables() -> None:
    missed = target("ratio", 0.5, at_least=2)
    text = page([outcome(FAST, Table(SLOW.title, SLOW.heads, SLOW.rows, [missed]))], Options(), "- a machine")
    summary = text.partition("## Where ebbflow is not faster")[2].partition("## How fast?")[0]
    assert "- large network: a peer: time / ebbflow's is 0.50" in summary
    assert f"- large network: {missed}" in summary
    assert "small network" not in summary


def test_without_any_it_says_none() -> None:
    assert "\nNone.\n" in page([outcome(FAST)], Options(), "- a machine")


def test_a_failed_benchmark_is_no_success() -> None:
    text = page([outcome(FAST, failure="it ended with status 3")], Options(), "- a machine")
    assert "\nNone.\n" not in text
    assert "**Failed: it ended with status 3.**" in text
    assert "### small network" in text


@pytest.mark.parametrize("quick", [True, False])
def test_only_a_quick_page_says_so_at_its_top(quick: bool) -> None:
    top = page([outcome(FAST)], Options(quick=quick), "- a machine").splitlines()[:4]
    assert any("Not to be cited" in line for line in top) is quick


@pytest.mark.parametrize(("others", "disturbed"), [(1.5, True), (0.02, False), (None, False)])
def test_a_busy_machine_is_told_at_the_top(others: float | None, disturbed: bool) -> None:
    top = page([outcome(FAST), outcome(FAST, others=others)], Options(), "- a machine").splitlines()[:4]
    assert any("other programs kept up to 1.50 cores busy" in line for line in top) is disturbed


def test_a_page_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "performance.md"
    write(path, "long " * 100)
    write(path, "short")
    assert path.read_text() == "short"
    assert list(path.parent.iterdir()) == [path]


def test_the_status_tells_of_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the command line to the page, with a benchmark that works and one that cannot."""
    works, fails = Benchmark.read("peak"), Benchmark("does_not_exist", "Is it there?", "")
    monkeypatch.setattr(report, "BENCHMARKS", ("peak", "does_not_exist"))
    monkeypatch.setattr(Benchmark, "read", {"peak": works, "does_not_exist": fails}.__getitem__)
    monkeypatch.setattr(sys, "argv", ["report", "--quick", "--out", str(tmp_path / "page.md")])
    assert report.main() == 1
    text = (tmp_path / "page.md").read_text()
    assert f"## {works.question}" in text and "| 1 core |" in text
    assert "## Is it there?" in text and "**Failed: it ended with status 1.**" in text
