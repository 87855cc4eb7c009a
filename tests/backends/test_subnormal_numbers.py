"""Native code counts numbers nearer to 0 than the smallest normal one as 0; the caller's own arithmetic does not."""

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import ops
from ebbflow.compile import Executable
from ebbflow.core.aval import aval_of
from ebbflow.core.tensor import trace


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_subnormal_operands_and_results_are_zero_in_native_code_alone(dtype: str) -> None:
    tiny = np.finfo(dtype).tiny
    x, half = np.full(20, tiny, dtype), np.full(20, 0.5, dtype)
    graph = trace(ops.multiply, [("x", aval_of(x)), ("half", aval_of(half))], "f").graph
    compute = Executable(graph)
    assert (compute(x, half)[0] == 0).all(), "a subnormal result"
    assert (compute(x / 2, 2 * half)[0] == 0).all(), "a subnormal operand"
    assert (compute(x, 2 * half)[0] == tiny).all(), "the smallest normal number stays"
    assert (x * half > 0).all(), "NumPy, in the same thread, still has subnormal numbers"


@pytest.mark.parametrize("threads", [1, 2])
def test_moments_of_dead_units_do_not_become_subnormal(threads: int) -> None:
    """Adam's momentum of a unit without gradient shrinks by a tenth every step, until a tenth of it is 0."""
    ebb.set_random_seed(1)
    random = np.random.default_rng(1)
    x, y = random.standard_normal((64, 40), dtype=np.float32), random.random((64, 1), dtype=np.float32)
    model = ebb.Sequential([ebb.Input((40,)), ebb.layers.Dense(48, activation="relu"), ebb.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    weights, bias, *rest = model.get_weights()
    model.set_weights([weights, np.full_like(bias, -1e3), *rest])  # every unit dies
    before = ebb.config.threads()
    try:
        ebb.config.set_threads(threads)
        model.fit(x, y, batch_size=32, epochs=600, verbose=0)
    finally:
        ebb.config.set_threads(before)
    tiny = np.finfo("float32").tiny
    momenta = [np.abs(v.numpy()) for v in model.optimizer.variables if v.name.endswith("momentum")]
    assert not any(((m > 0) & (m < tiny)).any() for m in momenta)
    assert any((m < 20 * tiny).all() for m in momenta), "the first layer's are as near to 0 as they go"
