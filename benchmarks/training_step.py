"""How long is one step of training, including the gathering of its shuffled batch?

Every library trains the same networks on the same data from the same weights, each in a process of its own, taking
turns. Compiling and warming up are not counted. `loss` is what five epochs reached: it shows that all do the same work.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.common import ROOT, arguments, in_turn, print_machine, print_table, ratio
from benchmarks.contestants.problem import NETWORKS, Network
from benchmarks.peak import peak_flops

CONTESTANTS = (  # module, variant
    ("with_ebbflow", "fit"),
    ("with_torch", "eager"),
    ("with_jax", "scan"),
    ("with_jax", "scan on one core"),
    ("with_jax", "step"),
    ("with_sklearn", "partial_fit"),
)
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
def started(module: str, variant: str, network: Network, seconds: float) -> Iterator[Worker]:
    """A warmed-up contestant; its process ends with the block."""
    command = [sys.executable, "-m", "benchmarks.contestants", module, variant, network.name, str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Worker(process)
        except BaseException:
            process.kill()
            raise


def compare(network: Network, rounds: int, seconds: float) -> None:
    """Print the table of one network."""
    print(f"{network.name}, batch {network.batch}, {network.optimizer}, {network.flops / 1e6:.4g} MFLOP per step")
    with ExitStack() as stack:
        workers = [stack.enter_context(started(*one, network, seconds)) for one in CONTESTANTS]
        for (module, variant), worker in zip(CONTESTANTS, workers, strict=True):
            if "skipped" in worker.about:
                print(f"  skipped {module}, {variant}: {worker.about['skipped']}")
        taking_part = {worker.about["label"]: worker for worker in workers if "label" in worker.about}
        measures = {label: worker.measure for label, worker in taking_part.items()}
        measured = in_turn(measures | {"peak": peak_flops}, rounds)
    peaks, ours = measured.pop("peak"), measured["ebbflow"]
    rows = []
    for label, times in measured.items():
        step = statistics.median(times)
        rates = [network.flops / one for one in times]
        cells = [f"{step * 1e6:.2f}", f"{1 / step:,.0f}", f"{ratio(times, ours):.2f}", f"{ratio(rates, peaks):.1%}"]
        rows.append([label, *cells, f"{taking_part[label].about['loss']:.4g}"])
    print_table(["", "us per step", "steps per s", "time / ebbflow's", "of one core's peak", "loss"], rows)


def main() -> None:
    options = arguments(__doc__)
    rounds, seconds = (3, 0.05) if options.quick else (11, 0.3)
    print_machine()
    print(f"fused multiply-add, float32, one core: {peak_flops() / 1e9:.1f} GFLOP/s")
    print(f"medians of {rounds} rounds, each about {seconds:g} s per contestant\n")
    for network in NETWORKS.values():
        compare(network, rounds, seconds)


if __name__ == "__main__":
    main()
