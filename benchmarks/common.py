"""What all benchmarks share: arguments, repeats taken in turn, medians, the machine's name, tables, targets.

A benchmark is a module whose docstring begins with its question, with

    def tables(options: Options) -> Iterator[Table]: ...   # each as soon as it is measured

    if __name__ == "__main__":
        show(tables, __doc__)

What it has to say goes into its tables and their notes (what was left out and why, too), so that a report has it all.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ebbflow", "numpy", "llvmlite", "torch", "jax", "scikit-learn", "onnxruntime")
BUSY = 0.5  # load average of the last minute

OF_OURS = "/ ebbflow's"  # a head that ends so has ratios to ebbflow: below 1, the other one needs less
REACHED, MISSED = ": reached", ": MISSED"


@dataclass(frozen=True)
class Options:
    """What every benchmark is told.

    Attributes:
        quick: few short repeats: does it run, not how fast is it.
        data: MNIST as an .npz file with x_train, y_train, x_test, y_test, for the benchmarks that use it.
    """

    quick: bool = False
    data: Path | None = None


@dataclass
class Table:
    """What a benchmark measured: a title, heads, rows of as many cells, sentences below.

    A column of ratios to ebbflow is told by the end of its head (OF_OURS), a target by the end of its note (`target`).
    """

    title: str
    heads: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """For a terminal: the first column to the left, the others to the right."""
        parts = [[self.title], self._lines(), self.notes]
        return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"

    def _lines(self) -> list[str]:
        if not self.rows:
            return []
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = [
            [
                cell.rjust(width) if k else cell.ljust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            for row in (self.heads, ["-" * width for width in widths], *self.rows)
        ]
        return ["  ".join(cells).rstrip() for cells in lines]

    def markdown(self) -> str:
        """For a page: title, table, notes as a list."""
        lines = [f"### {self.title}", ""]
        if self.rows:
            rule = ["---", *["---:"] * (len(self.heads) - 1)]
            lines += ["| " + " | ".join(map(_escaped, row)) + " |" for row in (self.heads, rule, *self.rows)] + [""]
        if self.notes:
            lines += [f"- {_escaped(note)}" for note in self.notes] + [""]
        return "\n".join(lines)

    def behind(self) -> list[str]:
        """A sentence for every row in which a peer needs less than ebbflow, and every target missed.

        Rows whose name begins with ebbflow are no peers.
        """
        columns = [k for k, head in enumerate(self.heads) if head.endswith(OF_OURS)]
        peers = [row for row in self.rows if not row[0].startswith("ebbflow")]
        less = [f"{row[0]}: {self.heads[k]} is {row[k]}" for row in peers for k in columns if _number(row[k]) < 1.0]
        return less + [note for note in self.notes if note.endswith(MISSED)]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _number(cell: str) -> float:
    """The number in a cell of ratios; infinity where there is none (a peer that cannot do it)."""
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        return float("inf")


def target(what: str, measured: float, *, at_least: float | None = None, at_most: float | None = None) -> str:
    """A note such as "import ebbflow / import numpy: wanted at most 1.5, measured 1.31: reached".

    `what` names the unit; one of the bounds is given.
    """
    assert (at_least is None) != (at_most is None)
    if at_most is not None:
        wanted, reached = f"at most {at_most:g}", measured <= at_most
    else:
        wanted, reached = f"at least {at_least:g}", at_least is not None and measured >= at_least
    return f"{what}: wanted {wanted}, measured {measured:.3g}{REACHED if reached else MISSED}"


def show(tables: Callable[[Options], Iterator[Table]], description: str | None) -> None:
    """Run a benchmark from the command line: print each table as it comes, or with --json as a line of JSON."""
    parsed = _parser(description).parse_args()
    options = Options(parsed.quick, parsed.data)
    if parsed.json:
        with redirect_stdout(sys.stderr):
            for table in tables(options):
                print(json.dumps(asdict(table)), file=sys.__stdout__, flush=True)
        return
    print_machine()
    if options.quick:
        print("quick: few short repeats, which show that it runs; not to be cited")
    print(flush=True)
    for table in tables(options):
        print(table.text(), flush=True)


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few short repeats: does it run, not how fast is it")
    parser.add_argument("--data", type=Path, metavar="FILE.npz", help="MNIST: x_train, y_train, x_test, y_test")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each table, for the report")
    return parser


Name = TypeVar("Name", bound=Hashable)


def in_turn(contestants: Mapping[Name, Callable[[], float]], rounds: int) -> dict[Name, list[float]]:
    """What each contestant measures, once per round, so that a slow moment of the machine meets all of them alike.

    Every other round goes backwards: nobody always runs after the same neighbour.
    """
    measured: dict[Name, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in list(contestants)[:: 1 if number % 2 == 0 else -1]:
            measured[name].append(contestants[name]())
    return measured


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios within each round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def print_machine() -> None:
    """Print processor, cores and the versions of everything compared, and warn when others keep the machine busy."""
    print(machine_line())
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        print(f"warning: the load average is {load:.2f}; other work disturbs these measurements")


def machine_line() -> str:
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{name} {version}" for name in PACKAGES if (version := version_of(name))]
    return f"{processor()}, {cores()} cores, {platform.system()}; {', '.join(versions)}"


def processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def version_of(package: str) -> str | None:
    """The version of an installed package; ebbflow's own also when it is run from its sources."""
    if package == "ebbflow":
        from ebbflow import __version__

        return __version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    print_machine()
