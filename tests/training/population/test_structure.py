"""Two models have one portrait where only the values of their variables differ."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.training.population.structure import portrait, variables_of


def portrait_of(note: Any = None, rate: float = 0.1, units: int = 3, regularizer: Any = None) -> Any:
    layer = ebb.layers.Dense(units, activation="tanh", kernel_regularizer=regularizer)
    layer.note = note
    model = ebb.Sequential([layer, ebb.layers.Dropout(rate), ebb.layers.Dense(1)])
    model.compile(ebb.optimizers.Adam(rate), "mse")
    model.build_for((8, 4), np.zeros((8, 1), np.float32))
    return portrait(model, variables_of(model))


def adding(number: int) -> Callable[[int], int]:
    return lambda x: x + number


SHARED = ebb.Variable(1.0)
NOTES: list[Callable[[], Any]] = [
    *(
        lambda one=one: one
        for one in (None, True, False, 1, 0, 1.0, 0.0, -0.0, "1", "", b"1", np.float32(1), np.float64(1))
    ),
    *(lambda one=one: one for one in ([], [1], (1,), [1, 2], [[1], 2], [[1, 2]], {}, {"a": 1}, {"a": 2}, {"b": 1})),
    *(lambda one=one: np.array(one) for one in ([1], [2], [1.0], [[1]])),
    *(lambda one=one: adding(one) for one in (1, 2)),
    lambda: adding,
    lambda: partial(adding, 1),
    lambda: partial(adding, number=1),
    lambda: [ebb.Variable(1.0), ebb.Variable(1.0)],
    lambda: [SHARED, SHARED],
    lambda: ebb.Variable(np.float64(1.0)),
    lambda: ebb.initializers.HeNormal(seed=1),
    lambda: ebb.initializers.HeNormal(seed=2),
    lambda: ebb.initializers.LecunNormal(seed=1),
    lambda: ebb.initializers.LecunNormal,
    lambda: ebb.losses.Huber(name="one"),
]


def test_what_code_may_depend_on_tells_models_apart() -> None:
    found = [portrait_of(make()) for make in NOTES]
    assert found == [portrait_of(make()) for make in NOTES]
    assert len(set(found)) == len(found)
    assert [a == b for a, b in itertools.combinations(found, 2)].count(True) == 0


def test_values_of_variables_and_names_do_not() -> None:
    assert portrait_of(rate=0.1) == portrait_of(rate=0.2)
    assert hash(portrait_of(rate=0.1)) == hash(portrait_of(rate=0.2))
    assert portrait_of(regularizer=ebb.regularizers.L2(0.1)) == portrait_of(regularizer=ebb.regularizers.L2(0.2))
    assert portrait_of(ebb.losses.Huber(name="one")) == portrait_of(ebb.losses.Huber(name="other"))


@pytest.mark.parametrize("other", [{"units": 4}, {"regularizer": "l2"}])
def test_shapes_and_penalties_do(other: dict[str, Any]) -> None:
    assert portrait_of() != portrait_of(**other)
