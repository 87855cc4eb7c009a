"""Members that pause, that are kept in a folder, or that are trained elsewhere, are what they would have been."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebbflow.callbacks import EarlyStopping
from ebbflow.core.errors import ArgumentError
from ebbflow.population import Hyperband, Population, SuccessiveHalving
from tests.training.conftest import same_bits
from tests.training.population.models import X, Y, build

ROOT = Path(__file__).parents[3]
MEMBERS = [{"rate": float(rate)} for rate in np.geomspace(1e-4, 1e-1, 9)]
FIT: dict[str, Any] = {"batch_size": 20, "epochs": 9, "folds": 2, "verbose": 0}


def equal(one: Population, other: Population, numbers: Any) -> bool:
    return all(
        one.history(n) == other.history(n) and same_bits(one.model(n).get_weights(), other.model(n).get_weights())
        for n in numbers
    )


@pytest.mark.parametrize(
    "stopping", [None, EarlyStopping(patience=2, restore_best_weights=True)], ids=["to the end", "early stopping"]
)
def test_who_pauses_goes_on_as_if_it_had_not(stopping: Any) -> None:
    whole = Population(build, members=MEMBERS).fit(X, Y, early_stopping=stopping, **FIT)
    search = SuccessiveHalving(factor=3, min_epochs=1)
    halved = Population(build, members=MEMBERS).fit(X, Y, early_stopping=stopping, search=search, **FIT)
    ended = [row["member"] for row in halved.results if row["status"] != "dropped"]
    assert 2 <= len(ended) < 18 and equal(halved, whole, ended)
    for row in halved.results:
        if row["status"] == "dropped":
            history = whole.history(row["member"])
            assert {k: v[: row["epochs"]] for k, v in history.items()} == halved.history(row["member"])


def test_the_worst_settings_are_dropped_at_every_rung() -> None:
    whole = Population(build, members=MEMBERS).fit(X, Y, **FIT)
    pop = Population(build, members=MEMBERS).fit(X, Y, search=SuccessiveHalving(factor=3, min_epochs=1), **FIT)
    epochs = dict(zip(pop.results["setting"], pop.results["epochs"], strict=True))
    at_rung = [np.mean([whole.history(2 * s + f)["val_loss"][0] for f in (0, 1)]) for s in range(9)]
    assert {s for s, reached in epochs.items() if reached > 1} == set(np.argsort(at_rung)[:3])
    assert sorted(epochs.values()) == [1] * 6 + [3] * 2 + [9]
    assert pop.summary()["dropped"] == [False] + [True] * 8
    assert pop.summary()[0]["setting"] == max(epochs, key=lambda setting: epochs[setting])


def test_hyperband_lets_some_settings_be_judged_late() -> None:
    brackets = Hyperband(factor=3).brackets(30, 27)
    assert sorted(number for bracket in brackets for number in bracket.settings) == list(range(30))
    assert [bracket.rungs for bracket in brackets] == [[1, 3, 9, 27], [3, 9, 27], [9, 27], [27]]
    sizes = [len(bracket.settings) for bracket in brackets]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] >= 1
    pop = Population(build, members=MEMBERS).fit(X, Y, search=Hyperband(), **FIT)
    assert len(pop.results) == 18 and pop.best() is not None


def test_rungs_by_default_leave_one_setting_for_the_end() -> None:
    (bracket,) = SuccessiveHalving(factor=2).brackets(8, 64)
    assert bracket.rungs == [8, 16, 32, 64]
    with pytest.raises(ArgumentError, match="SuccessiveHalving: expected .* for factor, got 1"):
        SuccessiveHalving(factor=1)


# a folder of members that are done


def test_a_checkpoint_is_taken_up_and_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ebbflow.training.population import desk

    one = Population(build, members=MEMBERS).fit(X, Y, checkpoint=tmp_path / "kept", **FIT)
    trained: list[int] = []
    real = desk.Desk.train
    monkeypatch.setattr(desk.Desk, "train", lambda self, *given: trained.append(1) or real(self, *given))
    (tmp_path / "kept" / "member-000003.ebb").unlink()
    damaged = tmp_path / "kept" / "member-000007.ebb"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    other = Population(build, members=MEMBERS).fit(X, Y, checkpoint=tmp_path / "kept", **FIT)
    assert len(trained) == 2 and equal(one, other, range(18))


def test_a_checkpoint_of_another_population_is_refused(tmp_path: Path) -> None:
    Population(build, members=MEMBERS[:2]).fit(X, Y, checkpoint=tmp_path, **FIT)
    for members, x in ((MEMBERS[1:3], X), (MEMBERS[:2], X + 1)):
        with pytest.raises(ArgumentError, match="to hold members of this population, got those of one with other"):
            Population(build, members=members).fit(x, Y, checkpoint=tmp_path, **FIT)


SCRIPT = """
import sys
from tests.training.population.test_search import FIT, MEMBERS, X, Y, Population, build
Population(build, members=MEMBERS, seeds=40).fit(X, Y, checkpoint=sys.argv[1], **FIT)
"""


def test_a_population_that_is_killed_goes_on(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT)
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("member-*"))) < 20 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(tmp_path.glob("member-*")))
    assert 20 <= kept < 720, "it was killed before its end"
    again = Population(build, members=MEMBERS, seeds=40).fit(X, Y, checkpoint=tmp_path, **FIT)
    fresh = Population(build, members=MEMBERS, seeds=2).fit(X, Y, **FIT)
    assert len(again.results) == 720
    assert equal(fresh, again, range(4))
