"""How fast is training from a file on disk that is larger than the memory that the process may use?

The rows lie in a memory-mapped .npy file, as float32 or as uint8 that the network's first layer scales. The process
is limited by RLIMIT_DATA, which counts what it holds for itself (heap, arenas, stacks) and not mapped files: their
pages belong to the system, which keeps as many as there is room for and takes them back when it needs them. They were
all in its cache here, so the disk is not measured.
"""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common import OF_OURS, Options, Table, cores, in_turn, ratio, show, target
from benchmarks.contestants.process import fresh_process, in_fresh_process

SIZES, BATCH = (784, 128, 10), 128
LIMIT = 200_000_000  # bytes
TIMES, QUICK_TIMES = 4, 2  # the file is so many times larger
ROUNDS, QUICK_ROUNDS = 3, 1
TORCH_STEPS = 400  # its rate is taken from so many batches, not from whole epochs
SLICE = 10_000  # rows written at once

Contestant = tuple[str, bool]  # library, whether its rows are mapped


def write(path: Path, dtype: str, size: int) -> int:
    """Made-up pixels as a .npy file of about `size` bytes; returns the number of rows."""
    rows = size // (SIZES[0] * np.dtype(dtype).itemsize)
    random = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (rows, SIZES[0]))
    for start in range(0, rows, SLICE):
        pixels = random.integers(0, 256, file[start : start + SLICE].shape, np.uint8)
        file[start : start + SLICE] = pixels if dtype == "uint8" else pixels * np.float32(1 / 255)
    file.flush()
    return rows


def rows_of(path: Path, mapped: bool) -> tuple[np.ndarray, np.ndarray]:
    """(x mapped or in memory, labels)."""
    x = np.load(path, mmap_mode="r")
    return x if mapped else np.array(x), np.random.default_rng(1).integers(0, SIZES[-1], len(x), np.int32)


def limit() -> None:
    """Keep this process to LIMIT from here on."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))


def held_bytes() -> int:
    """What RLIMIT_DATA counts, by Linux's account."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmData"].split()[0]) * 1024


class WithEbbflow:
    """Whole epochs, each the one of a fit; what comes before an epoch begins is not counted (compiling, and a look at
    the numbers of an array in memory)."""

    def __init__(self, path: Path, mapped: bool) -> None:
        import ebbflow as ebb

        if mapped:
            limit()
        self.x, self.y = rows_of(path, mapped)
        scaling = [ebb.layers.Rescaling(1 / 255)] if self.x.dtype == np.uint8 else []
        hidden = ebb.layers.Dense(SIZES[1], activation="relu")
        self.model = ebb.Sequential([ebb.Input((SIZES[0],)), *scaling, hidden, ebb.layers.Dense(SIZES[2])])
        self.model.compile("adam", ebb.losses.SparseCategoricalCrossentropy(from_logits=True))
        self.clock = ebb.callbacks.LambdaCallback(on_epoch_begin=self._begin, on_epoch_end=self._end)

    def _begin(self, *_: object) -> None:
        self.start = time.perf_counter()

    def _end(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.start

    def seconds_per_row(self) -> float:
        self.model.fit(self.x, self.y, batch_size=BATCH, verbose=0, callbacks=self.clock)
        return self.seconds / len(self.x)


class WithTorch:
    """Batches read by index, on the faster of one thread and all; without the limit, for PyTorch alone holds more."""

    def __init__(self, path: Path, mapped: bool) -> None:
        import torch

        self.x, y = rows_of(path, mapped)
        self.y = torch.from_numpy(y).long()
        self.in_memory = None if mapped else torch.from_numpy(self.x)
        self.model = torch.nn.Sequential(torch.nn.Linear(*SIZES[:2]), torch.nn.ReLU(), torch.nn.Linear(*SIZES[1:]))
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        self.threads = 0

    def seconds_per_row(self) -> float:
        if self.threads:
            return self._seconds_per_row(self.threads)
        times = {threads: self._seconds_per_row(threads) for threads in sorted({1, cores()})}
        self.threads = min(times, key=times.__getitem__)
        return times[self.threads]

    def _seconds_per_row(self, threads: int) -> float:
        import torch

        torch.set_num_threads(threads)
        batches = torch.randperm(len(self.x))[: TORCH_STEPS * BATCH].split(BATCH)
        start = time.perf_counter()
        for rows in batches:
            self._step(rows)
        return (time.perf_counter() - start) / (len(batches) * BATCH)

    def _step(self, rows: Any) -> None:
        import torch

        if self.in_memory is None:
            batch = torch.from_numpy(self.x[rows.numpy()])
        else:
            batch = self.in_memory.index_select(0, rows)
        if batch.dtype == torch.uint8:
            batch = batch.float() / 255
        self.optimizer.zero_grad()
        torch.nn.functional.cross_entropy(self.model(batch), self.y.index_select(0, rows)).backward()
        self.optimizer.step()


LIBRARIES: dict[str, Any] = {"ebbflow": WithEbbflow, "torch": WithTorch}


@cache
def started(library: str, path: Path, mapped: bool) -> Any:
    """In a process of its own."""
    return LIBRARIES[library](path, mapped)


def seconds_per_row(library: str, path: Path, mapped: bool) -> float:
    return started(library, path, mapped).seconds_per_row()


def copied(path: Path) -> str:
    """What comes of reading the file into memory under the limit: it shows that the limit holds."""
    limit()
    try:
        return f"{len(rows_of(path, mapped=False)[0]):,} rows were read"
    except MemoryError:
        return "MemoryError"


def compare(path: Path, dtype: str, times: int, rounds: int) -> Table:
    rows = in_fresh_process(write, path, dtype, times * LIMIT)
    with path.open("rb") as file:  # so that all of it is in the system's cache
        while file.read(1 << 24):
            pass
    ending = in_fresh_process(copied, path)
    first, later, held = measured(path, rounds)
    lines = [line(one, first[one][0], later[one], held[one], later["ebbflow", one[1]]) for one in later]
    slower = ratio(later["ebbflow", True], later["ebbflow", False])
    notes = [
        target(f"ebbflow, {dtype}: time per row mapped and limited / in memory", slower, at_most=1.3),
        f"reading the whole file into memory under the limit ends with: {ending}",
        "ratios compare mapped with mapped and in memory with in memory",
        *(f"left out: {library}, which is not installed" for library in LIBRARIES if not find_spec(library)),
    ]
    title = f"{dtype}, {rows:,} rows of {SIZES[0]}, {times} times a limit of {LIMIT / 1e6:.0f} MB"
    heads = ["", "us per row, first pass", "later", "rows per s, later", "MB held", f"time {OF_OURS}"]
    return Table(f"{title}; {'-'.join(map(str, SIZES))}, batch {BATCH}, Adam", heads, lines, notes)


Times = dict[Contestant, list[float]]


def measured(path: Path, rounds: int) -> tuple[Times, Times, dict[Contestant, int]]:
    """(seconds per row in the first pass, in later ones, bytes held in the end), all contestants in turn."""
    contestants = [(library, mapped) for library in LIBRARIES if find_spec(library) for mapped in (False, True)]
    with ExitStack() as stack:
        processes = {one: stack.enter_context(fresh_process()) for one in contestants}

        def once(one: Contestant) -> float:
            library, mapped = one
            return processes[one].submit(seconds_per_row, library, path, mapped).result()

        turns = {one: partial(once, one) for one in contestants}
        first, later = in_turn(turns, 1), in_turn(turns, rounds)
        return first, later, {one: processes[one].submit(held_bytes).result() for one in contestants}


def line(one: Contestant, first: float, later: list[float], held: int, ours: list[float]) -> list[str]:
    library, mapped = one
    limited = f"mapped, at most {LIMIT / 1e6:.0f} MB" if library == "ebbflow" else "mapped, no limit"
    seconds = median(later)
    cells = [f"{first * 1e6:.2f}", f"{seconds * 1e6:.2f}", f"{1 / seconds:,.0f}", f"{held / 1e6:.0f}"]
    return [f"{library}, {limited if mapped else 'in memory, no limit'}", *cells, f"{ratio(later, ours):.2f}"]


def tables(options: Options) -> Iterator[Table]:
    if not Path("/proc/self/status").exists():
        yield Table("Mapped files", [], [], ["left out: the limit, and the account of what it counts, are Linux's"])
        return
    # The second: NumPy's products, which are not used here, would set memory aside for every core.
    os.environ |= {"EBBFLOW_CACHE": "", "OPENBLAS_NUM_THREADS": "1"}
    times, rounds = (QUICK_TIMES, QUICK_ROUNDS) if options.quick else (TIMES, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("float32", "uint8"):
            path = Path(folder) / f"{dtype}.npy"
            yield compare(path, dtype, times, rounds)
            path.unlink()


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
