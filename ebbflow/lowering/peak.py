"""What products are held against: multiply-adds as fast as the machine does them."""

from .arithmetic import Arithmetic
from .index import LANES
from .loops import Kernel, Value

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
