"""How much memory does training take at most, beyond the data themselves?

784-512-512-10 with Adam in batches of 128, on float32 rows like those of MNIST, a few epochs in a fresh process. Every
library is given the same array, read from a file into memory that it may use as it lies (aligned to 64 bytes).
"""

import importlib
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import OF_OURS, Options, Table, cores, show, target
from benchmarks.contestants.problem import Data, Network
from benchmarks.contestants.process import in_fresh_process
from benchmarks.mnist import NETWORK, images

TINY = Network(sizes=(2, 8, 1), batch=4, optimizer="Adam", steps=10)
EPOCHS = 2
ALIGNMENT = 64
MEGABYTE = 1e6


@dataclass(frozen=True)
class Peak:
    """What a process needed: the most resident bytes, and what ebbflow's memory() says that it holds."""

    bytes: int
    held: dict[str, int] = field(default_factory=dict)


def peak_bytes() -> int:
    """The most memory of this process that was resident at once.

    Linux says it of the program that runs now; ru_maxrss may be that of the process which started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def write(folder: Path, data: Path | None, rows: int) -> None:
    """MNIST's rows, or made-up ones of the same shape, as plain files (in a process of its own: it is not measured)."""
    if data is not None:
        (x, y), _ = images(data)
    else:
        random = np.random.default_rng(0)
        x = random.random((rows, NETWORK.sizes[0]), dtype=np.float32)
        y = random.integers(0, NETWORK.sizes[-1], rows, dtype=np.int32)
    x[:rows].tofile(folder / "x")
    y[:rows].tofile(folder / "y")


def read(folder: Path, rows: int) -> Data:
    return _read(folder / "x", (rows, NETWORK.sizes[0]), np.float32), _read(folder / "y", (rows,), np.int32)


def _read(path: Path, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A file read straight into aligned memory, without another copy on the way."""
    size = path.stat().st_size
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    with path.open("rb", buffering=0) as file:
        view = memory[start : start + size].data
        while view:
            view = view[file.readinto(view) :]
    return memory[start : start + size].view(dtype).reshape(shape)


def with_ebbflow(folder: Path, rows: int) -> Peak:
    contestant = importlib.import_module("benchmarks.contestants.with_ebbflow").Contestant(
        NETWORK, "fit", read(folder, rows)
    )
    contestant.train(EPOCHS)
    return Peak(peak_bytes(), contestant.model.memory(print_fn=None))


def with_torch(folder: Path, rows: int) -> Peak:
    module = importlib.import_module("benchmarks.contestants.with_torch")
    module.Loop(NETWORK, read(folder, rows), "fused", cores()).train(EPOCHS)
    return Peak(peak_bytes())


def with_jax(folder: Path, rows: int) -> Peak:
    import jax

    examples = tuple(map(jax.device_put, read(folder, rows)))  # uses the arrays as they lie, unlike jnp.asarray
    module = importlib.import_module("benchmarks.contestants.with_jax")
    module.Contestant(NETWORK, "scan", examples).train(EPOCHS)
    return Peak(peak_bytes())


def with_nothing() -> Peak:
    """The interpreter with ebbflow and its compiler, a tiny network trained."""
    importlib.import_module("benchmarks.contestants.with_ebbflow").Contestant(TINY, "fit").train(EPOCHS)
    return Peak(peak_bytes())


ALONE = "a tiny network, compiled", "a tiny network, from the cache"
PEERS = {"PyTorch eager": ("torch", with_torch), "JAX, a scan": ("jax", with_jax)}


def measured(folder: Path, rows: int) -> dict[str, Peak]:
    """Everything, by name; machine code compiled, and found in the cache."""
    ask: Callable[..., Peak] = in_fresh_process
    alone, trained = partial(ask, with_nothing), partial(ask, with_ebbflow, folder, rows)
    os.environ["EBBFLOW_CACHE"] = ""
    peaks = {ALONE[0]: alone(), "ebbflow, compiled": trained()}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["EBBFLOW_CACHE"] = cache
        alone(), trained()
        peaks |= {ALONE[1]: alone(), "ebbflow, from the cache": trained()}
    for name, (library, function) in PEERS.items():
        if find_spec(library):
            peaks[name] = ask(function, folder, rows)
    return peaks


def tables(options: Options) -> Iterator[Table]:
    rows = NETWORK.rows // 4 if options.quick else NETWORK.rows
    rows -= rows % NETWORK.batch
    data = rows * 4 * (NETWORK.sizes[0] + 1)
    with tempfile.TemporaryDirectory() as folder:
        in_fresh_process(write, Path(folder), options.data, rows)
        peaks = measured(Path(folder), rows)
    ours = peaks["ebbflow, compiled"]
    lines = []
    for name, peak in peaks.items():
        beyond = "" if name in ALONE else f"{(peak.bytes - data) / MEGABYTE:.0f}"
        against = f"{peak.bytes / ours.bytes:.2f}" if name in PEERS or peak is ours else ""
        lines.append([name, f"{peak.bytes / MEGABYTE:.0f}", beyond, against])
    title = f"Most resident memory while {NETWORK.name} is trained, batch {NETWORK.batch}, Adam"
    heads = ["", "MB", "MB beyond the data", f"memory {OF_OURS}"]
    yield Table(title, heads, lines, notes(options, rows, data, peaks))
    held = [[name, f"{size / MEGABYTE:.2f}"] for name, size in ours.held.items()]
    yield Table("What model.memory() says that ebbflow holds", ["", "MB"], held)


def notes(options: Options, rows: int, data: int, peaks: dict[str, Peak]) -> list[str]:
    said = [f"left out: {library}, which is not installed" for library, _ in PEERS.values() if not find_spec(library)]
    said += [
        f"data: {rows:,} rows, {data / MEGABYTE:.0f} MB in float32" + (", made up" if options.data is None else "")
    ]
    for how in ("compiled", "from the cache"):
        peak, alone = peaks[f"ebbflow, {how}"], peaks[f"a tiny network, {how}"]
        total = data + peak.held["total"] + alone.bytes
        said.append(
            target(
                f"ebbflow, {how}: peak / (data + arena + the process of a tiny network)",
                peak.bytes / total,
                at_most=1.3,
            )
        )
    return said


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
