"""What all benchmarks share: arguments, repeats taken in turn, medians, the machine's name, tables."""

import argparse
import importlib.metadata
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ebbflow", "numpy", "llvmlite", "torch", "jax", "scikit-learn")
BUSY = 0.5  # load average of the last minute


def arguments(description: str | None) -> argparse.Namespace:
    """The command line: every benchmark knows --quick."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few short repeats: does it run, not how fast is it")
    return parser.parse_args()


def in_turn(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each contestant measures, once per round, so that a slow moment of the machine meets all of them alike.

    Every other round goes backwards: nobody always runs after the same neighbour.
    """
    measured: dict[str, list[float]] = {name: [] for name in contestants}
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


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output, its first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [
            cell.rjust(width) if k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print(flush=True)


if __name__ == "__main__":
    print_machine()
