"""The contestants of the population benchmark train the same members: each from its start, at its rate, its order."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from benchmarks import population
from benchmarks.common import Options
from benchmarks.contestants.population import worker
from benchmarks.contestants.population.problem import Crowd, Weights
from benchmarks.contestants.population.with_ebbflow import Contestant as Ours
from benchmarks.contestants.problem import Network, loss
from benchmarks.contestants.worker import Outcome
from benchmarks.population import OURS, SKLEARN, TORCH, VMAP, Searched, flat_table, read, search, targets, without_cache

# One batch of all rows per epoch: then the order of the rows, which every library draws by itself, makes no difference.
# Descent, since PyTorch has the epsilon of Adam elsewhere.
DESCENT = Crowd(Network((6, 16, 8, 3), batch=32, optimizer="SGD", steps=1), members=5, epochs=6)
SHUFFLED = Crowd(Network((4, 8, 1), batch=8, optimizer="Adam", steps=4), members=5, epochs=3)
PEERS = [("with_jax", "vmap"), ("with_jax", "blocks"), ("with_jax", "loop"), ("with_torch", "loop")]
TOLERANCE = 1e-4  # of float32 roundings, of how far the weights moved


def contestant(module: str, variant: str, crowd: Crowd, *arguments: Any) -> Any:
    if module != "with_ebbflow":
        pytest.importorskip(module.removeprefix("with_"), reason="the peer is not installed")
    return importlib.import_module(f"benchmarks.contestants.population.{module}").Contestant(crowd, variant, *arguments)


def difference(some: Weights, others: Weights) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(some, others, strict=True))


def our_start(member: int) -> Weights:
    """What ebbflow's member begins with: the same model, built alone."""
    ours = Ours.__new__(Ours)
    ours.crowd = DESCENT
    model = ours.build({"seed": member, "learning_rate": 0.1})
    model.build((None, DESCENT.network.sizes[0]))
    return model.get_weights()


@pytest.fixture(scope="module")
def ours() -> list[Weights]:
    return Ours(DESCENT, "fit").train()


@pytest.mark.parametrize(("module", "variant"), PEERS)
def test_every_peer_takes_the_same_steps(module: str, variant: str, ours: list[Weights]) -> None:
    peer = contestant(module, variant, DESCENT, our_start)
    for member, weights in zip(peer.members, peer.train(), strict=True):
        moved = difference(ours[member], our_start(member))
        assert moved > 1e-3
        assert difference(weights, ours[member]) < TOLERANCE * moved


@pytest.mark.parametrize(("module", "variant"), [OURS, *PEERS, SKLEARN])
def test_members_differ_and_the_same_training_gives_the_same_weights(module: str, variant: str) -> None:
    peer = contestant(module, variant, SHUFFLED)
    first, again = peer.train(), peer.train()
    assert len(first) == len(peer.members) >= 2
    assert all(difference(a, b) == 0.0 for a, b in zip(first, again, strict=True))
    assert all(difference(first[0], other) > 0.0 for other in first[1:])
    assert (peer.members[0], peer.members[-1]) == (0, SHUFFLED.members - 1)  # of which all tell the loss


def test_sklearn_trains_for_all_epochs_at_the_rate_of_the_member() -> None:
    peer = contestant(*SKLEARN, SHUFFLED)
    model = peer._fitted(2, 1, SHUFFLED.epochs)
    assert model.n_iter_ == SHUFFLED.epochs and model.t_ == SHUFFLED.epochs * SHUFFLED.network.rows
    assert model.learning_rate_init == SHUFFLED.rates[2]


def test_members_of_the_same_start_and_rate_differ_by_their_order_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crowd, "rates", [0.01] * SHUFFLED.members)
    monkeypatch.setattr(ebb.layers, "Dense", lambda *a, **k: Constant(*a, **k))
    trained = Ours(SHUFFLED, "fit").train()
    assert difference(trained[0], trained[1]) > 0.0


class Constant(ebb.layers.Dense):
    """Begins alike in every member."""

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, kernel_initializer=ebb.initializers.GlorotUniform(seed=1), **named)


def test_rates_are_around_that_of_the_network() -> None:
    rates = SHUFFLED.rates
    assert rates == sorted(rates) and len(rates) == 5
    np.testing.assert_allclose(np.exp(np.mean(np.log(rates))), SHUFFLED.network.learning_rate)
    np.testing.assert_allclose(rates[-1] / rates[0], 9.0)


def test_a_measurement_is_per_network_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_here", worker.Here())
    assert worker.begin(("with_nothing", "loop"), SHUFFLED) == {
        "skipped": "benchmarks.contestants.population.with_nothing is not installed"
    }
    assert worker.begin(OURS, SHUFFLED) == {"label": "ebbflow, Population.fit"}
    clock = iter([10.0, 16.0])
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(worker._here.contestant, "train", lambda: [our_first, our_last])
    our_first, our_last = SHUFFLED.starts(0), SHUFFLED.starts(4)
    assert worker.measure() == pytest.approx(6.0 / (5 * 3 * 4))
    losses = [loss(SHUFFLED.network, weights) for weights in (our_first, our_last)]
    assert worker.reached() == pytest.approx(np.mean(losses)) and losses[0] != losses[1]


def test_targets_are_ratios_to_the_fastest_of_several_peers_and_a_share_of_the_peak() -> None:
    network = population.NETWORKS["64-128-64-10"]
    entries = {OURS: [1e-5], VMAP: [4e-5], population.LOOP: [3e-5], TORCH: [1e-4]}
    labels = {entry: " ".join(entry) for entry in entries}
    peaks = {threads: [network.flops / 1e-5 / 0.84] for threads in {1, population.cores()}}
    said = list(targets(Outcome(network, entries, labels, {}, [], peaks)))
    assert len(said) == 3  # scikit-learn took no part
    assert said[0] == "time of with_jax loop / time of with_ebbflow fit: wanted at least 3.3, measured 3: MISSED"
    assert said[1].endswith("wanted at least 20, measured 10: MISSED")
    assert said[2].endswith("wanted at least 0.83, measured 0.84: reached")


def test_flatness_is_the_longest_time_per_network_against_the_shortest() -> None:
    table = flat_table({8: [2e-6, 4e-6], 64: [1e-6, 2e-6]}, steps=100)
    assert [row[1] for row in table.rows] == ["0.300", "0.150"] and [row[-1] for row in table.rows] == ["2.00", "1.00"]
    assert table.notes[0].endswith("measured 2: MISSED")


def test_the_search_trains_every_setting_on_every_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="it has the data")
    population.write_breast_cancer(tmp_path / "data.npz")
    x, y = read(tmp_path / "data.npz")
    assert x.shape == (569, 30) and x.dtype == np.float32 and set(y) == {0, 1}
    np.testing.assert_allclose(x.std(axis=0), 1.0, rtol=1e-5)
    monkeypatch.setattr(population, "LEARNING_RATES", (1e-3, 1e-2))
    found = search(tmp_path / "data.npz", seeds=1, epochs=3)
    assert found == Searched(members=5 * 1 * 2 * 3, accuracy=found.accuracy) and found.accuracy > 0.9


def test_the_full_search_is_of_24_settings() -> None:
    assert len(population.LEARNING_RATES) * len(population.PENALTIES) == 24


def test_the_cache_is_away_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in ("somewhere", None):
        monkeypatch.setenv("EBBFLOW_CACHE", before) if before else monkeypatch.delenv("EBBFLOW_CACHE", raising=False)
        with without_cache():
            assert population.os.environ["EBBFLOW_CACHE"] == ""
        assert population.os.environ.get("EBBFLOW_CACHE") == before


def test_memory_is_told_of_few_and_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = {100: (200_000_000, 10_000_000), 10_000: (3 << 30, 700_000_000)}
    monkeypatch.setattr(population, "in_fresh_process", lambda function, members: peaks[members])
    table = population.memory(Options())
    assert [row[1] for row in table.rows] == ["200", "3221"]
    assert table.notes[-1].endswith("wanted at most 2, measured 3: MISSED")
