"""How long do many small networks take, each with its own learning rate, first weights and shuffling?

Every library trains the same crowd on the same rows, in a process of its own, taking turns. Times are per network and
step, from the call to all weights back: the making of the networks and the drawing of orders are counted, compiling and
warming up are not. Contestants that train member by member may be measured on some members, of the same rates, since
each takes equally long. `loss` is the mean over the members of least and greatest rate: it shows that all do the same
work. A share of the peak counts the multiplications and additions of the products against the peak of all cores, both
in their best round.

The search counts everything from the start of its process, with no machine code in the cache; scikit-learn's is
measured on a few members. Memory is the most that was resident in a fresh process.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common import OF_OURS, Options, Table, cores, in_turn, ratio, show, target
from benchmarks.contestants.population.problem import Crowd
from benchmarks.contestants.population.worker import compete, measuring, started
from benchmarks.contestants.problem import NETWORKS
from benchmarks.contestants.process import in_fresh_process
from benchmarks.contestants.worker import Entry, Outcome
from benchmarks.memory import MEGABYTE, peak_bytes

OURS = ("with_ebbflow", "fit")
VMAP, BLOCKS, LOOP = ("with_jax", "vmap"), ("with_jax", "blocks"), ("with_jax", "loop")
TORCH, TORCH_AS_IT_COMES = ("with_torch", "loop"), ("with_torch", "loop, as it comes")
SKLEARN = ("with_sklearn", "loop")
CONTESTANTS = (OURS, VMAP, BLOCKS, LOOP, TORCH, TORCH_AS_IT_COMES, SKLEARN)

# How many times ebbflow's time each peer should need; of several peers the fastest counts.
JITTED = VMAP, LOOP
TARGETS: dict[str, dict[tuple[Entry, ...], float]] = {
    "64-128-64-10": {JITTED: 3.3, (TORCH,): 20, (TORCH_AS_IT_COMES,): 20, (SKLEARN,): 12},
    "30-64-32-1": {JITTED: 4, (TORCH,): 20, (TORCH_AS_IT_COMES,): 20, (SKLEARN,): 12},
}
SHARE = {"64-128-64-10": 0.83, "30-64-32-1": None}  # of the peak of all cores
MEMBERS, EPOCHS, ROUNDS = 128, 10, 5

FLAT = "30-64-32-1"
FLAT_MEMBERS, FLAT_EPOCHS, FLAT_ROUNDS, FLATNESS = (8, 64, 512, 4096), 5, 3, 1.15

SEARCH_SECONDS = 15.0
FOLDS, SEARCH_EPOCHS, SEARCH_BATCH, HIDDEN = 5, 50, 32, (64, 32)
PENALTIES, LEARNING_RATES = (0.0, 1e-4, 1e-3), tuple(float(rate) for rate in np.geomspace(3e-4, 3e-2, 8))
SEEDS, FITTED = 8, 8  # FITTED: members of scikit-learn's search that are measured

LARGE = replace(NETWORKS["64-128-64-10"], steps=4)
LARGE_MEMBERS, GIBIBYTES = (100, 10_000), 2.0


def row(outcome: Outcome, entry: Entry) -> list[str]:
    seconds = outcome.seconds(entry)
    return [
        outcome.labels[entry],
        f"{seconds * 1e6:.2f}",
        f"{1 / seconds:,.0f}",
        f"{outcome.ratio(entry, OURS):.2f}",
        f"{outcome.share(entry, cores()):.1%}",
        f"{outcome.losses[entry]:.4g}",
    ]


def targets(outcome: Outcome) -> Iterator[str]:
    name = outcome.network.name
    for peers, wanted in TARGETS[name].items():
        peer = outcome.best(peers)
        if peer is not None:
            what = f"time of {outcome.labels[peer]} / time of {outcome.labels[OURS]}"
            yield target(what, outcome.ratio(peer, OURS), at_least=wanted)
    if SHARE[name] is not None:
        yield target("share of the peak of all cores", outcome.share(OURS, cores()), at_least=SHARE[name])


def compare(name: str, options: Options) -> Table:
    members, epochs, rounds = (32, 4, 2) if options.quick else (MEMBERS, EPOCHS, ROUNDS)
    network = NETWORKS[name]
    outcome = compete(Crowd(network, members, epochs), CONTESTANTS, rounds)
    return Table(
        f"{members} members of {name}, batch {network.batch}, {network.optimizer}, {epochs * network.steps} steps each",
        ["", "us per network and step", "steps per s", f"time {OF_OURS}", "of all cores' peak", "loss"],
        [row(outcome, entry) for entry in outcome.times],
        [*targets(outcome), *outcome.skipped],
    )


def flatness(options: Options) -> Table:
    """The time per network of few and of many."""
    counts, epochs, rounds = (8, 64), 4, 2
    if not options.quick:
        counts, epochs, rounds = FLAT_MEMBERS, FLAT_EPOCHS, FLAT_ROUNDS
    network = NETWORKS[FLAT]
    with ExitStack() as stack:
        crowds = {count: Crowd(network, count, epochs) for count in counts}
        processes = {count: stack.enter_context(started(OURS, crowd))[0] for count, crowd in crowds.items()}
        times = in_turn({count: measuring(process) for count, process in processes.items()}, rounds)
    return flat_table(times, epochs * network.steps)


def flat_table(times: dict[int, list[float]], steps: int) -> Table:
    """`times`: seconds per network and step, round by round, by the number of members."""
    last = times[max(times)]
    rows = [
        [f"ebbflow, {members:,} members", f"{median(own) * steps * 1e3:.3f}", f"{median(own) * 1e6:.2f}"]
        + [f"{ratio(own, last):.2f}"]
        for members, own in times.items()
    ]
    ratios = [ratio(own, last) for own in times.values()]
    return Table(
        f"Populations of several sizes, {FLAT}, {steps:,} steps each",
        ["", "ms per network", "us per network and step", f"time / that of {max(times):,} members"],
        rows,
        [target("time per network: the longest / the shortest", max(ratios) / min(ratios), at_most=FLATNESS)],
    )


# the search


@dataclass(frozen=True)
class Searched:
    """What a search found: how many members it trained, and the mean accuracy that its best setting has."""

    members: int
    accuracy: float


def write_breast_cancer(path: Path) -> None:
    """scikit-learn's data, 569 rows of 30 features, standardized."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    np.savez(path, x=((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32), y=y.astype(np.int32))


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(path) as file:
        return file["x"], file["y"]


def search(path: Path, seeds: int, epochs: int) -> Searched:
    """All of it: folds, seeds and settings, ranked, and the best model."""
    import ebbflow as ebb

    x, y = read(path)

    def build(setting: Any) -> ebb.Sequential:
        penalty = ebb.regularizers.L2(setting.penalty)
        layers = [ebb.layers.Dense(units, "relu", kernel_regularizer=penalty) for units in HIDDEN]
        model = ebb.Sequential([*layers, ebb.layers.Dense(1, "sigmoid")])
        model.compile(ebb.optimizers.Adam(setting.learning_rate), "binary_crossentropy", metrics=["accuracy"])
        return model

    grid = {"learning_rate": LEARNING_RATES, "penalty": PENALTIES}
    population = ebb.Population(build, grid=grid, seeds=seeds)
    population.fit(x, y, SEARCH_BATCH, epochs, folds=FOLDS, verbose=0)
    population.best()
    return Searched(len(population.results), population.summary()[0]["val_accuracy"])


def search_with_sklearn(path: Path, epochs: int) -> float:
    """Seconds per member, of some rates, without the import."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y = read(path)
    start = time.perf_counter()
    for seed, rate in zip(range(FITTED), LEARNING_RATES, strict=False):
        train, test = next(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y))
        model = MLPClassifier(
            HIDDEN,
            batch_size=SEARCH_BATCH,
            learning_rate_init=rate,
            max_iter=epochs,
            n_iter_no_change=epochs + 1,
            random_state=seed,
        )
        model.fit(x[train], y[train]).score(x[test], y[test])
    return (time.perf_counter() - start) / FITTED


@contextmanager
def without_cache() -> Iterator[None]:
    """Processes that are started inside compile all machine code anew."""
    before = os.environ.get("EBBFLOW_CACHE")
    os.environ["EBBFLOW_CACHE"] = ""
    try:
        yield
    finally:
        del os.environ["EBBFLOW_CACHE"]
        if before is not None:
            os.environ["EBBFLOW_CACHE"] = before


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """(seconds of a process that calls the function, from its start to its end, what the function returned)."""
    start = time.perf_counter()
    returned = in_fresh_process(function, *arguments)
    return time.perf_counter() - start, returned


def searches(options: Options) -> Table:
    seeds, epochs = (1, 5) if options.quick else (SEEDS, SEARCH_EPOCHS)
    settings = len(LEARNING_RATES) * len(PENALTIES)
    title = f"Breast cancer, {FOLDS} folds x {seeds} seeds x {settings} settings of 30-64-32-1, {epochs} epochs each"
    if not find_spec("sklearn"):
        return Table(title, [], [], ["left out: scikit-learn, which has the data, is not installed"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "breast_cancer.npz"
        in_fresh_process(write_breast_cancer, path)
        with without_cache():
            seconds, found = timed(search, path, seeds, epochs)
        theirs = in_fresh_process(search_with_sklearn, path, epochs) * found.members
    rows = [
        ["ebbflow, Population", f"{seconds:.2f}", "1.00", f"{found.accuracy:.1%}"],
        [f"scikit-learn ({FITTED} members measured)", f"{theirs:.2f}", f"{theirs / seconds:.2f}", ""],
    ]
    said = [] if options.quick else [target("seconds of the whole search", seconds, at_most=SEARCH_SECONDS)]
    return Table(title, ["", "s", f"time {OF_OURS}", "accuracy of the best setting"], rows, said)


# memory


def peak_of(members: int) -> tuple[int, int]:
    """(the most bytes resident while so many are trained, the bytes of their weights)."""
    from benchmarks.contestants.population.with_ebbflow import Contestant

    trained = Contestant(Crowd(LARGE, members, 1), "fit").train()
    return peak_bytes(), sum(array.nbytes for weights in trained for array in weights)


def memory(options: Options) -> Table:
    counts = (50, 200) if options.quick else LARGE_MEMBERS
    peaks = {members: in_fresh_process(peak_of, members) for members in counts}
    rows = [
        [f"ebbflow, {members:,} members", f"{peak / MEGABYTE:.0f}", f"{weights / MEGABYTE:.0f}"]
        for members, (peak, weights) in peaks.items()
    ]
    most, few = max(counts), min(counts)
    growth = (peaks[most][0] - peaks[few][0]) / (peaks[most][1] - peaks[few][1])
    said = [f"each further member takes {growth:.2f} times the bytes of its weights"]
    if not options.quick:
        gibibytes = peaks[most][0] / 2**30
        said.append(target(f"GiB resident with {most:,} members", gibibytes, at_most=GIBIBYTES))
    return Table(f"Most resident memory, {LARGE.name}", ["", "MB", "MB of trained weights"], rows, said)


def tables(options: Options) -> Iterator[Table]:
    for name in TARGETS:
        yield compare(name, options)
    yield flatness(options)
    yield searches(options)
    yield memory(options)


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
