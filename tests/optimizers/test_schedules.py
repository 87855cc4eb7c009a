"""Schedules follow their formulas, drive an optimizer also in compiled code, and survive a file."""

import json
import math
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import optimizers
from ebbflow.core.errors import ArgumentError
from ebbflow.core.tensor import as_tensor
from ebbflow.optimizers import schedules


def restarts(t: int, first: int, t_mul: float, m_mul: float, alpha: float) -> float:
    height, length = 1.0, float(first)
    while t >= length:
        t, length, height = t - length, length * t_mul, height * m_mul
    return (1 - alpha) * height * 0.5 * (1 + math.cos(math.pi * t / length)) + alpha


def cosine(p: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(p, 1.0)))


def one_cycle(t: int, most: float, steps: int) -> float:
    top, low = 0.3 * steps - 1, most / 25.0
    if t <= top:
        return low + (most - low) * cosine(1 - t / top)
    return low / 1e4 + (most - low / 1e4) * cosine((t - top) / (steps - 1 - top))


CASES: dict[str, tuple[Any, Any]] = {
    "exponential": (lambda: schedules.ExponentialDecay(0.1, 7, 0.6), lambda t: 0.1 * 0.6 ** (t / 7)),
    "exponential stairs": (
        lambda: schedules.ExponentialDecay(0.1, 7, 0.6, staircase=True),
        lambda t: 0.1 * 0.6 ** (t // 7),
    ),
    "step": (lambda: schedules.StepDecay(0.1, 10, 0.2), lambda t: 0.1 * 0.2 ** (t // 10)),
    "inverse time": (lambda: schedules.InverseTimeDecay(0.1, 9, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 9)),
    "inverse stairs": (lambda: schedules.InverseTimeDecay(0.1, 9, 0.5, True), lambda t: 0.1 / (1 + 0.5 * (t // 9))),
    "piecewise": (
        lambda: schedules.PiecewiseConstantDecay([5, 20], [0.1, 0.05, 0.01]),
        lambda t: 0.1 if t <= 5 else 0.05 if t <= 20 else 0.01,
    ),
    "polynomial": (
        lambda: schedules.PolynomialDecay(0.1, 20, power=2.0),
        lambda t: (0.1 - 1e-4) * (1 - min(t, 20) / 20) ** 2 + 1e-4,
    ),
    "polynomial cycles": (
        lambda: schedules.PolynomialDecay(0.1, 20, 0.02, power=0.5, cycle=True),
        lambda t: 0.08 * (1 - t / (20 * max(1, math.ceil(t / 20)))) ** 0.5 + 0.02,
    ),
    "cosine": (lambda: schedules.CosineDecay(0.1, 25, alpha=0.1), lambda t: 0.1 * (0.9 * cosine(t / 25) + 0.1)),
    "cosine warmed up": (
        lambda: schedules.CosineDecay(0.01, 25, warmup_target=0.1, warmup_steps=5),
        lambda t: 0.01 + 0.09 * t / 5 if t < 5 else 0.1 * cosine((t - 5) / 25),
    ),
    "restarts": (lambda: schedules.CosineDecayRestarts(0.1, 5), lambda t: 0.1 * restarts(t, 5, 2.0, 1.0, 0.0)),
    "equal restarts": (
        lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=1.0, m_mul=0.8, alpha=0.1),
        lambda t: 0.1 * restarts(t, 5, 1.0, 0.8, 0.1),
    ),
    "one cycle": (lambda: schedules.OneCycle(0.1, 80), lambda t: one_cycle(t, 0.1, 80)),
}
case = pytest.mark.parametrize("name", CASES)
RATES = 80


def test_every_schedule_has_a_formula_here() -> None:
    public = {name for name in schedules.__all__ if name[0].isupper()} - {"LearningRateSchedule"}
    assert {type(make()).__name__ for make, _ in CASES.values()} == public


@case
def test_schedules_follow_their_formulas(name: str) -> None:
    make, formula = CASES[name]
    schedule = make()
    rates = [float(schedule(as_tensor(np.int64(t)))) for t in range(RATES)]
    np.testing.assert_allclose(rates, [formula(t) for t in range(RATES)], rtol=1e-11, atol=1e-16)
    assert float(schedule(7)) == rates[7] == float(schedule(np.int64(7)))


@case
@pytest.mark.parametrize("run_eagerly", [True, False], ids=["eager", "compiled"])
def test_a_schedule_drives_the_steps(name: str, run_eagerly: bool) -> None:
    """With gradient 1, the weight is the sum of the rates so far, below 0."""

    class Line(ebb.Model):
        def build(self, input_shape: Any) -> None:
            self.height = self.add_weight((1,), "zeros")

        def call(self, inputs: Any) -> Any:
            return inputs * 0.0 + self.height

    make, formula = CASES[name]
    model = Line()
    model.compile(optimizers.SGD(make()), loss=lambda y, p: ebb.ops.mean(p, axis=-1), run_eagerly=run_eagerly)
    model.fit(np.zeros((RATES, 1), np.float32), np.zeros((RATES, 1), np.float32), batch_size=1, verbose=0)
    expected = -sum(formula(t) for t in range(RATES))
    np.testing.assert_allclose(model.get_weights()[0], [expected], rtol=1e-5)
    np.testing.assert_allclose(float(model.optimizer.learning_rate), formula(RATES), rtol=1e-9, atol=1e-16)


@case
def test_configurations_survive_a_file(name: str) -> None:
    schedule = CASES[name][0]()
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    optimizer = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizers.Adam(schedule)))))
    assert optimizer.schedule.get_config() == schedule.get_config()


def test_pytorch_agrees_on_one_cycle() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an extra of the benchmarks")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=50)
    ours = schedules.OneCycle(0.1, 50)
    for t in range(49):
        np.testing.assert_allclose(float(ours(t)), optimizer.param_groups[0]["lr"], rtol=1e-10)
        optimizer.step()
        scheduler.step()


class Root(schedules.LearningRateSchedule):
    def __init__(self, initial: float):
        self.initial = initial

    def __call__(self, step: Any) -> Any:
        return self.initial / ebb.ops.sqrt(step + 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"initial": self.initial}


def test_a_schedule_of_ones_own() -> None:
    optimizer = optimizers.SGD(Root(0.5))
    assert float(optimizer.learning_rate) == 0.5
    config = optimizers.serialize(optimizer)
    with pytest.raises(ArgumentError, match="schedules.deserialize: expected one of .* got 'Root'; give a class of"):
        optimizers.deserialize(config)
    assert optimizers.deserialize(config, {"Root": Root}).schedule.initial == 0.5
    with pytest.raises(NotImplementedError, match="LearningRateSchedule: define __call__"):
        schedules.LearningRateSchedule()(0)


def test_numbers_of_a_schedule_are_read_by_the_same_program() -> None:
    schedule = schedules.ExponentialDecay(0.1, 10, 0.5)
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1)])
    model.compile(optimizers.Adam(schedule), "mse")
    data = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)
    model.fit(*data, verbose=0)
    programs, before = len(model.programs.known), model.get_weights()
    schedule.initial_learning_rate = 0.0
    model.fit(*data, verbose=0)
    assert len(model.programs.known) == programs
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_a_scheduled_rate_cannot_be_set_to_a_number_but_to_another_schedule() -> None:
    optimizer = optimizers.Adam(Root(0.5))
    with pytest.raises(ArgumentError, match="adam: expected learning_rate to be left to its Root, got 0.1; make the"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = Root(0.25)
    assert float(optimizer.learning_rate) == 0.25
    plain = optimizers.Adam(0.1)
    plain.learning_rate = Root(0.5)
    assert float(plain.learning_rate) == 0.5


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            "ExponentialDecay: expected a number above 0 for decay_steps",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([3, 2], [1, 2, 3]),
            r"rising step numbers for boundaries, got \[3, 2\]",
        ),
        (lambda: schedules.PiecewiseConstantDecay([3], [1]), r"expected 2 numbers of 0 or more for values, got \[1\]"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), "a number of 1 or more for t_mul, got 0.5"),
        (lambda: schedules.OneCycle(0.1, 1), "a whole number of at least 2 for total_steps, got 1"),
        (lambda: schedules.CosineDecay(-0.1, 5), "CosineDecay: .* for initial_learning_rate, got -0.1"),
    ],
)
def test_bad_arguments_are_named(make: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()
