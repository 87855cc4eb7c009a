"""Every benchmark, one after another, written down in one page.

    python -m benchmarks.report [--quick] [--data mnist.npz] [--out docs/performance.md]

Each benchmark runs in a process of its own, so that one which fails does not lose the others: it is written down as
failed, and the exit status is 1. Where ebbflow is not faster is worked out from the tables.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common import ROOT, Options, Table, machine_line

BENCHMARKS = (
    "training_step",
    "variants",
    "population",
    "estimators",
    "mnist",
    "pretraining",
    "predict",
    "startup",
    "memory",
    "mapped",
    "agreement",
    "peak",
)
PATIENCE = 1800.0  # seconds for one benchmark
DISTURBING = 0.1  # cores that other programs keep busy
METHOD = """\
- ebbflow and its peers run side by side, on the same work from the same weights, in one go; each library in a process
  of its own, so that no thread pool disturbs another's.
- Measurements are taken in turn, in rounds. A time is the median over the rounds. A ratio is the median of the ratios
  within each round, so a machine that becomes slower in between does not change it.
- Peers are measured at their best: with the thread count, and the implementation where they offer several, that is
  fastest for this work on this machine. ebbflow chooses its threads by itself, unless a row says "on one core".
- Compiling, tracing and warming up are not counted, unless a table says so.
- Ratios can be compared between machines and days; times cannot.
"""


@dataclass(frozen=True)
class Benchmark:
    """A module of this folder: the first line of its docstring is its question, the rest its method."""

    name: str
    question: str
    method: str

    @classmethod
    def read(cls, name: str) -> "Benchmark":
        """From the source, so that nothing is imported here that would disturb a measurement."""
        tree = ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8"))
        question, _, method = (ast.get_docstring(tree) or "").partition("\n")
        assert question, f"benchmarks/{name}.py has no docstring"
        return cls(name, question, method.strip("\n"))


@dataclass
class Outcome:
    """What came of one benchmark.

    Attributes:
        tables: those that it finished.
        failure: why it ended early, or empty.
        seconds: how long it took.
        others: how many cores other programs of this machine kept busy meanwhile; None where the system does not say.
    """

    benchmark: Benchmark
    tables: list[Table]
    failure: str
    seconds: float
    others: float | None


def run(benchmark: Benchmark, options: Options) -> Outcome:
    """A benchmark in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{benchmark.name}", "--json"]
    command += ["--quick"] if options.quick else []
    command += ["--data", str(options.data.resolve())] if options.data is not None else []
    start, before = time.perf_counter(), _busy_elsewhere()
    tables, failure = collect(command)
    seconds, after = time.perf_counter() - start, _busy_elsewhere()
    others = None if before is None or after is None else max(0.0, after - before) / seconds
    return Outcome(benchmark, tables, failure, seconds, others)


def collect(command: Sequence[str], patience: float = PATIENCE) -> tuple[list[Table], str]:
    """(the tables that a process prints as lines of JSON, why it failed or an empty text)."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        try:
            status = subprocess.run(command, cwd=ROOT, stdout=output, timeout=patience).returncode
            failure = f"it ended with status {status}" if status else ""
        except subprocess.TimeoutExpired:
            failure = f"it had not ended after {patience:g} s"
        output.seek(0)
        whole = [line for line in output if line.endswith("\n")]
    tables = [Table(**json.loads(line)) for line in whole]
    return tables, failure or ("" if tables else "it gave no table")


def _busy_elsewhere() -> float | None:
    """Seconds that all cores have worked, or were taken by a host, but for this process and its ended children."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return None
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, statistics.read_text().split()[1:9])
    busy = (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def page(outcomes: Sequence[Outcome], options: Options, start: str) -> str:
    """The whole page; `start` says on what machine and when."""
    parts = ["# Performance", ""]
    if options.quick:
        parts += ["**A quick run of few short repeats: it shows that the benchmarks run. Not to be cited.**", ""]
    if (busiest := max((outcome.others or 0.0 for outcome in outcomes), default=0.0)) > DISTURBING:
        parts += [f"**Disturbed: other programs kept up to {busiest:.2f} cores busy meanwhile. Not to be cited.**", ""]
    parts += ["Written by `python -m benchmarks.report`.", "", start, ""]
    parts += ["## How it is measured", "", METHOD]
    parts += ["## Where ebbflow is not faster", "", *not_faster(outcomes), ""]
    for outcome in outcomes:
        parts += section(outcome)
    return "\n".join(parts).rstrip("\n") + "\n"


def not_faster(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Every row where a peer needs less, every target missed, every benchmark that failed, as lists."""
    found = False
    yield "Computed from the tables: rows in which a peer needs less (a ratio to ebbflow below 1), and targets missed."
    for outcome in outcomes:
        lines = [f"- {table.title}: {sentence}" for table in outcome.tables for sentence in table.behind()]
        if outcome.failure:
            lines.append(f"- Not all is known, since the benchmark failed: {outcome.failure}.")
        if lines:
            found = True
            yield from ("", f"**{outcome.benchmark.question}**", "", *lines)
    if not found:
        yield from ("", "None.")


def section(outcome: Outcome) -> list[str]:
    """A benchmark's question, its method, its tables."""
    benchmark = outcome.benchmark
    others = "" if outcome.others is None else f"; other programs kept {outcome.others:.2f} cores busy meanwhile"
    parts = [f"## {benchmark.question}", ""]
    parts += [benchmark.method, ""] if benchmark.method else []
    parts += [f"`benchmarks/{benchmark.name}.py`, {outcome.seconds:.0f} s{others}.", ""]
    if outcome.failure:
        parts += [f"**Failed: {outcome.failure}.**", ""]
    return parts + [table.markdown() for table in outcome.tables]


def beginning(options: Options) -> str:
    """Machine, versions, date, load and data, as a list."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return "\n".join(
        (
            f"- Machine and versions: {machine_line()}",
            f"- Begun: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, with a load average of {load} in the minute before",
            f"- MNIST: {'given' if options.data else 'not given, so made-up data of its shape where a table says so'}",
        )
    )


def write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few short repeats: does it run, not how fast is it")
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="MNIST: x_train, y_train, x_test, y_test")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md", help="the page to write")
    parsed = parser.parse_args()
    options = Options(parsed.quick, parsed.data)
    benchmarks = [Benchmark.read(name) for name in BENCHMARKS]
    start, outcomes = beginning(options), []
    for benchmark in benchmarks:
        print(f"== {benchmark.name}: {benchmark.question}\n", flush=True)
        outcomes.append(outcome := run(benchmark, options))
        print(*(table.text() for table in outcome.tables), outcome.failure, sep="\n", flush=True)
    write(parsed.out, page(outcomes, options, start))
    return int(any(outcome.failure for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
