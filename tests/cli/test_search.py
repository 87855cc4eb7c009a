"""The search of `ebbflow tune`: how it spends its time, how it ranks, and what it says mattered."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ebbflow.cli import search as module
from ebbflow.cli.importance import importance
from ebbflow.cli.search import SEARCH, Search, Stage, Trial, settings_that_fit
from ebbflow.cli.space import WIDTHS, default_space, draw_settings
from ebbflow.cli.tune import choose_networks, even_rows
from ebbflow.core.errors import ArgumentError

ONE = Stage("final", epochs=30, patience=5, seeds=1, folds=None)


class Pretended(Search):
    """A search whose networks train in no time; a clock tells how long they would have taken.

    The score of setting k is quality[k], and each epoch of a network takes `cost` seconds.
    """

    def __init__(self, rows: int = 1_000, cost: float = 1e-3, seeds: int = 4, interrupt_at: float = np.inf):
        self.now, self.cost, self.interrupt_at, self.lines = 0.0, cost, interrupt_at, []
        self.quality = np.random.default_rng(0).permutation(100_000)
        super().__init__(
            build=lambda setting: None,
            settings=draw_settings(default_space(4, 1, rows, 32, 1), 0),
            x=np.zeros((rows, 1)),
            y=np.zeros((rows, 1)),
            score=float,
            figure="RMSE",
            seed=0,
            seeds=seeds,
            folds=5,
            epochs=30,
            patience=6,
            keep=2,
            say=self.lines.append,
            clock=lambda: self.now,
        )

    def _train_group(self, stage: Stage, group: Sequence[tuple[int, Any]], batch_size: int) -> list[Trial]:
        trials = []
        for number, setting in group:
            assert setting["batch_size"] == batch_size
            self.now += self.cost * stage.epochs * stage.networks
            if self.now > self.interrupt_at:
                raise KeyboardInterrupt
            rows = [{"seed": s, "fold": f, "status": "finished"} for s in range(stage.seeds) for f in range(5)]
            rows = rows[: stage.networks]
            trials.append(Trial(number, setting, stage, rows, [np.full(3, float(self.quality[number]))] * len(rows)))
        return trials


@pytest.mark.parametrize("cost", [1e-3, 3e-3, 1e-2])
def test_the_time_given_is_used_and_not_exceeded(cost: float) -> None:
    search = Pretended(cost=cost)
    search.run(100.0, None)
    assert 0.8 * SEARCH * 100 < search.now <= SEARCH * 100
    assert 6 < search.rounds < 60
    assert {trial.stage.networks for trial in search.screened} == {5}
    assert {trial.stage.networks for trial in search.finals} == {20}


def test_the_final_takes_the_best_of_the_screening_in_order() -> None:
    search = Pretended()
    search.run(50.0, None)
    best = sorted(search.screened, key=lambda trial: trial.mean)[: len(search.finals)]
    assert [trial.number for trial in search.ranking()] == [trial.number for trial in best]
    assert len(search.finals) >= 2


def test_with_little_time_the_final_has_fewer_seeds_and_with_less_there_is_none() -> None:
    little, less = Pretended(cost=0.02, seeds=8), Pretended(cost=0.2)
    little.run(25.0, None)
    (seeds,) = {trial.stage.seeds for trial in little.finals}
    assert 1 <= seeds < 8 and len(little.finals) >= 2
    assert any(f"time for {seeds} of 8 seeds" in line for line in little.lines)
    less.run(25.0, None)
    assert less.finals == [] and less.ranking()[0].stage.name == "screening"
    assert any("the screening decides" in line for line in less.lines)


def test_a_large_table_is_screened_on_one_fold_with_as_few_epochs_as_it_takes() -> None:
    usual, large = Pretended(rows=5_000, cost=0.05), Pretended(rows=50_000, cost=1.0)
    for search in usual, large:
        search.run(200.0, None)
        assert {trial.stage.networks for trial in search.screened} == {1}
    assert {trial.stage.epochs for trial in usual.screened} == {10}
    assert {trial.stage.epochs for trial in large.screened} == {6}  # 100 s for 16 settings, of 1 s an epoch
    assert {(t.stage.epochs, t.stage.networks) for t in large.finals} == {(18, 1)}  # too many to do it on all folds
    assert len(large.finals) >= 2 and large.now < 230


def test_a_number_of_settings_is_searched_in_two_rounds_whatever_the_clock_says() -> None:
    fast, slow = Pretended(cost=1e-4), Pretended(cost=1.0)
    for search in fast, slow:
        search.run(None, 40)
    assert fast.rounds == slow.rounds == 2
    assert (len(fast.screened), len(fast.finals)) == (40, 5)
    assert [t.number for t in fast.ranking()] == [t.number for t in slow.ranking()]


def test_what_is_done_before_an_interruption_counts() -> None:
    in_final, in_screening = Pretended(interrupt_at=80.0), Pretended(interrupt_at=20.0)
    for search in in_final, in_screening:
        search.run(100.0, None)
        assert search.interrupted and search.ranking()
    assert in_final.ranking()[0].stage.name == "final"
    assert in_screening.ranking()[0].stage.name == "screening"


def test_rounds_grow_but_no_faster_than_the_time_left_allows() -> None:
    assert settings_that_fit(left=100.0, each=0.01, before=4) == 8
    assert settings_that_fit(left=100.0, each=1.0, before=100) == 15
    assert settings_that_fit(left=1.0, each=0.9, before=100) == 1
    assert settings_that_fit(left=1.0, each=1.1, before=100) == 0


def trial(*curves: Sequence[float], status: str = "finished") -> Trial:
    rows = [{"seed": k, "fold": 0, "status": status} for k in range(len(curves))]
    return Trial(0, {}, ONE, rows, [np.array(curve, float) for curve in curves])


def test_a_setting_is_scored_at_one_epoch_for_all_its_networks() -> None:
    """A loss that leaps about would look best if each network were scored at its own luckiest epoch."""
    steady = trial([5, 4, 3, 3, 3, 3, 3], [5, 4, 3, 3, 3, 3, 3])
    leaping = trial([9, 1, 9, 9, 9, 9, 9], [9, 9, 9, 9, 1, 9, 9])
    assert steady.mean == 3 < leaping.mean
    assert steady.deviation == 0


def test_a_network_that_stopped_early_counts_with_its_last_score() -> None:
    assert trial([4, 2, 3], [4, 3, 2, 1, 1, 1, 1, 1]).scores.tolist() == [3, 1]


@pytest.mark.parametrize("bad", [trial([1, 2], [np.nan]), trial([1, 2], status="diverged"), trial([np.inf])])
def test_a_setting_whose_networks_diverge_stands_last(bad: Trial) -> None:
    good = trial([1e9])
    good.number = 1
    assert module.ranked([bad, good]) == [good, bad]


def test_settings_are_the_same_for_the_same_seed_and_cover_their_ranges() -> None:
    def drawn(seed: int) -> Iterator[dict[str, Any]]:
        return draw_settings(default_space(10, 3, 1_000, 64, 2), seed)

    several = [one for one, _ in zip(drawn(1), range(400), strict=False)]
    assert several[:5] == [one for one, _ in zip(drawn(1), range(5), strict=False)] != [next(drawn(2))] * 5
    assert {one["width"] for one in several} == set(WIDTHS)
    assert {one["batch_size"] for one in several} == {32, 128}
    rates = [one["learning_rate"] for one in several]
    assert min(rates) < 4e-4 and max(rates) > 1.5e-2
    assert np.median(rates) == pytest.approx(np.sqrt(3e-4 * 2e-2), rel=0.3)  # log-uniform


def test_batches_are_no_larger_than_the_table_and_networks_no_larger_than_the_memory(monkeypatch) -> None:
    assert default_space(4, 1, 20, 32, 1)["batch_size"].values == [16, 20]
    assert default_space(4, 1, 10, 32, 1)["batch_size"].values == [10]
    monkeypatch.setattr("ebbflow.cli.space.free_memory", lambda: 1_000_000.0)
    assert default_space(100, 1, 1_000, 32, 4)["width"].values == [16, 32]
    with pytest.raises(ArgumentError, match="100,000 encoded columns"):
        default_space(100_000, 1, 1_000, 32, 4)


@pytest.mark.parametrize(("rows", "kept"), [(1_003, 1_000), (1_000, 1_000), (99, 99)])
def test_folds_are_made_even_where_that_costs_few_rows(rows: int, kept: int) -> None:
    chosen = even_rows(rows, 5, seed=1)
    assert len(np.unique(chosen)) == kept and chosen.max() < rows


def test_an_ensemble_takes_an_equal_share_of_each_fold() -> None:
    """Although the networks of an easy fold all score better."""
    stage = Stage("final", 30, 5, seeds=2, folds=3)
    rows = [{"seed": s, "fold": f, "status": "finished"} for s in range(2) for f in range(3)]
    ranking = [
        Trial(number, {}, stage, rows, [np.array([number + row["seed"] + 100.0 * row["fold"]]) for row in rows])
        for number in range(2)
    ]
    places = [(t.number, row["seed"], row["fold"]) for t, row in choose_networks(ranking, 9)]
    assert places[:3] == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    for first in range(0, 9, 3):
        assert {fold for *_, fold in places[first : first + 3]} == {0, 1, 2}
    assert len(choose_networks(ranking, 100)) == 12


RANDOM = np.random.default_rng(2)
VALUES = RANDOM.uniform(size=200)


def test_what_mattered_is_seen_also_where_the_best_value_is_in_the_middle() -> None:
    middle = importance(VALUES, (VALUES - 0.6) ** 2)
    nothing = importance(VALUES, RANDOM.uniform(size=200))
    assert middle.share > 0.7 and nothing.share < 0.1
    assert 0.3 < middle.best[0] < 0.6 < middle.best[1] < 0.8
    falling = importance(VALUES, -VALUES)
    assert falling.correlation == pytest.approx(-1) and falling.best[1] == VALUES.max()


def test_of_few_values_each_is_a_group_and_the_correlation_is_spearmans() -> None:
    values, noise = np.repeat([1, 2, 3], 20), RANDOM.normal(size=60)
    found = importance(values, values + noise)
    assert found.best == (1,)
    assert found.correlation == pytest.approx(stats.spearmanr(values, values + noise).statistic)
    ranks = stats.rankdata(values + noise)
    within = sum(((ranks[values == v] - ranks[values == v].mean()) ** 2).sum() for v in (1, 2, 3))
    assert found.share == pytest.approx(1 - (within / 57) / ranks.var(ddof=1))


def test_of_too_little_nothing_is_said() -> None:
    assert importance(VALUES[:5], VALUES[:5]) is None
    assert importance(VALUES, np.full(200, np.inf)) is None
    assert importance(np.ones(200), VALUES) is None


def test_later_rounds_hold_more_settings_than_the_first() -> None:
    search = Pretended(cost=1e-3)
    search.run(60.0, None)
    sizes = [int(line.split()[1]) for line in search.lines if line.strip().startswith("screening")]
    assert sizes[0] == 4 and max(sizes) > 10 * sizes[0]
    assert all(later <= 2 * earlier for earlier, later in pairwise(sizes))
