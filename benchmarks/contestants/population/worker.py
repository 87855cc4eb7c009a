"""Contestants in processes of their own, which take turns on one crowd."""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.common import cores, in_turn
from benchmarks.contestants.population.problem import Crowd
from benchmarks.contestants.problem import loss
from benchmarks.contestants.process import fresh_process
from benchmarks.contestants.worker import PAUSE, Entry, Outcome
from benchmarks.peak import peak_flops


@dataclass
class Here:
    """What lives in a contestant's process: it, and the weights that it last gave back."""

    contestant: Any = None
    trained: Any = None


_here = Here()


def begin(entry: Entry, crowd: Crowd) -> dict[str, str]:
    """Make the contestant, warmed up, in this process; its label, or why it is left out."""
    module, variant = entry
    try:
        module = importlib.import_module(f"benchmarks.contestants.population.{module}")
    except ModuleNotFoundError as error:
        return {"skipped": f"{error.name} is not installed"}
    _here.contestant = module.Contestant(crowd, variant)
    return {"label": _here.contestant.label}


def measure() -> float:
    """Seconds per network and step, from the call to all weights back, the making of the networks included."""
    contestant = _here.contestant
    time.sleep(PAUSE)
    _here.trained = None  # a user has the weights of one training
    start = time.perf_counter()
    _here.trained = contestant.train()
    seconds = time.perf_counter() - start
    return seconds / (len(contestant.members) * contestant.crowd.epochs * contestant.crowd.network.steps)


def reached() -> float:
    """The mean loss of the members of least and greatest rate, whom every contestant has, after a measurement."""
    crowd, trained = _here.contestant.crowd, _here.trained
    return (loss(crowd.network, trained[0]) + loss(crowd.network, trained[-1])) / 2


@contextmanager
def started(entry: Entry, crowd: Crowd) -> Iterator[tuple[ProcessPoolExecutor, dict[str, str]]]:
    """The process of a contestant, and what it says about itself."""
    with fresh_process() as process:
        yield process, process.submit(begin, entry, crowd).result()


def measuring(process: ProcessPoolExecutor) -> Callable[[], float]:
    return lambda: process.submit(measure).result()


def compete(crowd: Crowd, entries: Sequence[Entry], rounds: int) -> Outcome:
    """Start the contestants one after another, then measure them in turn; times are per network and step."""
    with ExitStack() as stack:
        workers = {entry: stack.enter_context(started(entry, crowd)) for entry in entries}
        there = {entry: process for entry, (process, about) in workers.items() if "label" in about}
        peaks = {threads: partial(peak_flops, threads) for threads in {1, cores()}}
        measured = in_turn({entry: measuring(process) for entry, process in there.items()} | peaks, rounds)
        losses = {entry: process.submit(reached).result() for entry, process in there.items()}
    return Outcome(
        crowd.network,
        times={entry: measured[entry] for entry in there},
        labels={entry: workers[entry][1]["label"] for entry in there},
        losses=losses,
        skipped=[
            f"left out: {' '.join(entry)}: {about['skipped']}"
            for entry, (_, about) in workers.items()
            if "skipped" in about
        ],
        peaks={threads: measured[threads] for threads in peaks},
    )
