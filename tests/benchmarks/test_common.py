"""Tables of measurements: how they look, and what in them is to ebbflow's disadvantage."""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.common import OF_OURS, Options, Table, in_turn, ratio, show, target

HEADS = ["", "us", f"time {OF_OURS}"]


def test_text_is_aligned_with_the_notes_below() -> None:
    table = Table("a step", HEADS, [["ebbflow", "8.10", "1.00"], ["a peer", "16.20", "2.00"]], ["so it is"])
    assert table.text() == (
        "a step\n"
        "\n"
        "            us  time / ebbflow's\n"
        "-------  -----  ----------------\n"
        "ebbflow   8.10              1.00\n"
        "a peer   16.20              2.00\n"
        "\n"
        "so it is\n"
    )


def test_markdown_escapes_what_would_end_a_cell() -> None:
    table = Table("a step", HEADS, [["a|b", "8.10", "1.00"]], ["so it is"])
    assert table.markdown() == (
        "### a step\n\n|  | us | time / ebbflow's |\n| --- | ---: | ---: |\n| a\\|b | 8.10 | 1.00 |\n\n- so it is\n"
    )


def test_a_table_without_rows_has_its_notes() -> None:
    table = Table("a step", HEADS, [], ["left out: torch is not installed"])
    assert table.text() == "a step\n\nleft out: torch is not installed\n"
    assert "|" not in table.markdown()


def test_behind_names_faster_peers_and_missed_targets_only() -> None:
    rows = [
        ["ebbflow", "8.10", "1.00"],
        ["ebbflow on one core", "8.00", "0.99"],  # not a peer
        ["a slower peer", "16.20", "2.00"],
        ["an equal peer", "8.10", "1.00"],
        ["a faster peer", "0.50", "0.06"],
        ["a peer that cannot", "", ""],
        ["a hopeless peer", "12,000.00", "1,481.48"],
    ]
    missed = target("us", 8.1, at_most=5)
    table = Table("a step", HEADS, rows, [target("us", 8.1, at_most=10), missed, "left out: nobody"])
    assert table.behind() == ["a faster peer: time / ebbflow's is 0.06", missed]


@pytest.mark.parametrize(
    ("measured", "bound", "expected"),
    [
        (1.31, {"at_most": 1.5}, "x: wanted at most 1.5, measured 1.31: reached"),
        (1.6, {"at_most": 1.5}, "x: wanted at most 1.5, measured 1.6: MISSED"),
        (3.0, {"at_least": 3}, "x: wanted at least 3, measured 3: reached"),
        (2.9, {"at_least": 3}, "x: wanted at least 3, measured 2.9: MISSED"),
    ],
)
def test_target_says_whether_it_is_reached(measured: float, bound: dict[str, float], expected: str) -> None:
    assert target("x", measured, **bound) == expected


def test_turns_go_back_and_forth_so_that_nobody_always_follows_the_same_neighbour() -> None:
    order: list[str] = []

    def runner(name: str) -> float:
        order.append(name)
        return float(len(order))

    measured = in_turn({name: lambda name=name: runner(name) for name in "abc"}, 4)
    assert "".join(order) == "abccbaabccba"
    assert [len(times) for times in measured.values()] == [4, 4, 4]


def test_a_ratio_within_rounds_does_not_see_the_machine_slow_down() -> None:
    slowing = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert all(b > a for a, b in pairwise(slowing))
    assert ratio([3 * seconds for seconds in slowing], slowing) == 3.0


def _one_table(options: Options) -> Iterator[Table]:
    print("said by the way")
    yield Table("quick" if options.quick else "long", ["", "data"], [["row", str(options.data)]])


def test_json_is_all_that_is_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--json", "--quick", "--data", "mnist.npz"])
    monkeypatch.setattr(sys, "__stdout__", sys.stdout)
    show(_one_table, "A question?")
    printed = capsys.readouterr()
    assert Table(**json.loads(printed.out)) == Table("quick", ["", "data"], [["row", str(Path("mnist.npz"))]])
    assert printed.err == "said by the way\n"


def test_a_quick_run_says_not_to_be_cited(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--quick"])
    show(_one_table, "A question?")
    printed = capsys.readouterr().out
    assert "not to be cited" in printed and "said by the way" in printed
