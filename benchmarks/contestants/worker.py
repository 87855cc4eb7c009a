"""Contestants in processes of their own, which take turns on one network."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from benchmarks.common import ROOT, cores, in_turn, ratio
from benchmarks.contestants.problem import Network
from benchmarks.peak import peak_flops

Entry = tuple[str, str]  # module, variant
PAUSE = 0.05  # seconds; lets another library's waiting threads fall asleep


class Worker:
    """A contestant in its own process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.about = self._read()

    def _read(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"benchmark: a contestant ended early, see its error above: {self._process.args!r}")
        return json.loads(line)

    def measure(self) -> float:
        """Seconds per step."""
        assert self._process.stdin is not None
        time.sleep(PAUSE)
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self._read()["seconds"]


@contextmanager
def started(entry: Entry, network: Network, seconds: float) -> Iterator[Worker]:
    """A warmed-up contestant; its process ends with the block."""
    command = [sys.executable, "-m", "benchmarks.contestants", *entry, network.to_json(), str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Worker(process)
        except BaseException:
            process.kill()
            raise


@dataclass(frozen=True)
class Outcome:
    """What a network's contestants measured, round by round.

    Attributes:
        times: seconds per step of each that took part.
        labels, losses: what each is called, and what it reached.
        skipped: a sentence for each that did not take part.
        peaks: operations per second of one core and of all, by the number of threads.
    """

    network: Network
    times: dict[Entry, list[float]]
    labels: dict[Entry, str]
    losses: dict[Entry, float]
    skipped: list[str]
    peaks: dict[int, list[float]]

    def seconds(self, entry: Entry) -> float:
        return statistics.median(self.times[entry])

    def ratio(self, entry: Entry, other: Entry) -> float:
        """How many times the other's time a step takes."""
        return ratio(self.times[entry], self.times[other])

    def best(self, entries: Sequence[Entry]) -> Entry | None:
        """The fastest of those that took part."""
        return min((entry for entry in entries if entry in self.times), key=self.seconds, default=None)

    def share(self, entry: Entry, threads: int) -> float:
        """The share of the peak of that many cores that the products reach, both in their best round.

        With other work on a core, the peak of all cores falls by half within one round, and a share of that would
        flatter; a time that others disturbed, held against a peak that they did not, would tell of them.
        """
        return self.network.flops / min(self.times[entry]) / max(self.peaks[threads])


def compete(network: Network, entries: Sequence[Entry], rounds: int, seconds: float) -> Outcome:
    """Start the contestants one after another, then measure them in turn, for about so many seconds each time."""
    with ExitStack() as stack:
        workers = {entry: stack.enter_context(started(entry, network, seconds)) for entry in entries}
        there = {entry: worker for entry, worker in workers.items() if "label" in worker.about}
        peaks = {threads: partial(peak_flops, threads) for threads in {1, cores()}}
        measured = in_turn({entry: worker.measure for entry, worker in there.items()} | peaks, rounds)
    return Outcome(
        network,
        times={entry: measured[entry] for entry in there},
        labels={entry: worker.about["label"] for entry, worker in there.items()},
        losses={entry: worker.about["loss"] for entry, worker in there.items()},
        skipped=[
            f"left out: {' '.join(entry)}: {worker.about['skipped']}"
            for entry, worker in workers.items()
            if entry not in there
        ],
        peaks={threads: measured[threads] for threads in peaks},
    )
