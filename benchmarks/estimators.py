"""Do MLPClassifier and MLPRegressor do what scikit-learn's do, and how much sooner?

Equal settings, scikit-learn's defaults, on the tables that come with it, standardized; for each seed another split
into rows to train on and to test on, the same for both. A time is that of `fit`, the median over the seeds. "first" is
the first fit of a process whose machine code is on disk already: it reads its libraries and traces the network, as all
later ones need not.
"""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from statistics import mean, median, stdev
from typing import Any

from benchmarks.common import ROOT, Options, Table, show, target

SEEDS = 10
PAUSE = 0.25  # seconds; until then, threads of the other library's products may wait for more by turning in a loop
DATA = ("digits", "breast_cancer", "wine", "diabetes")
SOLVERS = ("adam", "sgd", "lbfgs")
FIRST = """
import sys, time, warnings
warnings.simplefilter("ignore")
from benchmarks.estimators import problem
make, rows = problem(sys.argv[1], sys.argv[2], 0)
one = make(sys.argv[3])
start = time.perf_counter()
one.fit(*rows[0])
print(time.perf_counter() - start)
"""
Rows = tuple[Any, Any]


def problem(name: str, solver: str, seed: int) -> tuple[Callable[[str], Any], tuple[Rows, Rows]]:
    """(a function that makes the estimator of a module, rows to train on and to test on)."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    is_number = name == "diabetes"
    train_x, test_x, train_y, test_y = train_test_split(x, y, random_state=seed, stratify=None if is_number else y)
    scaler = StandardScaler().fit(train_x)
    train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
    if is_number:
        train_y, test_y = ((part - y.mean()) / y.std() for part in (train_y, test_y))
    kind = "MLPRegressor" if is_number else "MLPClassifier"
    rate = 0.01 if solver == "sgd" else 0.001

    def make(module: str) -> Any:
        estimator = getattr(__import__(module, fromlist=[kind]), kind)
        return estimator(solver=solver, learning_rate_init=rate, random_state=seed)

    return make, ((train_x, train_y), (test_x, test_y))


OURS, THEIRS = "ebbflow.sklearn", "sklearn.neural_network"


def measure(name: str, solver: str, seeds: int) -> dict[str, tuple[list[float], list[float]]]:
    """By module, the test scores and seconds of all seeds, taken in turn."""
    found: dict[str, tuple[list[float], list[float]]] = {OURS: ([], []), THEIRS: ([], [])}
    for seed in range(seeds):
        make, (train, test) = problem(name, solver, seed)
        for module, (scores, seconds) in found.items():
            estimator = make(module)
            time.sleep(PAUSE)
            start = time.perf_counter()
            estimator.fit(*train)
            seconds.append(time.perf_counter() - start)
            scores.append(estimator.score(*test))
    return found


def first(name: str, solver: str, module: str) -> float:
    """Seconds of the first fit of a process, the second process of its kind."""
    command = [sys.executable, "-c", FIRST, name, solver, module]
    results = [subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return float(results[-1].stdout)


def compare(solver: str, options: Options) -> Table:
    heads = ["table", "score", "scikit-learn's", "fit (ms)", "scikit-learn's (ms)", "times as fast", "first fit, times"]
    rows, notes = [], []
    for name in DATA:
        measured = measure(name, solver, 3 if options.quick else SEEDS)
        (ours, our_seconds), (theirs, their_seconds) = measured[OURS], measured[THEIRS]
        faster = median(b / a for a, b in zip(our_seconds, their_seconds, strict=True))
        begun = first(name, solver, THEIRS) / first(name, solver, OURS)
        times = [f"{1e3 * median(seconds):.1f}" for seconds in (our_seconds, their_seconds)]
        scores = [f"{mean(part):.4f}" for part in (ours, theirs)]
        rows.append([name, *scores, *times, f"{faster:.1f}", f"{begun:.1f}"])
        differences = [a - b for a, b in zip(ours, theirs, strict=True)]
        noise = 2 * stdev(differences) / len(differences) ** 0.5
        notes.append(target(f"{name}: score less scikit-learn's", mean(differences), at_least=min(-noise, 0.0)))
        notes.append(target(f"{name}: fit, times as fast", faster, at_least=5))
    return Table(f"Estimators of scikit-learn, solver {solver}", heads, rows, notes)


def tables(options: Options) -> Iterator[Table]:
    if find_spec("sklearn") is None:
        yield Table("Estimators of scikit-learn", [], [], ["left out, since scikit-learn is not installed"])
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a fit has not converged
        for solver in SOLVERS:
            yield compare(solver, options)


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
