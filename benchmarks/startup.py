"""How long does a user wait before anything happens: import, the first trained step, a solved problem, the help text?

Whole processes are timed from outside, a first step also from inside. `cold` means that no machine code is cached,
`warm` that another process has compiled the same network before. Peers have no such cache by default.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from benchmarks.common import ROOT, Options, Table, in_turn, ratio, show, target

IMPORTS = ("numpy", "ebbflow", "sklearn.neural_network", "jax", "torch")

# A new network of three layers, one step of training; prints the seconds from its first line on, imports done.
EBBFLOW_STEP = """
import time, numpy, ebbflow
from ebbflow import Sequential, layers
x, y = numpy.ones((64, 64), "float32"), numpy.ones((64, 1), "float32")
start = time.perf_counter()
hidden = [layers.Dense(128, activation="relu"), layers.Dense(64, activation="relu")]
model = Sequential([ebbflow.Input((64,)), *hidden, layers.Dense(1)])
model.compile("adam", "mse")
model.{call}
print(time.perf_counter() - start)
"""
TORCH_STEP = """
import time, torch
x, y = torch.ones(64, 64), torch.ones(64, 1)
start = time.perf_counter()
one, two, three = torch.nn.Linear(64, 128), torch.nn.Linear(128, 64), torch.nn.Linear(64, 1)
model = torch.nn.Sequential(one, torch.nn.ReLU(), two, torch.nn.ReLU(), three)
optimizer = torch.optim.Adam(model.parameters())
torch.nn.functional.mse_loss(model(x), y).backward()
optimizer.step()
print(time.perf_counter() - start)
"""
JAX_STEP = """
import time, jax, jax.numpy as jnp
from benchmarks.contestants import with_jax
from benchmarks.contestants.problem import Network
start = time.perf_counter()
with_jax.Contestant(Network((64, 128, 64, 1), 64, "Adam", 1), "scan").train(1)
print(time.perf_counter() - start)
"""
# The same for a process that has trained another network before, so that nothing is left to be imported: the one call
# of fit makes the optimizer's memory, traces, compiles or finds the code, and does a step.
NEW_SHAPE = """
import time, numpy, ebbflow
from ebbflow import Sequential, layers

def seconds_of_fit(rows, features, *units):
    x, y = numpy.ones((rows, features), "float32"), numpy.zeros(rows, "int32")
    hidden = [layers.Dense(count, activation="relu") for count in units[:-1]]
    model = Sequential([ebbflow.Input((features,)), *hidden, layers.Dense(units[-1])])
    model.compile("adam", ebbflow.losses.SparseCategoricalCrossentropy(from_logits=True))
    start = time.perf_counter()
    model.fit(x, y, batch_size=rows, verbose=0)
    return time.perf_counter() - start

seconds_of_fit(8, 3, 5, 2)
print(seconds_of_fit(64, 64, 128, 64, 10))
"""
# A whole problem: every prediction must be right, or the process fails.
XOR = """
import numpy, ebbflow
x = numpy.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
y = numpy.array([[0], [1], [1], [0]], "float32")
ebbflow.set_random_seed(1)
hidden, output = ebbflow.layers.Dense(8, activation="tanh"), ebbflow.layers.Dense(1)
model = ebbflow.Sequential([ebbflow.Input((2,)), hidden, output])
model.compile(ebbflow.optimizers.Adam(0.05), ebbflow.losses.BinaryCrossentropy(from_logits=True))
model.fit(x, y, batch_size=4, epochs=200, verbose=0)
assert ((model.predict(x, verbose=0) > 0) == y).all()
"""
VOCABULARY = "from ebbflow import Sequential, layers"
FIT, BATCH = "fit(x, y, batch_size=64, verbose=0)", "train_on_batch(x, y)"
Run = Callable[[], float]


def run(arguments: list[str], cache: str) -> tuple[float, str]:
    """(seconds of a whole Python process, what it printed)."""
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    environment = os.environ | {"EBBFLOW_CACHE": cache}
    result = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - start, result.stdout


def whole(arguments: list[str], cache: str) -> Run:
    return lambda: run(arguments, cache)[0]


def whole_program(program: str, cache: str) -> Run:
    return whole(["-c", program], cache)


def inside(program: str, cache: str) -> Run:
    return lambda: float(run(["-c", program], cache)[1])


def cold(measure: Callable[[str], Run]) -> Run:
    """The same with an empty cache each time."""

    def measured() -> float:
        with tempfile.TemporaryDirectory() as empty:
            return measure(empty)()

    return measured


def questions(cache: str) -> dict[str, Run]:
    """Everything measured, by name; `cache` is a folder for the warm ones."""
    asked: dict[str, Run] = {"Python alone": whole(["-c", "pass"], cache)}
    for name in filter(installed, IMPORTS):
        asked[f"import {name}"] = whole(["-c", f"import {name}"], cache)
    asked[VOCABULARY] = whole(["-c", VOCABULARY], cache)
    asked["ebbflow --help"] = whole(["-m", "ebbflow", "--help"], cache)
    for name, call in (("train_on_batch", BATCH), ("fit", FIT)):
        asked |= cold_and_warm(f"first step, {name}", inside, EBBFLOW_STEP.replace("{call}", call), cache)
    asked |= cold_and_warm(
        "process with first step, ebbflow", whole_program, EBBFLOW_STEP.replace("{call}", FIT), cache
    )
    asked |= cold_and_warm("fit of a new shape, trace to running code", inside, NEW_SHAPE, cache)
    asked |= cold_and_warm("process that learns XOR, ebbflow", whole_program, XOR, cache)
    for name, program in (("torch", TORCH_STEP), ("jax", JAX_STEP)):
        if installed(name):
            asked[f"first step, {name}"] = inside(program, cache)
            asked[f"process with first step, {name}"] = whole_program(program, cache)
    return asked


def cold_and_warm(name: str, measure: Callable[[str, str], Run], program: str, cache: str) -> dict[str, Run]:
    return {f"{name}, cold": cold(partial(measure, program)), f"{name}, warm": measure(program, cache)}


def installed(module: str) -> bool:
    return importlib.util.find_spec(module.split(".")[0]) is not None


def tables(options: Options) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as cache:
        asked = questions(cache)
        in_turn(asked, 1)  # fills the caches: files, byte code, machine code
        measured = in_turn(asked, 3 if options.quick else 9)
    numpy = measured["import numpy"]
    rows = []
    for name, times in measured.items():
        cells = [f"{seconds * 1e3:.0f}" for seconds in (statistics.median(times), min(times), max(times))]
        rows.append([name, *cells, f"{ratio(times, numpy):.2f}"])
    notes = [f"left out: {name}, which is not installed" for name in IMPORTS if not installed(name)]
    yield Table("Waiting", ["", "median, ms", "least", "most", "/ import numpy"], rows, notes + targets(measured))


def targets(measured: Mapping[str, list[float]]) -> list[str]:
    """What was wanted, beside what came; times are medians."""
    numpy = measured["import numpy"]
    bounds = {
        "process that learns XOR, ebbflow, warm": 0.35,
        "fit of a new shape, trace to running code, cold": 0.15,
        "fit of a new shape, trace to running code, warm": 0.015,
    }
    times = [
        target(f"{name}, seconds", statistics.median(measured[name]), at_most=bound) for name, bound in bounds.items()
    ]
    imports = ratio(measured["import ebbflow"], numpy)
    return [
        target("import ebbflow / import numpy", imports, at_most=1.5),
        f"`import ebbflow` loads what is used when it is first used: a script that begins with `{VOCABULARY}` takes "
        f"{ratio(measured[VOCABULARY], numpy):.2f} times import numpy",
        *times,
    ]


def main() -> None:
    show(tables, __doc__)


if __name__ == "__main__":
    main()
