"""Initial values have the bounds and moments that their formulas say."""

import json
import math
from typing import Any

import numpy as np
import pytest

from ebbflow import initializers, layers
from ebbflow.core.aval import Aval, aval_of
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.tensor import Tensor
from ebbflow.core.variable import Deferred, Variable
from ebbflow.functions import random

SHAPE = FAN_IN, FAN_OUT = 400, 300

# name: standard deviation, greatest magnitude (None: unbounded)
SCALED = {
    "glorot_uniform": (math.sqrt(2 / (FAN_IN + FAN_OUT)), math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "glorot_normal": (math.sqrt(2 / (FAN_IN + FAN_OUT)), 2 * math.sqrt(2 / (FAN_IN + FAN_OUT)) / 0.8796),
    "he_uniform": (math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    "he_normal": (math.sqrt(2 / FAN_IN), 2 * math.sqrt(2 / FAN_IN) / 0.8796),
    "lecun_uniform": (math.sqrt(1 / FAN_IN), math.sqrt(3 / FAN_IN)),
    "lecun_normal": (math.sqrt(1 / FAN_IN), 2 * math.sqrt(1 / FAN_IN) / 0.8796),
    "variance_scaling": (math.sqrt(1 / FAN_IN), 2 * math.sqrt(1 / FAN_IN) / 0.8796),
    "random_uniform": (0.1 / math.sqrt(12), 0.05),
    "random_normal": (0.05, None),
    "truncated_normal": (0.05 * 0.8796, 0.1),
}
NAMES = [*SCALED, "zeros", "ones", "constant", "identity", "orthogonal"]


@pytest.mark.parametrize("name", SCALED)
def test_moments_and_bounds(name: str) -> None:
    random.set_random_seed(1)
    stddev, bound = SCALED[name]
    values = initializers.get(name)(SHAPE).numpy().astype(float)
    assert values.shape == SHAPE
    assert abs(values.mean()) < 4 * stddev / math.sqrt(values.size)
    assert abs(values.std() / stddev - 1) < 0.01
    assert bound is None or 0.97 * bound < np.abs(values).max() <= bound * (1 + 1e-4)


def test_constants() -> None:
    np.testing.assert_array_equal(initializers.get("zeros")((2, 3)).numpy(), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.get("ones")((2, 3)).numpy(), np.ones((2, 3)))
    np.testing.assert_array_equal(initializers.Constant(2.5)((2,)).numpy(), [2.5, 2.5])


def test_every_initializer_is_tried_here() -> None:
    public = {cls for name, cls in vars(initializers).items() if isinstance(cls, type) and name in initializers.__all__}
    assert {type(initializers.get(name)) for name in NAMES} == public - {initializers.Initializer}
    assert all(getattr(initializers, name) is type(initializers.get(name)) for name in NAMES)


@pytest.mark.parametrize(("distribution", "bound"), [("untruncated_normal", None), ("uniform", math.sqrt(3))])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", FAN_IN), ("fan_out", FAN_OUT), ("fan_avg", 350)])
def test_variance_scaling(distribution: str, bound: float | None, mode: str, fan: float) -> None:
    initializer = initializers.VarianceScaling(2.0, mode, distribution, seed=1)
    values = initializer(SHAPE, "float64").numpy() / math.sqrt(2.0 / fan)
    assert abs(values.mean()) < 4 / math.sqrt(values.size) and abs(values.std() - 1) < 0.01
    assert bound is None or np.abs(values).max() <= bound


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 4), (2, 1)], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
def test_orthogonal_matrices_are_orthogonal(shape: tuple[int, ...], dtype: str, tolerance: float) -> None:
    q = initializers.Orthogonal(gain=1.5, seed=1)(shape, dtype).numpy().astype(float)
    q = q.reshape(-1, shape[-1])
    shorter = q.T @ q if len(q) >= shape[-1] else q @ q.T
    np.testing.assert_allclose(shorter, 1.5**2 * np.eye(len(shorter)), atol=10 * tolerance)


def test_orthogonal_matrices_point_everywhere() -> None:
    initializer, shape = initializers.Orthogonal(seed=random.SeedGenerator(1)), (3, 3)
    drawn = np.stack([initializer(shape, "float64").numpy() for _ in range(500)])
    np.testing.assert_allclose(drawn.mean(0), 0, atol=4 / math.sqrt(3 * 500))
    np.testing.assert_allclose((drawn**2).mean(0), 1 / 3, atol=0.06)
    assert 0.4 < (np.linalg.det(drawn) > 0).mean() < 0.6


def test_identity() -> None:
    np.testing.assert_array_equal(initializers.Identity(2)((2, 3)).numpy(), [[2, 0, 0], [0, 2, 0]])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_is_the_one_asked_for(name: str, dtype: str) -> None:
    assert str(initializers.get(name)((2, 3), dtype=dtype).aval) == f"{dtype}[2,3]"


@pytest.mark.parametrize("name", NAMES)
def test_class_names_work_and_configurations_survive_a_file(name: str) -> None:
    initializer = initializers.get(name)
    assert type(initializers.get(type(initializer).__name__)) is type(initializer)
    config = json.loads(json.dumps(initializers.serialize(initializer)))
    again = initializers.deserialize(config)
    assert type(again) is type(initializer) and again.get_config() == initializer.get_config()
    assert type(initializer.clone()) is type(initializer)


def test_short_names_of_keras() -> None:
    short = {"uniform": "RandomUniform", "normal": "RandomNormal", "zero": "Zeros", "one": "Ones"}
    long = {"IdentityInitializer": "Identity", "OrthogonalInitializer": "Orthogonal"}
    assert {name: type(initializers.get(name)).__name__ for name in short | long} == short | long


RANDOM = [name for name in NAMES if "seed" in initializers.get(name).get_config()]


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_gives_the_same_values_at_every_call_and_none_gives_new_ones(name: str) -> None:
    cls = type(initializers.get(name))
    seeded, free = cls(seed=3), cls()
    np.testing.assert_array_equal(seeded((4, 4)).numpy(), cls.from_config(seeded.get_config())((4, 4)).numpy())
    np.testing.assert_array_equal(seeded((4, 4)).numpy(), seeded((4, 4)).numpy())
    assert (free((4, 4)).numpy() != free((4, 4)).numpy()).all()


@pytest.mark.parametrize("name", RANDOM)
def test_the_global_seed_determines_initial_values(name: str) -> None:
    def values() -> np.ndarray:
        random.set_random_seed(3)
        return initializers.get(name)((4, 4)).numpy()

    np.testing.assert_array_equal(values(), values())


def test_functions_and_numbers_are_initializers() -> None:
    np.testing.assert_array_equal(initializers.get(7)((2,)).numpy(), [7, 7])
    np.testing.assert_array_equal(initializers.get(lambda shape, dtype: np.full(shape, 3, dtype))((2,)).numpy(), [3, 3])
    assert isinstance(initializers.get(np.eye(2))((2, 2)), Tensor)
    assert initializers.get(None) is None
    with pytest.raises(ArgumentError, match=r"expected an Initializer, got <function .*, which a file cannot hold"):
        initializers.serialize(initializers.get(lambda shape, dtype: 0))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(
        ArgumentError, match=r"expected an Initializer, a function or one of zeros, .*; did you mean 'glorot_uniform'\?"
    ):
        initializers.get("gloro_uniform")
    with pytest.raises(ArgumentError, match=r"RandomNormal: expected a number of at least 0 for stddev, got -1"):
        initializers.RandomNormal(stddev=-1)
    with pytest.raises(ArgumentError, match=r"VarianceScaling: expected one of 'fan_in', .* for mode, got 'fan'"):
        initializers.VarianceScaling(mode="fan")
    with pytest.raises(ArgumentError, match=r"expected a seed below 2\^32"):
        initializers.GlorotUniform(seed=2**40)
    with pytest.raises(ShapeError, match=r"^Identity: expected the shape of a matrix, got \(3,\)$"):
        initializers.Identity()((3,))
    with pytest.raises(ShapeError, match=r"^Orthogonal: expected a shape of at least two axes, got \(3,\)$"):
        initializers.Orthogonal()((3,))
    with pytest.raises(ArgumentError, match=r"^initializers.deserialize: expected one of Zeros, .*, got 'Sobol'"):
        initializers.get({"class_name": "Sobol"})


@pytest.mark.parametrize("name", NAMES)
def test_values_that_are_drawn_later_are_those_of_a_call(name: str) -> None:
    random.set_random_seed(3)
    called = [initializers.get(name)((4, 4)).numpy() for _ in range(2)]
    random.set_random_seed(3)
    later = [Variable(initializers.get(name).later((4, 4))) for _ in range(2)]
    assert [variable.aval for variable in later] == [aval_of(values) for values in called]
    for variable, values in reversed(list(zip(later, called, strict=True))):  # whatever the order of reading
        np.testing.assert_array_equal(variable.numpy(), values)
        assert variable.deferred is None


def test_an_initializer_of_ones_own_is_called_for_what_it_promises() -> None:
    class Halved(initializers.GlorotUniform):
        def __call__(self, shape: Any, dtype: Any = None) -> Tensor:
            return super().__call__(shape, dtype) * 0.5

    layer = layers.Dense(300, kernel_initializer=Halved(seed=1))
    layer.build((None, 400))
    expected = initializers.GlorotUniform(seed=1)(SHAPE) * 0.5
    np.testing.assert_array_equal(layer.kernel.numpy(), expected.numpy())


def test_weights_that_are_replaced_are_never_drawn() -> None:
    class Unneeded(Deferred):
        aval = Aval((2,), np.dtype("float32"))

        def compute(self) -> Tensor:
            raise AssertionError("nobody asked for this value")

    variable = Variable(Unneeded())
    assert variable.shape == (2,) and variable.dtype == np.float32
    variable.assign([1.0, 2.0])
    np.testing.assert_array_equal(variable.numpy(), [1.0, 2.0])


@pytest.mark.parametrize("make", [list, np.array, Tensor])
def test_a_constant_may_be_an_array_that_is_repeated_and_written_to_files(make: Any) -> None:
    rows = np.arange(6.0).reshape(3, 2)
    constant = initializers.Constant(rows.tolist() if make is list else make(rows))
    for one in (constant, initializers.deserialize(json.loads(json.dumps(initializers.serialize(constant))))):
        values = one((3, 2))
        assert str(values.aval) == "float32[3,2]" and values.numpy().tolist() == rows.tolist()
        assert one((4, 3, 2), "float64").numpy().tolist() == [rows.tolist()] * 4
    table = layers.Embedding(3, 2, embeddings_initializer=constant)
    np.testing.assert_array_equal(table(np.array([2, 0])).numpy(), rows[[2, 0]])
    with pytest.raises(ShapeError, match="does not broadcast"):
        constant((2, 3))
    for wrong in ([1.0, float("nan")], [[1.0], [1.0, 2.0]]):
        with pytest.raises(ArgumentError, match="Constant: expected a finite number or an array of them for value"):
            initializers.Constant(wrong)
