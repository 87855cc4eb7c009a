"""A time limit: no member begins after it, none is waited for, and what is done is kept."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebbflow.core.errors import ArgumentError
from ebbflow.population import Population
from ebbflow.training.population import limit
from tests.training.conftest import same_bits
from tests.training.population.models import build

RANDOM = np.random.default_rng(5)
X = RANDOM.standard_normal((100, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
MEMBERS = [{"number": number} for number in range(9)]
FIT: dict[str, Any] = {"batch_size": 20, "epochs": 3, "verbose": 0}


class Clock:
    """Stands for threading.Timer; its time is over when a test says so."""

    def __init__(self, seconds: float, function: Any, arguments: Any):
        self.seconds, self.cancelled = seconds, False
        self.ring = lambda: function(*arguments)
        Clock.last = self

    def start(self) -> None:
        pass

    def cancel(self) -> None:
        self.cancelled = True


def build_until_five(hp: Any) -> Any:
    if hp.number == 5:
        Clock.last.ring()
    return build(hp)


def test_what_is_done_is_kept_and_the_rest_can_be_trained_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limit, "Timer", Clock)
    pop = Population(build_until_five, members=MEMBERS)
    pop.fit(X, Y, **(FIT | {"verbose": 2}), checkpoint=tmp_path, seconds=60)
    assert 59 < Clock.last.seconds <= 60 and Clock.last.cancelled
    done = pop.results["member"]
    assert set(done) <= set(range(6)), "who was handed out may be done, nobody begins"
    assert f"fit: its 60 seconds are over; {len(done)} of 9 networks are done and kept" in capsys.readouterr().out
    whole = Population(build, members=MEMBERS).fit(X, Y, **FIT)
    rest = Population(build, members=MEMBERS).fit(X, Y, **FIT, checkpoint=tmp_path)
    assert all(same_bits(pop.weights(number), whole.weights(number)) for number in done)
    assert list(rest.results) == list(whole.results)


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_who_is_under_way_is_not_waited_for(where: str) -> None:
    long = FIT | {"epochs": 1_000_000}  # minutes, if anyone waited for them
    with ThreadPoolExecutor(1) as executor:  # whose end waits for its workers
        pop = Population(build, seeds=3)
        pop.fit(X, Y, **long, seconds=0.2, executor=executor if where == "elsewhere" else None)
        assert len(pop.results) == 0


def test_a_fit_that_is_in_time_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pop = Population(build, seeds=2).fit(X, Y, **(FIT | {"verbose": 2}), seconds=1000)
    assert len(pop.results) == 2 and "over" not in capsys.readouterr().out


@pytest.mark.parametrize("seconds", [-1, "soon"])
def test_a_limit_that_is_none_is_named(seconds: Any) -> None:
    with pytest.raises(ArgumentError, match="fit: expected a number of at least 0 for seconds"):
        Population(build).fit(X, Y, **FIT, seconds=seconds)
