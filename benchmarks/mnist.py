"""How long until a network for MNIST is right for 98% of the test images?

784-512-512-10 with ReLU, Adam at 0.001, batches of 128, pixels divided by 255. All libraries start from the same
weights of each seed, each in a fresh process, and train an epoch in turn, so that a slow moment of the machine meets
all of them alike. The clock runs while they train; the accuracy on the test images is computed after each epoch, by the
same lines of NumPy for all, with the clock stopped.
"""

import importlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import OF_OURS, Options, Table, cores, show
from benchmarks.contestants.problem import Data, Network
from benchmarks.contestants.process import fresh_process

NETWORK = Network(sizes=(784, 512, 512, 10), batch=128, optimizer="Adam", steps=468)
WANTED, MOST_EPOCHS = 0.98, 20
SEEDS = 1, 2, 3
TRIAL_STEPS = 40


@dataclass
class Run:
    """One training: the seconds of each epoch, the first of which compiles, and the accuracy after the last."""

    label: str
    seconds: list[float] = field(default_factory=list)
    accuracy: float = 0.0

    @property
    def epochs(self) -> int:
        return len(self.seconds)

    @property
    def ended(self) -> bool:
        return self.accuracy >= WANTED or self.epochs == MOST_EPOCHS

    @property
    def total(self) -> float:
        return sum(self.seconds)

    @property
    def epoch(self) -> float:
        """The seconds of an epoch once everything is compiled."""
        return statistics.median(self.seconds[1:] or self.seconds)

    @property
    def compiled(self) -> float:
        """The seconds without what the first epoch took longer than others."""
        return self.total - max(0.0, self.seconds[0] - self.epoch)


def images(path: Path) -> tuple[Data, Data]:
    """(x, y) to train on and to test: x float32 from 0 to 1, y int32.

    The last rows, which would make a smaller batch, are left out, so that all do the same steps.
    """
    with np.load(path) as file:
        train, test = ((_scaled(file[f"x_{part}"]), file[f"y_{part}"].astype(np.int32)) for part in ("train", "test"))
    return (train[0][: NETWORK.rows], train[1][: NETWORK.rows]), test


def _scaled(pixels: np.ndarray) -> np.ndarray:
    x = pixels.reshape(len(pixels), -1).astype(np.float32)
    x /= 255
    return x


def weights_of(seed: int) -> list[np.ndarray]:
    """W uniform as Glorot and Bengio (2010) chose, b = 0."""
    random, weights = np.random.default_rng(seed), []
    for inputs, outputs in zip(NETWORK.sizes, NETWORK.sizes[1:], strict=False):
        bound = np.sqrt(6 / (inputs + outputs))
        weights += [random.uniform(-bound, bound, (inputs, outputs)).astype(np.float32), np.zeros(outputs, np.float32)]
    return weights


def accuracy(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    for k in range(0, len(weights), 2):
        x = (np.maximum(x, 0) if k else x) @ weights[k] + weights[k + 1]
    return float((x.argmax(axis=1) == y).mean())


def with_ebbflow(examples: Data, seed: int) -> Any:
    module = importlib.import_module("benchmarks.contestants.with_ebbflow")
    contestant = module.Contestant(NETWORK, "fit", examples)
    contestant.model.set_weights(weights_of(seed))
    return contestant


def with_jax(examples: Data, seed: int) -> Any:
    import jax.numpy as jnp

    module = importlib.import_module("benchmarks.contestants.with_jax")
    contestant = module.Contestant(NETWORK, "scan", examples)
    _, *others = contestant.state
    contestant.state = ([jnp.asarray(value) for value in weights_of(seed)], *others)
    contestant.random = np.random.default_rng(seed)
    return contestant


def with_torch(examples: Data, seed: int) -> Any:
    """The faster of one thread and all, and the fastest of its optimizers, found by trying on some batches."""
    import torch

    from benchmarks.contestants import with_torch as module
    from benchmarks.contestants.trial import fastest

    rows = TRIAL_STEPS * NETWORK.batch
    part = examples[0][:rows], examples[1][:rows]
    ways = [(how, threads) for threads in sorted({1, cores()}) for how in module.IMPLEMENTATIONS[NETWORK.optimizer]]
    how, threads = fastest({way: module.Loop(NETWORK, part, *way).train for way in ways})
    torch.manual_seed(seed)
    loop = module.Loop(NETWORK, examples, how, threads)
    with torch.no_grad():
        for parameter, value in zip(loop.model.parameters(), weights_of(seed), strict=True):
            parameter.copy_(torch.from_numpy(value.T.copy()))
    return _Torch(loop, f"PyTorch eager ({how}, {threads} thread{'s' if threads > 1 else ''})")


class _Torch:
    """A loop with the face of the other contestants."""

    def __init__(self, loop: Any, label: str) -> None:
        self.train, self.label, self._model = loop.train, label, loop.model

    def weights(self) -> list[np.ndarray]:
        return [parameter.detach().numpy().T for parameter in self._model.parameters()]


LIBRARIES: dict[str, Callable[[Data, int], Any]] = {"ebbflow": with_ebbflow, "torch": with_torch, "jax": with_jax}


@cache
def started(library: str, seed: int, path: Path) -> tuple[Any, Data]:
    """(a contestant, the images to test it on), in its own process."""
    examples, test = images(path)
    return LIBRARIES[library](examples, seed), test


def label(library: str, seed: int, path: Path) -> str:
    return started(library, seed, path)[0].label


def epoch(library: str, seed: int, path: Path) -> tuple[float, float]:
    """(seconds of an epoch's training, the accuracy after it)."""
    contestant, test = started(library, seed, path)
    start = time.perf_counter()
    contestant.train(1)
    return time.perf_counter() - start, accuracy(contestant.weights(), *test)


def compete(seed: int, path: Path) -> dict[str, Run]:
    """Each library in a process of its own, an epoch at a time in turn, until all have reached WANTED or given up."""
    with ExitStack() as stack:
        processes = {library: stack.enter_context(fresh_process()) for library in installed()}
        runs = {
            library: Run(process.submit(label, library, seed, path).result()) for library, process in processes.items()
        }
        while going := [library for library, run in runs.items() if not run.ended]:
            for library in going:
                seconds, runs[library].accuracy = processes[library].submit(epoch, library, seed, path).result()
                runs[library].seconds.append(seconds)
    return runs


@cache
def installed() -> list[str]:
    return [library for library in LIBRARIES if find_spec(library)]


def tables(options: Options) -> Iterator[Table]:
    if options.data is None:
        yield Table("MNIST", [], [], ["left out: it needs the images; give --data FILE.npz"])
        return
    os.environ["EBBFLOW_CACHE"] = ""  # compiles each time
    seeds = SEEDS[:1] if options.quick else SEEDS
    competitions = [compete(seed, options.data) for seed in seeds]
    runs = {library: [runs[library] for runs in competitions] for library in installed()}
    heads = ["", "epochs, by seed", "seconds, with compiling", "without", "seconds per epoch", "accuracies reached"]
    rows = [row(many, runs["ebbflow"]) for many in runs.values()]
    ratios = [f"time, with compiling {OF_OURS}", f"time per epoch {OF_OURS}"]
    yield Table(f"MNIST to {WANTED:.0%}: {NETWORK.name}, batch {NETWORK.batch}", heads + ratios, rows, notes())


def row(runs: list[Run], ours: list[Run]) -> list[str]:
    def median(what: Callable[[Run], float], of: list[Run] = runs) -> float:
        return statistics.median(map(what, of))

    def total(run: Run) -> float:
        return run.total

    def epoch(run: Run) -> float:
        return run.epoch

    return [
        runs[0].label,
        ", ".join(str(run.epochs) if run.accuracy >= WANTED else f"more than {run.epochs}" for run in runs),
        f"{median(total):.2f}",
        f"{median(lambda run: run.compiled):.2f}",
        f"{median(epoch):.3f}",
        ", ".join(f"{run.accuracy:.2%}" for run in runs),
        f"{median(total) / median(total, ours):.2f}",
        f"{median(epoch) / median(epoch, ours):.2f}",
    ]


def notes() -> list[str]:
    return [
        "seconds are medians over the seeds; without compiling: the first epoch counted as what the others took",
        "each library draws its own orders of rows, so the number of epochs is partly luck, the time of one is not",
        f"an epoch is {NETWORK.steps} batches; the rows that would make a smaller one are left out for all",
        "ebbflow compiles with an empty cache, sums up the loss, and looks for numbers that are not finite",
        *(f"left out: {library}, which is not installed" for library in LIBRARIES if library not in installed()),
    ]


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
