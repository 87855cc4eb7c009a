"""What memory has no room for lies in a file, and comes back as it was."""

import gc
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbflow.core.errors import ArgumentError
from ebbflow.population import Hyperband, Population, SuccessiveHalving
from ebbflow.training.modelfile import read_model_file, write_model_file
from ebbflow.training.population import desk
from ebbflow.training.population.roster import Order
from ebbflow.training.population.store import Store
from tests.training.conftest import same_bits
from tests.training.population.models import X, Y, build

ROOT = Path(__file__).parents[3]
MEMBERS = [{"rate": float(rate)} for rate in np.geomspace(1e-4, 1e-1, 9)]
FIT: dict[str, Any] = {"batch_size": 20, "epochs": 9, "folds": 2, "verbose": 0}
HALVING = SuccessiveHalving(factor=3, min_epochs=1)


def fitted(memory: int | None = None, **arguments: Any) -> Population:
    given = {} if memory is None else {"memory": memory}
    return Population(build, members=MEMBERS, **given).fit(X, Y, **FIT, **arguments)


def store_of(pop: Population) -> Store:
    return pop._outcomes._store


def assert_equal(one: Population, other: Population) -> None:
    assert [repr(row) for row in one.results] == [repr(row) for row in other.results]  # as texts: NaN equals NaN
    for number in one.results["member"]:
        assert one.history(number) == other.history(number)
        assert same_bits(one.weights(number), other.weights(number))
    assert same_bits(one.best().get_weights(), other.best().get_weights())
    outputs = [pop.ensemble(2).predict(X, verbose=0) for pop in (one, other)]
    assert same_bits(outputs[:1], outputs[1:])


# the store

SHAPES = st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), max_size=4)
DTYPES = st.sampled_from(["float32", "float64", "uint8", "int64", "bool"])


@pytest.mark.parametrize("system", ["POSIX", "another"])
def test_what_is_read_is_what_was_put_in_any_order(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if system != "POSIX":
        monkeypatch.delattr(os, "pread", raising=False)

    @settings(deadline=None, max_examples=60)
    @given(st.integers(0, 400), st.data())
    def law(bound: int, data: st.DataObject) -> None:
        store, kept, known, random = Store(bound), {}, {}, np.random.default_rng(5)
        for _ in range(data.draw(st.integers(1, 12))):
            if kept and data.draw(st.booleans()):
                gone = data.draw(st.sampled_from(list(kept)))
                store.free(kept.pop(gone))
            number, dtype = len(known), data.draw(DTYPES)
            known[number] = [random.integers(0, 256, shape).astype(dtype) for shape in data.draw(SHAPES)]
            kept[number] = store.put(known[number])
            assert store.in_memory <= bound
        for number in data.draw(st.permutations(list(kept))):
            found = store.get(kept[number])
            assert [(a.dtype, a.shape) for a in found] == [(a.dtype, a.shape) for a in known[number]]
            assert same_bits(found, known[number])

    law()


def test_freed_bytes_are_used_again() -> None:
    store, arrays = Store(bound=1000), [np.arange(100.0)]
    handles = [store.put(arrays) for _ in range(3)]
    assert (store.in_memory, store.in_file) == (800, 1600)
    for _ in range(20):
        store.free(handles.pop(0))
        handles.append(store.put(arrays))
    assert (store.in_memory, store.in_file) == (800, 1600)
    assert all(same_bits(store.get(handle), arrays) for handle in handles)


def test_nothing_is_left_in_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    store = Store(0)
    store.put([np.arange(9)])
    file = store._file
    if os.name == "posix":
        assert os.fstat(file.fileno()).st_size == 72 and not list(tmp_path.iterdir()), "it has no name to be left over"
    del store
    gc.collect()
    assert file.closed and not list(tmp_path.iterdir())


# populations


@pytest.mark.parametrize(
    "work",
    [{}, {"early_stopping": 2}, {"search": HALVING}, {"search": Hyperband()}, {"search": HALVING, "early_stopping": 1}],
    ids=lambda work: " ".join(f"{type(one).__name__}" for one in work.values()) or "plain",
)
def test_a_population_without_memory_is_the_same(work: dict[str, Any]) -> None:
    spilled = fitted(memory=0, **work)
    assert store_of(spilled).in_memory == 0 < store_of(spilled).in_file
    assert_equal(spilled, fitted(**work))


def test_bytes_in_memory_stay_under_the_bound() -> None:
    whole = fitted(search=HALVING)
    assert store_of(whole).in_file == 0
    bound = store_of(whole).in_memory // 2
    half = fitted(memory=bound, search=HALVING)
    each = sum(array.nbytes for array in half.weights(0))
    assert bound - 2 * each < store_of(half).in_memory <= bound
    assert_equal(half, whole)


def test_members_that_pause_leave_their_place_to_others() -> None:
    pops = [fitted(memory=0, search=SuccessiveHalving(1.0001, first)) for first in (1, 8)]
    often, once = (store_of(pop).in_file for pop in pops)
    assert pops[0].results["status"] == ["finished"] * 18
    assert often < 1.3 * once, "nine pauses of every member take the room of one, and of one more member at a time"


@pytest.mark.parametrize("memory", [0, 2**30])
def test_weights_that_were_asked_for_may_be_changed(memory: int) -> None:
    pop = Population(build, memory=memory).fit(X, Y, verbose=0)
    before = [weight.copy() for weight in pop.weights(0)]
    for weight in pop.weights(0):
        weight += 1.0
    assert same_bits(pop.weights(0), before)


def test_a_population_without_memory_is_pickled() -> None:
    pop = fitted(memory=0, search=HALVING)
    again = pickle.loads(pickle.dumps(pop))
    assert_equal(again, pop)
    assert store_of(again).in_memory == 0


def test_an_order_is_sent_with_what_it_goes_on_from() -> None:
    state = desk.Paused(*[np.arange(k) for k in range(5)])
    order = pickle.loads(pickle.dumps(Order(3, 7, lambda: state)))
    assert same_bits(order.paused(), state) and pickle.loads(pickle.dumps(Order(3, 7))) == Order(3, 7)


def test_a_number_of_bytes_is_asked_for() -> None:
    with pytest.raises(ArgumentError, match="Population: expected a whole number of at least 0 for memory, got '2 GB'"):
        Population(build, memory="2 GB")


FULL = """
import resource
import numpy as np
from ebbflow.population import Population
from tests.training.population.models import build
X = np.random.default_rng(5).standard_normal((40, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
def population(seeds):
    return Population(build, members=[{"width": 100}], seeds=seeds, memory=0)
population(1).fit(X, Y, verbose=0)  # whose program all use
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
pop = population(100)
try:
    pop.fit(X, Y, verbose=0)
except OSError as error:
    print(error)
done = pop.results["member"]
assert 10 < len(done) < 50 and len(pop.results["loss"]) == len(done)
assert all(np.isfinite(pop.weights(number)[0]).all() for number in done)
assert pop.best().predict(X, verbose=0).shape == (40, 2)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX systems do")
def test_a_full_disk_is_named_and_takes_nothing_of_what_is_done() -> None:
    result = subprocess.run([sys.executable, "-c", FULL], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    message = "Population: expected room for .* bytes in a temporary file in .*, got .*; members that are done are kept"
    assert re.search(message, result.stdout), result.stdout


# a folder


def test_a_checkpoint_is_read_instead_of_a_second_file(tmp_path: Path) -> None:
    pop, whole = fitted(memory=0, checkpoint=tmp_path / "kept", search=HALVING), fitted(search=HALVING)
    histories = sum(8 * len(one["loss"]) * len(one) for one in map(pop.history, range(18)))
    assert store_of(pop).in_file < 4 * histories, "weights and pauses lie in the folder"
    assert_equal(pop, whole)
    assert not list((tmp_path / "kept").glob("paused-*")), "who is done pauses no more"
    assert_equal(fitted(memory=0, checkpoint=tmp_path / "kept", search=HALVING), whole)
    (tmp_path / "kept" / "member-000002.ebb").unlink()
    with pytest.raises(ArgumentError, match="expected member 2 in its checkpoint, .* fit again with that checkpoint"):
        pop.weights(2)


@pytest.mark.parametrize("harm", ["none", "another machine", "a damaged file"])
def test_a_search_that_was_killed_goes_on_where_its_members_paused(
    harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins: list[bool] = []
    real = desk.Desk.train

    def train(self: Any, start: Any, fold: Any, until: int, pause: Any, is_over: Any) -> Any:
        if killed and until > 3:
            raise OSError("the power is gone")
        begins.append(pause is None)
        return real(self, start, fold, until, pause, is_over)

    monkeypatch.setattr(desk.Desk, "train", train)
    killed = True
    with pytest.raises(OSError, match="the power is gone"):
        fitted(checkpoint=tmp_path, search=HALVING)
    assert (begins.count(True), begins.count(False)) == (18, 6)
    killed, begins = False, []
    paused = sorted(tmp_path.glob("paused-*"))
    assert len(paused) == 2
    if harm == "a damaged file":
        paused[0].write_bytes(paused[0].read_bytes()[:-9])
    if harm == "another machine":
        for path in paused:
            _foreign(path)
    again = fitted(checkpoint=tmp_path, search=HALVING)
    assert begins == ([True, False, False, False] if harm == "a damaged file" else [False, False])
    assert_equal(again, fitted(search=HALVING))


def _foreign(path: Path) -> None:
    """Make it of a program that has other places in memory."""
    document, arrays = read_model_file(path)
    memory, mark = (f"paused/{desk.Paused._fields.index(name)}" for name in ("memory", "mark"))
    write_model_file(path, document, arrays | {memory: arrays[memory][:-64], mark: arrays[mark] + np.uint8(1)})


def test_a_checkpoint_of_another_search_is_refused(tmp_path: Path) -> None:
    fitted(checkpoint=tmp_path, search=HALVING)
    for other in ({}, {"search": SuccessiveHalving(2)}, {"search": HALVING, "monitor": "val_accuracy"}):
        with pytest.raises(ArgumentError, match="those of one with other settings, seeds, rows, epochs or search"):
            fitted(checkpoint=tmp_path, **other)
