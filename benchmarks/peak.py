"""How fast can this machine multiply and add at most, on one core and on all of them at once?

Measured with a loop of fused multiply-adds whose operands and sums never leave the registers, written in ebbflow's own
loop language and compiled as its kernels are. On all cores, a thread for each runs that loop at the same time, and the
operations of all are divided by the time from the first start to the last end.
"""

import ctypes
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier

import numpy as np

from benchmarks.common import Options, Table, cores, in_turn, show
from ebbflow.backends.cpu.target import host
from ebbflow.compile import link
from ebbflow.lowering.index import LANES
from ebbflow.lowering.peak import TURNS, chain_kernel
from ebbflow.runtime.memory import allocate

CALLS = 64  # of the loop in one measurement, some 15 milliseconds: threads take a while to get a core each


@cache
def _compiled() -> tuple[Callable[[int], None], int, int]:
    """The compiled loop, the bytes of memory that it needs, and the operations of one call."""
    target = host()
    chains = target.machine.tile_rows["float32"]  # as many as a product's tile has: enough to hide the latency
    module, _ = link([], [chain_kernel(chains)], target)
    function = module.function("chains", ctypes.c_void_p)

    def run(memory: int, _keeps_its_code: object = module) -> None:
        function(memory)

    return run, 4 * LANES * (chains + 2), 2 * LANES * chains * TURNS


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


def peak_flops(threads: int = 1, repeats: int = 5) -> float:
    """Floating-point operations per second, a multiply-add being two, of so many threads: the best of some repeats."""
    run, needed, operations = _compiled()

    def work(meeting: Barrier) -> tuple[float, float]:
        memory = allocate(needed)
        memory.view(np.float32)[:] = 0.5
        meeting.wait()
        start = time.perf_counter()
        for _ in range(CALLS):
            run(memory.ctypes.data)
        return start, time.perf_counter()

    def seconds() -> float:
        starts, ends = zip(*_pool(threads).map(work, [Barrier(threads)] * threads), strict=True)
        return max(ends) - min(starts)

    return threads * CALLS * operations / min(seconds() for _ in range(repeats))


def tables(options: Options) -> Iterator[Table]:
    counts = sorted({1, cores()})
    measured = in_turn(
        {count: lambda count=count: peak_flops(count) / 1e9 for count in counts}, 3 if options.quick else 20
    )
    rows = []
    for count, rates in measured.items():
        cells = [f"{rate:.1f}" for rate in (statistics.median(rates), min(rates), max(rates))]
        rows.append([f"{count} core{'s' if count > 1 else ''}", *cells])
    yield Table("fused multiply-add, float32", ["", "median, GFLOP/s", "least", "most"], rows)


if __name__ == "__main__":
    show(tables, __doc__)
