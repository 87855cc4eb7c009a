"""Executors: members trained in other threads and processes, by Dask and by MPI, are bit for bit those trained here."""

import contextlib
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebbflow.core.errors import ArgumentError
from ebbflow.population import Population, SuccessiveHalving
from ebbflow.training.population import away
from ebbflow.training.population.away import WorkerError
from tests.training.conftest import same_bits
from tests.training.population.models import build

ROOT = Path(__file__).parents[3]
RANDOM = np.random.default_rng(5)
X = RANDOM.standard_normal((104, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
MEMBERS = [{"rate": float(rate)} for rate in np.geomspace(1e-4, 1e-1, 4)]
# Members pause after one epoch, which sends their state to and fro.
FIT: dict[str, Any] = {"batch_size": 20, "epochs": 4, "folds": 2, "verbose": 0}
FIT |= {"search": SuccessiveHalving(factor=2, min_epochs=1)}


def population(builder: Any = build, **arguments: Any) -> Population:
    """Sixteen members, trained from the same data by everyone."""
    return Population(builder, members=MEMBERS, seeds=2).fit(X, Y, **(FIT | arguments))


def state(pop: Population) -> Any:
    """All that came of a population."""
    numbers = pop.results["member"]
    return list(pop.results), [pop.history(number) for number in numbers], [pop.weights(number) for number in numbers]


def equal(one: Any, other: Any) -> bool:
    return one[:2] == other[:2] and all(same_bits(*pair) for pair in zip(one[2], other[2], strict=True))


@contextlib.contextmanager
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


@contextlib.contextmanager
def dask() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install distributed")
    import dask

    once = {"distributed.scheduler.allowed-failures": 0}  # else it tries on three more workers
    with (
        dask.config.set(once),
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


KINDS: dict[str, Any] = {"threads": lambda: ThreadPoolExecutor(3), "processes": processes, "Dask": dask}


@pytest.fixture(scope="module")
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with KINDS[request.param]() as executor:
        yield executor


@pytest.fixture(scope="module")
def here() -> Any:
    """What comes of it in this process."""
    return state(population())


@pytest.mark.parametrize("executor", KINDS, indirect=True, scope="module")
def test_members_trained_elsewhere_are_bit_for_bit_those_trained_here(executor: Executor, here: Any) -> None:
    assert equal(state(population(executor=executor)), here)


MPI_SCRIPT = """
import pickle, sys
from mpi4py.futures import MPIPoolExecutor
from tests.training.population.test_executors import population, state

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        found = executor.num_workers, state(population(executor=executor))
    with open(sys.argv[1], "wb") as file:
        pickle.dump(found, file)
"""


def test_members_trained_by_mpi_are_bit_for_bit_those_trained_here(tmp_path: Path, here: Any) -> None:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install mpi4py mpich")
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    mpiexec = shutil.which("mpiexec", path=places)
    if mpiexec is None:
        pytest.skip("no mpiexec is installed: pip install mpich")
    script, found = tmp_path / "script.py", tmp_path / "found.pickle"
    script.write_text(MPI_SCRIPT)
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", str(script), str(found)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    with found.open("rb") as file:
        workers, there = pickle.load(file)
    assert workers == 2 and equal(there, here)


# what is sent


@pytest.mark.parametrize("executor", ["processes"], indirect=True, scope="module")
def test_with_cloudpickle_any_function_can_be_sent(executor: Executor, here: Any) -> None:
    pytest.importorskip("cloudpickle", reason="cloudpickle is not installed: pip install cloudpickle")
    assert equal(state(population(lambda hp: build(hp), executor=executor)), here)


class Counting(ThreadPoolExecutor):
    """Notes of each batch whether it brings the data."""

    def __init__(self, workers: int):
        super().__init__(workers)
        self.batches: list[bool] = []

    def submit(self, function: Any, /, key: str, packed: Any, *rest: Any) -> "Future[Any]":  # type: ignore[override]
        self.batches.append(packed is not None)
        return super().submit(function, key, packed, *rest)


def test_the_data_are_sent_to_each_worker_and_not_with_each_batch(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "SECONDS_PER_BATCH", 0.0)
    with Counting(2) as executor:
        assert equal(state(population(executor=executor)), here)
    assert executor.batches[:16] == [True] * 2 + [False] * 14


def test_who_does_not_know_the_data_asks_for_them(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "SECONDS_PER_BATCH", 0.0)

    class Forgetful(Counting):
        def submit(self, function: Any, /, key: str, packed: Any, *rest: Any) -> "Future[Any]":  # type: ignore[override]
            if packed is None:
                away._Known.key = ""  # as a worker is that begins late
            return super().submit(function, key, packed, *rest)

    with Forgetful(1) as executor:
        assert equal(state(population(executor=executor)), here)
    assert sum(executor.batches) > 1


def test_without_cloudpickle_a_build_that_cannot_be_sent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    message = "can be sent to an executor, .*define build at the top of a module, or install cloudpickle"
    with ThreadPoolExecutor(1) as executor, pytest.raises(ArgumentError, match=message):
        population(lambda hp: build(hp), executor=executor)


# what goes wrong


def build_unless_large(hp: Any) -> Any:
    if hp.rate > 0.05:
        raise LookupError("no such rate")
    return build(hp)


def build_or_die(hp: Any) -> Any:
    """A worker dies at the last setting; the process that asks does not build it."""
    if hp.rate > 0.05:
        os._exit(3)
    return build(hp)


@pytest.mark.parametrize("executor", KINDS, indirect=True, scope="module")
def test_what_build_raises_there_is_raised_here_with_where(executor: Executor) -> None:
    pop = Population(build_unless_large, members=MEMBERS, seeds=2)
    with pytest.raises(LookupError, match="no such rate") as caught:
        pop.fit(X, Y, executor=executor, **FIT)
    assert "in build_unless_large" in "".join(caught.value.__notes__)
    assert len(pop.results) > 0


@pytest.mark.parametrize("executor", ["processes", "Dask"], indirect=True, scope="module")
def test_a_worker_that_dies_is_named_and_what_is_done_is_kept(executor: Executor, here: Any, tmp_path: Path) -> None:
    pop = Population(build_or_die, members=MEMBERS, seeds=2)
    with pytest.raises(WorkerError, match="a worker of the executor ended .*the members that are done are kept"):
        pop.fit(X, Y, executor=executor, checkpoint=tmp_path, **FIT)
    assert 0 < len(pop.results) < 16
    assert equal(state(population(checkpoint=tmp_path)), here)
