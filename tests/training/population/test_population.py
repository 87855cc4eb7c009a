"""A population: every member is what it would be alone, and what is said of them together is true."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import EarlyStopping
from ebbflow.core.errors import ArgumentError
from ebbflow.functions import random
from ebbflow.population import Choice, Integers, LogUniform, Population, Uniform
from ebbflow.training.population import desk, population
from tests.training.conftest import same_bits
from tests.training.population.models import X, Y, build


def alone(pop: Population, number: int, **arguments: Any) -> Any:
    """The member trained by `fit`: (model, history)."""
    member = pop._roster.members[number]
    fold = pop._roster.fold(number)
    ebb.set_random_seed(member.seed)
    model = build(pop.settings[member.setting])
    weights = arguments.pop("sample_weight", None)
    if weights is not None:
        arguments["sample_weight"] = weights[fold.train]
    if fold.validation is not None:
        held = [X[fold.validation], Y[fold.validation], *([] if weights is None else [weights[fold.validation]])]
        arguments["validation_data"] = tuple(held)
    history = model.fit(X[fold.train], Y[fold.train], verbose=0, **arguments)
    return model, history.history


GRID = {"width": [3, 6], "rate": [0.01, 0.03]}
WORK: dict[
    str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
] = {  # what is tried, of which, and by `fit` alone
    "folds": ({"grid": GRID}, {"folds": 3}, {}),
    "folds and early stopping": (
        {"grid": GRID, "seeds": 2},
        {"folds": 2, "early_stopping": 1},
        {"callbacks": lambda: EarlyStopping(patience=1, restore_best_weights=True)},
    ),
    "the last rows": ({"grid": GRID}, {"validation_split": 0.2}, {}),
    "no validation": ({"seeds": [3, 1]}, {"shuffle": False}, {"shuffle": False}),
    "bootstrap": ({"seeds": 3}, {"bootstrap": True}, {}),
    "weights": ({}, {"folds": 2, "sample_weight": np.linspace(0, 2, 103)}, {"sample_weight": np.linspace(0, 2, 103)}),
    "averages of weights": ({"members": [{"options": {"use_ema": True, "ema_momentum": 0.9}}]}, {"folds": 2}, {}),
    "a schedule": ({"members": [{"rate": ebb.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)}]}, {}, {}),
    "other optimizers": ({"grid": {"optimizer": [ebb.optimizers.SGD, ebb.optimizers.RMSprop]}}, {}, {}),
}


@pytest.mark.parametrize("what", WORK)
def test_a_member_is_bit_for_bit_what_it_is_alone(what: str) -> None:
    members, work, single = WORK[what]
    pop = Population(build, **members).fit(X, Y, batch_size=20, epochs=4, verbose=0, **work)
    assert len(pop.results) == len(pop._roster.members) > 0
    for number in range(len(pop._roster.members)):
        arguments = {name: value() if callable(value) else value for name, value in single.items()}
        model, history = alone(pop, number, batch_size=20, epochs=4, **arguments)
        assert pop.history(number) == history
        assert same_bits(pop.model(number).get_weights(), model.get_weights())


@pytest.mark.parametrize("threads", [1, 3])
def test_the_company_and_the_number_of_threads_change_nothing(threads: int) -> None:
    ebb.config.set_threads(threads)
    many = Population(build, grid=GRID, seeds=3).fit(X, Y, epochs=2, folds=2, verbose=0)
    few = Population(build, members=[{"width": 6, "rate": 0.03}], seeds=[1]).fit(X, Y, epochs=2, folds=2, verbose=0)
    numbers = [row["member"] for row in many.results if (row["width"], row["rate"], row["seed"]) == (6, 0.03, 1)]
    for number, other in zip(numbers, range(2), strict=True):
        assert same_bits(many.model(number).get_weights(), few.model(other).get_weights())


def test_settings_that_only_change_numbers_share_a_program(compiled: list[Any]) -> None:
    numbers = {"rate": [0.01, 0.02, 0.05], "dropout": [0.1, 0.4], "penalty": [0.0, 0.1]}
    Population(build, grid=numbers, seeds=2).fit(X[:100], Y[:100], folds=2, verbose=0)
    assert len(compiled) == 1
    Population(build, grid=numbers | {"width": [5, 7]}).fit(X[:100], Y[:100], folds=2, verbose=0)
    assert len(compiled) == 3


def test_a_weight_of_the_loss_and_the_names_of_metrics_are_each_settings_own() -> None:
    def weighted(hp: Any) -> Any:
        model = ebb.Sequential([ebb.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[ebb.metrics.MeanSquaredError(name=hp.name)], loss_weights=hp.weight)
        return model

    pop = Population(weighted, members=[{"weight": 1.0, "name": "error"}, {"weight": 3.0, "name": "distance"}])
    pop.fit(X, Y.astype(np.float32)[:, None], epochs=2, verbose=0)
    for number, setting in enumerate(pop.settings):
        ebb.set_random_seed(0)
        model = weighted(setting)
        history = model.fit(X, Y.astype(np.float32)[:, None], epochs=2, verbose=0)
        assert pop.history(number) == history.history and same_bits(pop.weights(number), model.get_weights())


def test_the_first_model_is_looked_at_and_trained(tmp_path: Path) -> None:
    built: list[Any] = []

    def counting(hp: Any) -> Any:
        built.append(hp.rate)
        return build(hp)

    def fit() -> Population:
        built.clear()
        members = Population(counting, grid={"rate": [0.01, 0.02, 0.03]})
        return members.fit(X, Y, folds=2, checkpoint=tmp_path, verbose=0)

    whole = fit()
    assert built == [0.01, 0.02, 0.03]
    (tmp_path / "member-000003.ebb").unlink()
    again = fit()
    assert built == [0.01, 0.02], "who is done already is looked at alone"
    assert same_bits(again.weights(3), whole.weights(3))


def test_the_session_goes_on_as_if_there_had_been_no_population() -> None:
    def next_numbers() -> list[Any]:
        return [np.random.rand(), ebb.random.uniform((3,)).numpy().tolist()]

    ebb.set_random_seed(8)
    wanted = next_numbers()
    ebb.set_random_seed(8)
    Population(build, seeds=2).fit(X, Y, verbose=0)
    assert next_numbers() == wanted


# what is said of the members


def test_results_and_summary_are_those_of_the_epochs_that_count() -> None:
    pop = Population(build, grid=GRID, seeds=2).fit(X, Y, epochs=6, folds=2, early_stopping=1, verbose=0)
    for row in pop.results:
        history = pop.history(row["member"])
        assert row["epoch"] == int(np.argmin(history["val_loss"]))
        assert (row["val_loss"], row["val_accuracy"]) == (
            min(history["val_loss"]),
            history["val_accuracy"][row["epoch"]],
        )
        assert row["epochs"] == len(history["loss"])
    losses = pop.results["val_loss"]
    for line in pop.summary():
        own = [
            value for value, setting in zip(losses, pop.results["setting"], strict=True) if setting == line["setting"]
        ]
        assert line["members"] == len(own) == 4
        assert line["val_loss"] == pytest.approx(np.mean(own)) and line["val_loss_std"] == pytest.approx(
            np.std(own, ddof=1)
        )
    assert pop.summary()["val_loss"] == sorted(pop.summary()["val_loss"])
    assert pop.summary()["rank"] == [1, 2, 3, 4]


def test_tables_for_others() -> None:
    pop = Population(build, grid=GRID).fit(X, Y, verbose=0)
    assert pop.results.to_pandas()["loss"].tolist() == pop.results.to_polars()["loss"].to_list() == pop.results["loss"]
    assert "width" in repr(pop.summary()) and len(repr(pop.results).splitlines()) == 5


def test_a_metric_that_should_grow_ranks_the_other_way() -> None:
    pop = Population(build, grid=GRID).fit(X, Y, epochs=3, folds=2, monitor="val_accuracy", verbose=0)
    assert pop.summary()["val_accuracy"] == sorted(pop.summary()["val_accuracy"], reverse=True)
    assert pop.ranked()[0] == int(np.argmax(pop.results["val_accuracy"]))


def test_the_best_model_and_the_ensemble(tmp_path: Any) -> None:
    pop = Population(build, grid=GRID, seeds=2).fit(X, Y, epochs=3, validation_split=0.3, verbose=0)
    setting = pop.summary()[0]["setting"]
    rows = [row for row in pop.results if row["setting"] == setting]
    best = min(rows, key=lambda row: row["val_loss"])
    assert same_bits(pop.best().get_weights(), pop.model(best["member"]).get_weights())
    again = pop.best(refit=True)
    assert again.get_weights()[0].shape == pop.best().get_weights()[0].shape

    ensemble = pop.ensemble(3)
    outputs = [pop.model(number).predict(X, verbose=0) for number in pop.ranked()[:3]]
    np.testing.assert_allclose(ensemble.predict(X, verbose=0), np.mean(outputs, axis=0), rtol=1e-5, atol=1e-6)
    ensemble.save(tmp_path / "ensemble.ebb")
    loaded = ebb.load_model(tmp_path / "ensemble.ebb")
    assert same_bits([loaded.predict(X, verbose=0)], [ensemble.predict(X, verbose=0)])


def test_a_member_that_diverges_is_named_and_harms_no_other() -> None:
    pop = Population(build, members=[{"rate": 0.01}, {"rate": 1e38, "optimizer": ebb.optimizers.SGD}])
    pop.fit(X * 100, Y, epochs=20, folds=2, verbose=0)
    assert pop.results["status"] == ["finished"] * 2 + ["diverged"] * 2
    assert pop.summary()["diverged"] == [0, 2] and np.isnan(pop.summary()[1]["val_loss"])
    with pytest.raises(ArgumentError, match="member 2 diverged and has no weights"):
        pop.model(2)


def test_ctrl_c_returns_what_is_done() -> None:
    def interrupted(hp: Any) -> Any:
        if hp.number == 5:
            raise KeyboardInterrupt
        return build(hp)

    pop = Population(interrupted, members=[{"number": k} for k in range(9)]).fit(X, Y, verbose=0)
    assert {row["member"] for row in pop.results} <= set(range(5))


def test_what_a_worker_raises_is_raised() -> None:
    def fail(self: Any, *given: Any) -> None:
        raise OSError("no more memory")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="no more memory"):
        patch.setattr(desk.Desk, "train", fail)
        Population(build, seeds=4).fit(X, Y, verbose=0)


def test_it_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Population(build, seeds=3).fit(X, Y, folds=2, verbose=2)
    assert "6 of 6 networks" in capsys.readouterr().out


# settings


def test_settings_from_distributions_follow_the_seed() -> None:
    import scipy.stats

    random = {"rate": LogUniform(1e-4, 1e-1), "dropout": Uniform(0, 0.5), "width": Integers(2, 9)}
    random |= {"penalty": scipy.stats.loguniform(1e-5, 1e-2), "depth": [1, 2], "kind": Choice(["a", "b"])}
    with pytest.raises(ArgumentError, match="Choice: expected a list of values for values, got 'abc'"):
        Choice("abc")
    one, other = (Population(build, random=(random, 200), seed=seed).settings for seed in (1, 2))
    assert one == Population(build, random=(random, 200), seed=1).settings != other
    rates = np.array([setting.rate for setting in one])
    assert 1e-4 <= rates.min() < 1e-3 and 1e-2 < rates.max() < 1e-1 and 0.001 < np.median(rates) < 0.006
    assert {setting.width for setting in one} == set(range(2, 10)) and {setting.depth for setting in one} == {1, 2}


def test_a_setting_is_read_and_not_written() -> None:
    (setting,) = Population(build, members=[{"width": 3}]).settings
    assert setting.width == setting["width"] == 3 and dict(setting) == {"width": 3} and setting.get("rate") is None
    with pytest.raises(AttributeError, match="this setting has no rate; it has width"):
        _ = setting.rate
    with pytest.raises(AttributeError, match="a setting cannot be changed"):
        setting.width = 4


MISTAKES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "expected one of grid, random and members, got grid and members": ({"grid": {}, "members": [{}]}, {}),
    r"expected a list of values for grid\['rate'\], got 0.1": ({"grid": {"rate": 0.1}}, {}),
    "expected different seeds for seeds": ({"seeds": [1, 1]}, {}),
    "expected one of folds, validation_split, validation_data, got folds and validation_split": (
        {},
        {"folds": 2, "validation_split": 0.1},
    ),
    "expected folds along with groups": ({}, {"groups": Y}),
    "expected at most as many folds as rows": ({}, {"folds": 104}),
    "expected monitor to be one of loss, accuracy, got 'val_loss'": ({}, {"early_stopping": 3}),
    "expected a whole number of at least 0 for early_stopping": ({}, {"early_stopping": "soon"}),
    "expected epochs as a whole number of at least 1": ({}, {"epochs": 0}),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(message: str) -> None:
    members, work = MISTAKES[message]
    with pytest.raises(ArgumentError, match=message):
        Population(build, **members).fit(X, Y, verbose=0, **work)


def test_a_build_that_compiles_nothing_is_named() -> None:
    with pytest.raises(ArgumentError, match="expected build to return a compiled model, got None"):
        Population(lambda hp: None).fit(X, Y, verbose=0)
    assert population.Population is Population is ebb.Population


def test_an_ensemble_is_loaded_where_no_population_is(tmp_path: Any) -> None:
    Population(build, seeds=2).fit(X, Y, verbose=0).ensemble(2).save(tmp_path / "ensemble.ebb")
    load = f"import ebbflow; print(ebbflow.load_model({str(tmp_path / 'ensemble.ebb')!r}).members[1].count_params())"
    result = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, check=True)
    assert int(result.stdout) > 0


def test_first_weights_are_drawn_where_members_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn_here(self: Any) -> Any:
        raise AssertionError("the thread that makes the models has no time for this")

    pop = Population(build, grid=GRID, seeds=2)
    monkeypatch.setattr(random.Uniform, "compute", drawn_here)
    pop.fit(X, Y, folds=2, epochs=1, verbose=0)
    assert set(pop.results["status"]) == {"finished"}


def test_a_rule_of_ones_own_for_first_weights_is_drawn_as_it_says() -> None:
    def narrow(hp: Any) -> Any:
        initializer = ebb.initializers.RandomUniform(-hp.bound, hp.bound)
        model = ebb.Sequential([ebb.layers.Dense(2, kernel_initializer=initializer)])
        model.compile("sgd", ebb.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    pop = Population(narrow, grid={"bound": [0.5, 0.1]}, seeds=2)
    pop.fit(X, Y, epochs=1, batch_size=103, verbose=0)
    for number, row in enumerate(pop.results):
        ebb.set_random_seed(row["seed"])
        model = narrow(pop.settings[row["setting"]])
        model.fit(X, Y, epochs=1, batch_size=103, verbose=0)
        assert same_bits(model.get_weights(), pop.weights(number))


def test_a_number_of_a_metric_of_several_can_be_monitored() -> None:
    def scored(hp: Any) -> Any:
        model = ebb.Sequential([ebb.layers.Dense(2, activation="softmax")])
        model.compile("adam", "categorical_crossentropy", metrics=["f1_score"])
        return model

    targets = np.eye(2, dtype=np.float32)[Y]
    pop = Population(scored, seeds=3).fit(X, targets, epochs=2, monitor="f1_score[1]", verbose=0)
    scores = [pop.results[number]["f1_score[1]"] for number in pop.ranked()]
    assert scores == sorted(scores, reverse=True)
    for name in ("f1_score", "f1_score[2]"):
        with pytest.raises(ArgumentError, match=r"expected monitor to be one of loss, f1_score\[0\], f1_score\[1\]"):
            Population(scored).fit(X, targets, epochs=1, monitor=name, verbose=0)
