"""The public names, settings of the process, and small helpers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError

ROOT = Path(__file__).parents[2]


def test_every_public_name_is_there() -> None:
    assert [name for name in ebb.__all__ if getattr(ebb, name, None) is None] == []
    assert set(dir(ebb)) == set(ebb.__all__)
    with pytest.raises(AttributeError, match="module 'ebbflow' has no attribute 'Sequental'"):
        ebb.Sequental  # noqa: B018


@pytest.mark.parametrize("name", ["Input", "Sequential", "Variable", "grad", "layers", "losses", "ops"])
def test_public_operations_are_complete_whatever_is_used_first(name: str) -> None:
    program = f"""
import ebbflow
ebbflow.{name}
print(float(ebbflow.ops.softmax([0.0, 0.0]).numpy()[0]) + float((ebbflow.Variable(1.0) + 1.0).numpy()))
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "2.5\n"


def test_threads_are_all_cores_or_a_number() -> None:
    assert ebb.config.threads() is None
    ebb.config.set_threads(2)
    assert ebb.config.threads() == 2
    ebb.config.set_threads(None)
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ArgumentError, match="set_threads: expected a whole number of at least 1"):
            ebb.config.set_threads(wrong)


def test_floatx_is_the_type_of_new_weights_and_data() -> None:
    ebb.config.set_floatx("float64")
    try:
        model = ebb.Sequential([ebb.layers.Dense(1)])
        assert model.predict(np.ones((2, 2), np.float32), verbose=0).dtype == np.float64
    finally:
        ebb.config.set_floatx("float32")


def test_classes_become_rows_with_a_one() -> None:
    assert ebb.utils.to_categorical([2, 0]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert ebb.utils.to_categorical([[1], [0]], num_classes=3).shape == (2, 3)
    assert ebb.utils.to_categorical(np.zeros((2, 5)), 2).shape == (2, 5, 2)
    for wrong, message in (([0.5], "whole numbers"), (["a"], "whole numbers"), ([3], "classes from 0 to 2, got 3")):
        with pytest.raises(ArgumentError, match=message):
            ebb.utils.to_categorical(wrong, 3)
