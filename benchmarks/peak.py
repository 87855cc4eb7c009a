"""How fast can one core of this machine multiply and add at most?

Measured with a loop of fused multiply-adds whose operands and sums never leave the registers, written in ebbflow's own
loop language and compiled as its kernels are.
"""

import ctypes
import statistics
import time
from collections.abc import Callable
from functools import cache

import numpy as np

from benchmarks.common import arguments, print_machine
from ebbflow.backends.cpu.target import host
from ebbflow.compile import link
from ebbflow.lowering.arithmetic import Arithmetic
from ebbflow.lowering.index import LANES
from ebbflow.lowering.loops import Kernel, Value
from ebbflow.runtime.memory import allocate

TURNS = 100_000


def chain_kernel(chains: int) -> Kernel:
    """sum_k <- x * y + sum_k, TURNS times, for that many independent sums of 16 lanes."""
    b = Arithmetic()
    memory = b.parameter("memory")

    def lanes(k: int) -> Value:
        return b.at(memory, "float32", k * LANES)

    x, y, *sums = [b.load(lanes(k), "float32", LANES) for k in range(chains + 2)]
    sums = b.loop(0, TURNS, 1, lambda _, *carried: [b.fma(x, y, total) for total in carried], sums)
    for k, total in enumerate(sums):
        b.store(total, lanes(k + 2))
    return b.finish("chains")


@cache
def _compiled() -> tuple[Callable[[], None], int]:
    """The compiled loop, and the operations of one call."""
    target = host()
    chains = target.machine.tile_rows["float32"]  # as many as a product's tile has: enough to hide the latency
    module, _ = link([], [chain_kernel(chains)], target)
    function = module.function("chains", ctypes.c_void_p)
    memory = allocate(4 * LANES * (chains + 2))
    memory.view(np.float32)[:] = 0.5

    def run(_keeps_its_code: object = module) -> None:
        function(memory.ctypes.data)

    return run, 2 * LANES * chains * TURNS


def peak_flops(repeats: int = 10) -> float:
    """Floating-point operations per second of one core, a multiply-add being two: the best of some repeats."""
    run, operations = _compiled()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return operations / best


def main() -> None:
    options = arguments(__doc__)
    print_machine()
    rates = [peak_flops() / 1e9 for _ in range(3 if options.quick else 20)]
    print(f"fused multiply-add, float32, one core: {statistics.median(rates):.1f} GFLOP/s ", end="")
    print(f"(from {min(rates):.1f} to {max(rates):.1f} in {len(rates)} measurements)")


if __name__ == "__main__":
    main()
