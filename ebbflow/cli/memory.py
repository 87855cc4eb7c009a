"""How much memory a training needs at least, and how much there is."""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

from ebbflow.core.errors import ArgumentError

FLOAT_BYTES = 4
COPIES = 3  # of every parameter: itself and the two averages of its gradient that Adam keeps


def require_memory(widths: Sequence[int], batch_size: int) -> None:
    """Raise ArgumentError if a network of dense layers of these widths, inputs first, cannot be trained here."""
    needed = needed_memory(widths, batch_size)
    if needed > (free := free_memory()):
        raise ArgumentError(
            f"--hidden {','.join(map(str, widths[1:-1]))}: expected a network that fits into the {_megabytes(free)} of "
            f"free memory, got one that needs {_megabytes(needed)} or more ({count_parameters(widths):,} parameters, "
            f"batches of {batch_size}); choose smaller widths"
        )


def needed_memory(widths: Sequence[int], batch_size: int) -> int:
    """Bytes that training takes at least: of all parameters, and of a value per unit and row of the batch."""
    return FLOAT_BYTES * (COPIES * count_parameters(widths) + batch_size * sum(widths))


def count_parameters(widths: Sequence[int]) -> int:
    """Weights and biases of dense layers of widths n_0 ... n_L: sum (n_(l-1) + 1) n_l."""
    return sum((before + 1) * after for before, after in zip(widths, widths[1:], strict=False))


def free_memory() -> float:
    """Bytes that this process may still use; infinite where the system does not say."""
    limits = [math.inf]
    if (information := Path("/proc/meminfo")).exists():
        available = re.search(r"MemAvailable: +(\d+) kB", information.read_text())
        limits += [1024 * int(available[1])] if available else []
    elif hasattr(os, "sysconf"):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if (group := Path("/sys/fs/cgroup/memory.max")).exists() and (limit := group.read_text().strip()).isdigit():
        limits.append(int(limit))  # of a container
    return min(limits)


def _megabytes(count: float) -> str:
    return f"{int(count) // 10**6:,} MB"
