"""Devices: what there is, choosing one, and what is said of one that is not there."""

from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
import ebbflow.tf as tf
from ebbflow import placement
from ebbflow.core.errors import ArgumentError
from ebbflow.sklearn import MLPClassifier


class Gpu:
    """Stands in for a driver: it computes nothing."""

    def __init__(self, name: str):
        self.name, self.description = name, "Example 9000"


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> list[Gpu]:
    gpus = [Gpu("gpu:0"), Gpu("gpu:1")]
    monkeypatch.setattr(placement, "_drivers", lambda: gpus)
    return gpus


def test_the_processor_comes_first(two_gpus: list[Gpu]) -> None:
    assert [device.name for device in ebb.devices()] == ["cpu", "gpu:0", "gpu:1"]
    assert str(ebb.devices()[1]) == "gpu:0 Example 9000"


def test_a_device_is_chosen_for_as_long_as_its_context_lasts(two_gpus: list[Gpu]) -> None:
    assert placement.chosen() is None
    with ebb.device("gpu") as device:
        assert device.name == "gpu:0" and placement.chosen() is two_gpus[0]
        with ebb.device(ebb.devices()[2]):
            assert placement.chosen() is two_gpus[1]
        with ebb.device("cpu"):
            assert placement.chosen() is None
        assert placement.chosen() is two_gpus[0]
    assert placement.chosen() is None


@pytest.mark.parametrize("name", ["gpu:2", "tpu", 3, None])
def test_a_device_that_is_not_there_is_named(two_gpus: list[Gpu], name: Any) -> None:
    with pytest.raises(ArgumentError) as error, ebb.device(name):
        pass
    text = str(error.value)
    assert f"gpu:1 Example 9000, got {name!r}" in text and "pip install 'ebbflow[gpu]'" in text


def test_what_only_the_processor_does_is_refused_elsewhere(two_gpus: list[Gpu]) -> None:
    placement.expect_processor("Population.fit")
    with (
        ebb.device("gpu"),
        pytest.raises(ArgumentError, match="Population.fit: expected the device \"cpu\", got 'gpu:0'"),
    ):
        placement.expect_processor("Population.fit")


def test_populations_and_estimators_are_trained_by_the_processor(two_gpus: list[Gpu]) -> None:
    x, y = np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1])
    population = ebb.Population(lambda hp: ebb.Sequential([ebb.layers.Dense(2)]), seeds=2)
    for owner, fit in (("Population", population.fit), ("MLPClassifier", MLPClassifier().fit)):
        with ebb.device("gpu"), pytest.raises(ArgumentError, match=f'{owner}.fit: expected the device "cpu"'):
            fit(x, y)


def test_the_names_of_tensorflow(two_gpus: list[Gpu]) -> None:
    assert [gpu.name for gpu in tf.config.list_physical_devices("GPU")] == ["gpu:0", "gpu:1"]
    assert len(tf.config.list_physical_devices()) == 3
    for name in ("/GPU:1", "/device:GPU:1", "gpu:1", "/job:localhost/replica:0/task:0/device:GPU:1"):
        with tf.device(name):
            assert placement.chosen() is two_gpus[1]
    with tf.device("/CPU:0"):
        assert placement.chosen() is None
