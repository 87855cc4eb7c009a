"""Random numbers follow from their state alone, and have the distributions that they are named after."""

import math
import random as python_random
from collections.abc import Callable

import numpy as np
import pytest

from ebbflow.core.errors import ArgumentError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import Tensor, trace
from ebbflow.functions import random

N = 100_000
STATE = np.array([7, 0, 3, 11], np.uint32)


def drawn_after_seed(seed: int) -> np.ndarray:
    random.set_random_seed(seed)
    own = random.SeedGenerator()
    return np.concatenate([random.uniform((4,)).numpy(), random.uniform((4,), seed=own).numpy()])


def test_the_seed_determines_everything_that_follows() -> None:
    np.testing.assert_array_equal(drawn_after_seed(5), drawn_after_seed(5))
    assert not (drawn_after_seed(5) == drawn_after_seed(6)).any()


def test_a_generator_moves_on_and_can_be_put_back() -> None:
    generator = random.SeedGenerator(3)
    first, second = (random.normal((5,), seed=generator).numpy() for _ in range(2))
    assert (first != second).all()
    generator.state.assign(np.array([3, 0, 0, 0], np.uint32))
    np.testing.assert_array_equal(random.normal((5,), seed=generator).numpy(), first)


def test_generators_without_a_seed_are_different_streams() -> None:
    random.set_random_seed(1)
    one, other = random.SeedGenerator(), random.SeedGenerator()
    assert (random.uniform((8,), seed=one).numpy() != random.uniform((8,), seed=other).numpy()).all()


def test_a_number_as_seed_gives_the_same_values_every_time() -> None:
    np.testing.assert_array_equal(random.uniform((5,), seed=9).numpy(), random.uniform((5,), seed=9).numpy())


@pytest.mark.parametrize(
    "drawn", [2, 3]
)  # NumPy makes normal numbers in pairs, of which an odd number leaves half a one
def test_a_seed_for_a_while_changes_nothing_that_follows(drawn: int) -> None:
    def some() -> list[float]:
        return [*np.random.randn(drawn), python_random.random(), random.uniform(()).numpy().item(), np.random.rand()]

    def after(interlude: Callable[[], object]) -> list[float]:
        random.set_random_seed(5)
        first = some()
        interlude()
        return first + some()

    inside = []

    def interlude() -> None:
        with random.seeded(8):
            inside.append(some())
            with random.seeded(8):
                inside.append(some())
            some()

    assert after(interlude) == after(lambda: None)
    random.set_random_seed(8)
    assert inside == [some()] * 2
    with pytest.raises(ZeroDivisionError), random.seeded(8):
        1 / 0  # noqa: B018
    assert after(interlude) == after(lambda: None)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7"])
def test_seeds_are_whole_numbers_of_32_bits(seed: object) -> None:
    with pytest.raises(ArgumentError, match="seed"):
        random.set_random_seed(seed)


def test_traced_draws_equal_eager_ones_and_move_the_generator() -> None:
    generator = random.SeedGenerator(4)
    traced = trace(lambda: [random.normal((3,), seed=generator), random.normal((3,), seed=generator)], [])
    first, second, state = evaluate(traced.graph, [v.numpy() for v in traced.variables])
    np.testing.assert_array_equal(first, random.normal((3,), seed=generator).numpy())
    np.testing.assert_array_equal(second, random.normal((3,), seed=generator).numpy())
    np.testing.assert_array_equal(state, generator.state.numpy())


def kolmogorov_distance(sample: np.ndarray, distribution: np.ndarray) -> float:
    """The largest gap between the sample's distribution and `distribution`, which is given at the sorted sample."""
    ranks = np.arange(len(sample) + 1) / len(sample)
    return max(np.abs(distribution - ranks[1:]).max(), np.abs(distribution - ranks[:-1]).max())


def normal_distribution(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.array([math.erf(v / math.sqrt(2)) for v in x]))


def test_distributions() -> None:
    limit = 1.63 / math.sqrt(N)  # exceeded with probability 0.01; the seeds are fixed
    uniform = np.sort(random.uniform((N,), -2.0, 3.0, seed=1).numpy())
    assert uniform[0] >= -2.0 and uniform[-1] < 3.0
    assert kolmogorov_distance(uniform, (uniform + 2) / 5) < limit
    normal = np.sort(random.normal((N,), 1.0, 2.0, dtype="float64", seed=2).numpy())
    assert kolmogorov_distance(normal, normal_distribution((normal - 1) / 2)) < limit
    truncated = np.sort(random.truncated_normal((N,), seed=3).numpy().astype(float))
    assert truncated[0] >= -2.0 and truncated[-1] <= 2.0
    below, above = normal_distribution(np.array([-2.0, 2.0]))
    assert kolmogorov_distance(truncated, (normal_distribution(truncated) - below) / (above - below)) < limit


def test_the_inverse_error_function_inverts_the_error_function() -> None:
    x = np.linspace(-1, 1, 4001, dtype=np.float32)[1:-1]
    x = np.concatenate([x, np.float32([1 - 2**-23, -1 + 2**-23, 2**-23])])
    y = random.inverse_error_function(Tensor(x)).numpy().astype(float)
    error = (np.array([math.erf(v) for v in y]) - x) * math.sqrt(math.pi) / 2 * np.exp(y * y)
    assert (np.abs(error) <= 4e-7 * np.abs(y)).all()


def test_dropout_keeps_the_mean_and_the_mask_follows_from_the_state() -> None:
    x = np.ones((200, 500), np.float32)
    for rate in (0.0, 0.2, 0.9):
        y = random.dropout(x, rate, seed=8).numpy()
        kept = y != 0
        assert abs(kept.mean() - (1 - rate)) < 4 * math.sqrt(max(rate * (1 - rate), 1e-12) / x.size)
        np.testing.assert_allclose(y[kept], 1 / (1 - rate), rtol=1e-6)
        np.testing.assert_array_equal(y, random.dropout(x, rate, seed=8).numpy())


def test_a_noise_shape_drops_whole_rows() -> None:
    y = random.dropout(np.ones((50, 6), np.float32), 0.5, noise_shape=(50, 1), seed=1).numpy()
    assert set(y.sum(axis=1).tolist()) == {0.0, 12.0}


def test_a_permutation_is_the_shuffle_that_native_code_makes() -> None:
    n = 9
    words = [int(word) for word in random.random_bits(Tensor(STATE), (n,)).numpy()]
    expected = list(range(n))
    for i in range(n - 1, 0, -1):
        j = (words[i] * (i + 1)) >> 32
        expected[i], expected[j] = expected[j], expected[i]
    actual = random.permutation(STATE, n)
    assert actual.dtype == np.int64 and actual.tolist() == expected


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_a_permutation_has_every_row_once(n: int) -> None:
    assert sorted(random.permutation(STATE, n).tolist()) == list(range(n))


def test_all_orders_are_equally_likely() -> None:
    orders = [tuple(random.permutation(np.array([7, 0, 3, k], np.uint32), 3)) for k in range(3000)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 6 and ((counts - 500) ** 2 / 500).sum() < 15.1  # chi square, 5 degrees of freedom, 1%
