"""How long does a user wait before anything happens: import, the first trained step, the help text?

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
from collections.abc import Callable
from functools import partial

from benchmarks.common import ROOT, arguments, in_turn, print_machine, print_table, ratio

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
    for name in installed(IMPORTS):
        asked[f"import {name}"] = whole(["-c", f"import {name}"], cache)
    # `import ebbflow` loads what is used when it is first used, so what a script needs is shown too.
    asked["import ebbflow's Sequential, layers"] = whole(["-c", "from ebbflow import Sequential, layers"], cache)
    asked["ebbflow --help"] = whole(["-m", "ebbflow", "--help"], cache)
    for name, call in (("train_on_batch", BATCH), ("fit", FIT)):
        program = EBBFLOW_STEP.replace("{call}", call)
        asked[f"first step, {name}, cold"] = cold(partial(inside, program))
        asked[f"first step, {name}, warm"] = inside(program, cache)
    program = EBBFLOW_STEP.replace("{call}", FIT)
    asked["process with first step, ebbflow, cold"] = cold(partial(whole, ["-c", program]))
    asked["process with first step, ebbflow, warm"] = whole(["-c", program], cache)
    for name, program in (("torch", TORCH_STEP), ("jax", JAX_STEP)):
        if installed((name,)):
            asked[f"first step, {name}"] = inside(program, cache)
            asked[f"process with first step, {name}"] = whole(["-c", program], cache)
    return asked


def installed(names: tuple[str, ...]) -> list[str]:
    """Those that are there; the others are named on standard output."""
    found = [name for name in names if importlib.util.find_spec(name.split(".")[0])]
    for name in set(names) - set(found):
        print(f"skipped {name}: it is not installed")
    return found


def main() -> None:
    options = arguments(__doc__)
    print_machine()
    with tempfile.TemporaryDirectory() as cache:
        asked = questions(cache)
        in_turn(asked, 1)  # fills the caches: files, byte code, machine code
        measured = in_turn(asked, 3 if options.quick else 15)
    numpy = measured["import numpy"]
    rows = []
    for name, times in measured.items():
        cells = [f"{seconds * 1e3:.0f}" for seconds in (statistics.median(times), min(times), max(times))]
        rows.append([name, *cells, f"{ratio(times, numpy):.2f}"])
    print_table(["", "median, ms", "least", "most", "/ import numpy"], rows)


if __name__ == "__main__":
    main()
