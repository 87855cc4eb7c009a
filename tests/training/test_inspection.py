"""What a compiled step costs can be seen: each kernel's time, and the memory by what it is for."""

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(100, 30)).astype(np.float32)


@pytest.fixture
def model() -> ebb.Sequential:
    model = ebb.Sequential([ebb.Input((30,)), ebb.layers.Dense(64, activation="relu"), ebb.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_a_profile_lists_every_kernel_and_changes_nothing(model: ebb.Sequential) -> None:
    model.fit(X, X[:, :1], batch_size=32, verbose=0)
    before, lines = model.get_weights(), list[str]()
    costs = model.profile(lines.append)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert len(lines) == len(costs) + 2
    # forward: 30-64-1; backward: the gradients of both kernels and of the hidden layer
    products = 2 * 32 * (30 * 64 + 64)
    assert sum(cost.flops for cost in costs) == products * 2 + 2 * 32 * 64
    assert all(cost.seconds > 0 and cost.nbytes > 0 for cost in costs)


def test_memory_is_weights_slots_and_one_batch(model: ebb.Sequential) -> None:
    model.fit(X, X[:, :1], batch_size=32, verbose=0)
    lines = list[str]()
    sizes = model.memory(lines.append)
    parts = sum(size for name, size in sizes.items() if name != "total" and not name.startswith("beside"))
    assert sizes["total"] == parts and len(lines) == len(sizes)
    weights = 4 * (30 * 64 + 64 + 64 + 1)
    assert weights <= sizes["weights"] <= 1.3 * weights
    # what the step stores of a batch: x, the hidden layer, its gradient, the output and its gradient; twice at most for
    # the copies in another layout, rounded up to whole vectors
    batch = 4 * 32 * (32 + 64 + 64 + 16 + 16)
    assert sizes["activations and gradients of one batch"] <= 2 * batch


def test_there_is_nothing_to_see_before_a_fit(model: ebb.Sequential) -> None:
    for look in (model.profile, model.memory):
        with pytest.raises(ArgumentError, match="call fit first"):
            look()


def test_a_profile_holds_the_products_against_the_peak_of_the_machine(model: ebb.Sequential) -> None:
    model.fit(X, X[:, :1], batch_size=32, verbose=0)
    lines = list[str]()
    costs = model.profile(lines.append)
    assert "of peak" in lines[0] and "%" in lines[-1]
    for cost, line in zip(costs, lines[1:], strict=False):
        assert line.count("%") == (2 if cost.flops else 1)
