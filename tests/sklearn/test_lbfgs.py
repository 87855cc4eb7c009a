"""Large problems: lbfgs computes in float32 as far as that leads, and from there in float64."""

from typing import Any

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor as Theirs

from ebbflow.sklearn import MLPRegressor, solving

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 20))
Y = np.sin(X[:, 0]) + X[:, 1] ** 2 + rng.normal(size=400)
COMMON = {"solver": "lbfgs", "hidden_layer_sizes": 30, "alpha": 30.0, "activation": "identity", "random_state": 0}


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The element types of the networks that are trained."""
    seen: list[str] = []
    minimize = solving._minimize

    def noted(one: Any, network: Any, data: Any, left: int) -> float:
        seen.append(network.structure.dtype)
        return minimize(one, network, data, left)

    monkeypatch.setattr(solving, "_minimize", noted)
    return seen


def test_a_minimum_that_float32_can_tell_is_found_in_it(types: list[str]) -> None:
    one = MLPRegressor(tol=0.1, **COMMON).fit(X, Y)
    assert types == ["float32"] and one.stopped_
    assert one.coefs_[0].dtype == np.float64


def test_where_float32_sees_no_way_down_float64_goes_on(types: list[str]) -> None:
    settings = {"tol": 1e-9, "max_iter": 1000, **COMMON}
    one, theirs = MLPRegressor(**settings).fit(X, Y), Theirs(**settings).fit(X, Y)
    assert types == ["float32", "float64"] and one.stopped_
    assert one.loss_ <= theirs.loss_ + 1e-6
    assert one.n_iter_ < 1.5 * theirs.n_iter_ + 10


def test_all_arithmetic_of_a_small_problem_is_float64(types: list[str]) -> None:
    MLPRegressor(**COMMON).fit(X[:50], Y[:50])
    assert types == ["float64"]
