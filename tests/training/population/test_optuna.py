"""Optuna by ask and tell: its study proposes settings, is told the truth about them, and nothing else changes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError
from ebbflow.population import Choice, Integers, LogUniform, Optuna, Population, Uniform
from ebbflow.training.population import desk
from tests.training.conftest import same_bits
from tests.training.population.models import build

optuna = pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'ebbflow[optuna]'")

RANDOM = np.random.default_rng(5)
X = RANDOM.standard_normal((100, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
FIT: dict[str, Any] = {"batch_size": 20, "epochs": 3, "folds": 2, "verbose": 0}
SPACE = {"rate": LogUniform(1e-4, 1e-1), "dropout": Uniform(0, 0.5)}


def searched(search: Optuna, builder: Any = build, **arguments: Any) -> Population:
    return Population(builder, seeds=2).fit(X, Y, search=search, **(FIT | arguments))


def test_what_is_proposed_does_not_depend_on_the_workers() -> None:
    found = []
    for threads in (1, 2):
        ebb.config.set_threads(threads)
        found.append(searched(Optuna(SPACE, trials=20, batch=3)))
    assert len(found[0].settings) == 20 and list(found[0].results) == list(found[1].results)


@pytest.mark.parametrize(("monitor", "direction"), [("val_loss", "minimize"), ("val_accuracy", "maximize")])
def test_the_study_is_told_the_mean_over_seeds_and_folds(monitor: str, direction: str) -> None:
    search = Optuna(SPACE, trials=5, batch=2)
    pop = searched(search, monitor=monitor)
    trials, ranking = search.study.trials, pop.summary()
    assert [trial.params for trial in trials] == [dict(setting) for setting in pop.settings]
    told = {line["setting"]: line[monitor] for line in ranking}
    assert [trial.value for trial in trials] == [told[number] for number in range(5)]
    assert search.study.direction.name.lower() == direction and ranking["members"] == [4] * 5
    assert search.study.best_value == ranking[0][monitor]


class Contrary(Optuna):
    """Praises what is bad."""

    def tell(self, values: Any) -> None:
        super().tell([-value for value in values])


def test_it_is_told_of_each_batch_before_it_proposes_the_next() -> None:
    samplers = [optuna.samplers.TPESampler(seed=1, n_startup_trials=4) for _ in range(2)]
    one, other = (searched(kind(SPACE, 8, 4, samplers.pop())).settings for kind in (Optuna, Contrary))
    assert one[:4] == other[:4] and one[4:] != other[4:], "it goes by what it was told"


def test_members_are_those_of_a_population_with_these_settings() -> None:
    pop = searched(Optuna(SPACE, trials=5, batch=2), early_stopping=1)
    same = Population(build, members=pop.settings, seeds=2).fit(X, Y, **FIT, early_stopping=1)
    assert list(pop.results) == list(same.results) and list(pop.summary()) == list(same.summary())
    assert all(same_bits(pop.weights(number), same.weights(number)) for number in pop.results["member"])
    assert same_bits(pop.best().get_weights(), same.best().get_weights())
    assert same_bits([pop.ensemble(3).predict(X, verbose=0)], [same.ensemble(3).predict(X, verbose=0)])


# what may be proposed


def test_every_distribution_means_what_it_means_without_optuna() -> None:
    space = SPACE | {"width": Integers(2, 4), "depth": [1, 2], "none": Choice([None, "a"])}
    space |= {"optimizer": [ebb.optimizers.Adam, ebb.optimizers.SGD], "sizes": [(8, 4), (4,)]}
    space |= {"penalty": optuna.distributions.FloatDistribution(0, 1, step=0.25)}
    settings = [Optuna(space, 1).example(seed) for seed in range(60)]

    def seen(name: str) -> set[Any]:
        return {setting[name] for setting in settings}

    assert seen("width") == {2, 3, 4} and seen("depth") == {1, 2} and seen("none") == {None, "a"}
    assert seen("optimizer") == {ebb.optimizers.Adam, ebb.optimizers.SGD} and seen("sizes") == {(8, 4), (4,)}
    assert seen("penalty") == {0, 0.25, 0.5, 0.75, 1}
    rates = [setting.rate for setting in settings]
    assert 1e-4 <= min(rates) < 1e-3 < 1e-2 < max(rates) <= 1e-1 and 0.001 < np.median(rates) < 0.01
    assert all(0 <= setting.dropout <= 0.5 for setting in settings)


def test_a_space_may_be_a_function_of_a_trial() -> None:
    def space(trial: Any) -> dict[str, Any]:
        plain = {"rate": trial.suggest_float("rate", 1e-3, 1e-1, log=True)}
        return plain | ({"penalty": trial.suggest_float("penalty", 0, 1)} if plain["rate"] > 0.01 else {})

    pop = searched(Optuna(space, trials=8))
    assert {"penalty" in setting for setting in pop.settings} == {True, False}
    assert all(("penalty" in setting) == (setting.rate > 0.01) for setting in pop.settings)


def test_a_study_that_was_begun_goes_on(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(3))
    searched(Optuna(SPACE, trials=2, study=study))
    study.enqueue_trial({"rate": 0.03, "dropout": 0.1})
    pop = searched(Optuna(SPACE, trials=2, study=study))
    assert len(study.trials) == 4 and dict(pop.settings[0]) == {"rate": 0.03, "dropout": 0.1}


# what goes wrong


def test_a_setting_that_diverges_is_infinitely_bad() -> None:
    search = Optuna({"rate": [0.01, 1e38], "optimizer": [ebb.optimizers.SGD]}, trials=6, batch=3)
    pop = searched(search, epochs=10)
    assert {row["status"] for row in pop.results} == {"finished", "diverged"}
    for trial in search.study.trials:
        assert trial.state.name == "COMPLETE" and np.isinf(trial.value) == (trial.params["rate"] == 1e38)


def interrupting(hp: Any) -> Any:
    """Ctrl-C in the second batch."""
    interrupting.built |= {hp.rate}
    if len(interrupting.built) > 6:
        raise KeyboardInterrupt
    return build(hp)


def test_what_was_interrupted_failed_and_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupting.built = set()
    search = Optuna(SPACE, trials=8, batch=4)
    pop = searched(search, interrupting, checkpoint=tmp_path)
    assert [trial.state.name for trial in search.study.trials[:4]] == ["COMPLETE"] * 4
    assert search.study.trials[7].state.name == "FAIL" and 16 <= len(pop.results) <= 24

    trained: list[int] = []
    real = desk.Desk.train
    monkeypatch.setattr(desk.Desk, "train", lambda self, *given: trained.append(1) or real(self, *given))
    again, whole = searched(search, checkpoint=tmp_path), searched(Optuna(SPACE, trials=8, batch=4))
    assert len(trained) == 32 - len(pop.results) + 32
    assert list(again.results) == list(whole.results)
    assert all(same_bits(again.weights(number), whole.weights(number)) for number in range(32))
    more = searched(Optuna(SPACE, trials=10, batch=4), checkpoint=tmp_path)
    assert more.settings[:8] == whole.settings and len(more.results) == 40


def test_a_checkpoint_of_other_proposals_is_refused(tmp_path: Path) -> None:
    def with_sampler(seed: int) -> Optuna:
        return Optuna(SPACE, trials=2, sampler=optuna.samplers.RandomSampler(seed))

    searched(with_sampler(1), checkpoint=tmp_path)
    assert len(searched(with_sampler(1), checkpoint=tmp_path).results) == 8
    with pytest.raises(
        ArgumentError, match="expected the settings that were proposed when .* and a sampler with a seed"
    ):
        searched(with_sampler(2), checkpoint=tmp_path)


SEED = optuna.samplers.RandomSampler(1)
MISTAKES: dict[str, Any] = {
    "Optuna: expected a whole number of at least 1 for trials, got 0": lambda: Optuna(SPACE, 0),
    "Optuna: expected a whole number of at least 1 for batch": lambda: Optuna(SPACE, 2, batch=0),
    "Optuna: expected a dict of distributions, or a function": lambda: Optuna([], 2),
    r"expected space\['rate'\] to be a list, a distribution such as": lambda: Optuna({"rate": 0.1}, 2),
    r"expected different values for space\['width'\]": lambda: Optuna({"width": [1, 1]}, 2),
    "expected a sampler or a study": lambda: Optuna(SPACE, 2, sampler=SEED, study=optuna.create_study()),
    "expected a dict of hyperparameters for what space returns": lambda: searched(Optuna(lambda trial: 3, 2)),
    "expected a study that is to minimize what fit monitors, got one to maximize": lambda: searched(
        Optuna(SPACE, 2, study=optuna.create_study(direction="maximize"))
    ),
    "expected a sampler that can be asked on and on, got GridSampler": lambda: searched(
        Optuna(SPACE, 2, sampler=optuna.samplers.GridSampler({"rate": [0.01]}))
    ),
    "fit: expected a Population without grid, random and members, as Optuna proposes": lambda: Population(
        build, grid={}
    ).fit(X, Y, search=Optuna(SPACE, 2), **FIT),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        MISTAKES[message]()


def test_without_optuna_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'ebbflow\[optuna\]'"):
        Optuna(SPACE, 2)


def test_nothing_is_imported_or_said_before_it_is_needed(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys, ebbflow.population; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    searched(Optuna(SPACE, trials=2))
    assert capfd.readouterr() == ("", "")
