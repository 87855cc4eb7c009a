"""Every example runs, and comes to what it promises."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"
ELSEWHERE = {"make_demo_table.py"}  # run by the tests of the README, with the commands that read its tables


def run(name: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    result = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def numbers(pattern: str, text: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def test_will_i_pass_answers_with_a_probability_that_grows_with_the_work() -> None:
    passes = r"passes with probability (\S+)"
    (usual,), (idle,), (keen,) = (
        numbers(passes, run("will_i_pass.py", *given)) for given in ((), ("0", "1"), ("10", "20"))
    )
    assert 0.0 <= idle < 0.1 < usual < 0.9 < keen <= 1.0
    assert numbers(r"(\S+)% foretold right", run("will_i_pass.py", "4", "5"))[0] > 88


def test_cartpole_learns_to_stand() -> None:
    returns = numbers(r"mean return (\S+)", run("cartpole.py"))
    assert returns[0] < 50 and returns[-1] > 195


def test_every_example_is_run_by_a_test() -> None:
    told = {name for name in re.findall(r"run\(\"(\w+\.py)\"", Path(__file__).read_text(encoding="utf-8"))}
    assert told | ELSEWHERE == {file.name for file in EXAMPLES.glob("*.py")}
