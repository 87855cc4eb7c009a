"""From what the contestants measured, round by round, to the rows and notes of the training benchmarks."""

import pytest

from benchmarks import training_step, variants
from benchmarks.common import cores
from benchmarks.contestants.problem import NETWORKS, first_weights, loss
from benchmarks.contestants.worker import Entry, Outcome
from benchmarks.training_step import OURS, OURS_ON_ONE, SCAN, SCAN_ON_ONE

NETWORK = NETWORKS["64-128-64-10"]
PEAK = 1e11


def outcome(times: dict[Entry, list[float]], losses: dict[Entry, float] | None = None) -> Outcome:
    """Of NETWORK, on cores that can do PEAK each, and were disturbed in two rounds of three."""
    labels = {entry: " ".join(entry) for entry in times}
    peaks = {threads: [0.4 * threads * PEAK, threads * PEAK, 0.9 * threads * PEAK] for threads in {1, cores()}}
    return Outcome(NETWORK, times, labels, dict.fromkeys(times, 0.2) | (losses or {}), [], peaks)


def test_a_share_is_of_the_peak_of_the_cores_it_had() -> None:
    half = NETWORK.flops / PEAK / 0.5
    rounds = [half, 3 * half, 2 * half]  # others disturbed the last two
    assert outcome({OURS_ON_ONE: rounds}).share(OURS_ON_ONE, 1) == pytest.approx(0.5)
    assert outcome({OURS: rounds}).share(OURS, cores()) == pytest.approx(0.5 / cores())


def test_a_target_is_held_against_the_fastest_scan() -> None:
    times = {OURS: [1e-5] * 3, OURS_ON_ONE: [2e-5] * 3, SCAN: [4e-5] * 3, SCAN_ON_ONE: [2.4e-5] * 3}
    notes = [note for note in training_step.targets(outcome(times)) if note.startswith("time")]
    assert notes == [
        "time of with_jax scan on one core / time of with_ebbflow fit: wanted at least 2.5, measured 2.4: MISSED",
        "time of with_jax scan on one core / time of with_ebbflow fit on one core: wanted at least 1.7, measured 1.2: "
        "MISSED",
    ]


def test_the_share_of_the_peak_has_a_target() -> None:
    notes = list(training_step.targets(outcome({OURS_ON_ONE: [NETWORK.flops / PEAK / 0.5] * 3})))
    assert notes == ["share of the peak of one core: wanted at least 0.86, measured 0.5: MISSED"]


def test_a_variant_is_compared_with_the_fastest_scan_and_both_on_one_core() -> None:
    times = {OURS_ON_ONE: [4e-5] * 3, OURS: [2e-5] * 3, SCAN_ON_ONE: [1e-4] * 3, SCAN: [3e-5] * 3}
    row = dict(zip(variants.HEADS, variants.row("as it is", outcome(times)), strict=True))
    assert (row["one core, us"], row["all cores, us"], row["JAX, us"]) == ("40.00", "20.00", "30.00")
    assert (row["one core: JAX / ebbflow's"], row["at best: JAX / ebbflow's"]) == ("2.50", "1.50")


def test_a_variant_without_its_peer_has_empty_cells() -> None:
    row = variants.row("as it is", outcome({OURS: [2e-5] * 3}))
    assert row == ["as it is", "", "", "20.00", "", "", "", "0.2", ""]


def test_different_work_is_noted() -> None:
    times = {OURS: [1e-5] * 3, SCAN: [2e-5] * 3}
    before = loss(NETWORK, first_weights(NETWORK))
    same = outcome(times, {OURS: 0.1 * before, SCAN: 0.14 * before})
    other = outcome(times, {OURS: 0.1 * before, SCAN: 0.9 * before})
    assert not any("losses" in note for note in variants.notes({"tanh": same}))
    assert "tanh: difference of the losses / loss before: wanted at most 0.05, measured 0.8: MISSED" in list(
        variants.notes({"tanh": other})
    )


def test_a_variant_differs_in_one_thing() -> None:
    for base in variants.BASES:
        for name, network in variants.variants(base).items():
            different = {key for key, value in vars(network).items() if value != getattr(base, key)}
            assert different - {"momentum"} == set() if name == "as it is" else len(different - {"momentum"}) == 1


def test_targets_are_of_networks_that_there_are() -> None:
    named = (training_step.TOO_SLOW, training_step.TARGETS, training_step.SHARES, training_step.LONG)
    assert set().union(*named) <= set(NETWORKS)
