"""What a device computes is what NumPy means, bit for bit as on the CPU: every primitive, product and random graph."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ebbflow.operators  # noqa: F401  (gives Tensor its operators and completes the registry)
from ebbflow.backends.opencl.driver import Driver
from ebbflow.backends.opencl.program import Executable
from ebbflow.compile import Executable as OnCpu
from ebbflow.core.aval import aval_of
from ebbflow.core.graph import evaluate
from ebbflow.core.primitive import registry
from ebbflow.core.tensor import Tensor, bind, trace
from ebbflow.ops.contraction import contract
from ebbflow.ops.elementwise import exp, tanh
from tests.lowering.test_random_graphs import Drawn, drawn_graphs

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_primitive_agrees_with_its_meaning_and_with_the_cpu(driver: Driver, dtype: str) -> None:
    """All samples (in float64 the first of each) in one graph, since a driver takes its time for each program."""
    rng, most = np.random.default_rng(5), {"float32": None, "float64": 1}[dtype]
    samples = [(p, sample) for _, p in sorted(registry.items()) for sample in islice(p.samples(rng), most)]
    arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for _, sample in samples for x in sample.inputs]

    def function(*xs: Tensor) -> list[Tensor]:
        rest = iter(xs)
        return [bind(p, *(next(rest) for _ in sample.inputs), **sample.params) for p, sample in samples]

    graph = trace(function, [(f"x{k}", aval_of(x)) for k, x in enumerate(arrays)]).graph
    results = Executable(graph, driver)(*arrays), evaluate(graph, arrays), OnCpu(graph)(*arrays)
    for (primitive, _), got, wanted, native in zip(samples, *results, strict=True):
        np.testing.assert_allclose(got, wanted, TOLERANCE[dtype], TOLERANCE[dtype], err_msg=str(primitive), strict=True)
        assert got.tobytes() == native.tobytes(), f"{primitive}: other bits than on the CPU"


# Rows, columns and terms that do not fill their tiles; tiles of 1, 2 x 2 and 4 x 4 elements for each work item; few
# columns, without tiles; transposed, batched, and several summed axes, which the CPU has in panels.
PRODUCTS = [
    ("bi,io->bo", (33, 18), (18, 35)),
    ("bi,io->bo", (300, 20), (20, 500)),
    ("bi,io->bo", (520, 9), (9, 1030)),
    ("bi,io->bo", (40, 50), (50, 3)),
    ("bi,bo->io", (37, 20), (37, 17)),
    ("bo,io->ib", (19, 21), (17, 21)),
    ("nbi,nio->nbo", (3, 9, 17), (3, 17, 12)),
    ("tbi,tbo->io", (3, 20, 11), (3, 20, 9)),
]


def test_products_add_in_the_order_of_the_cpu(driver: Driver) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("float32") for _, *shapes in PRODUCTS for shape in shapes]

    def function(*xs: Tensor) -> list[Tensor]:
        pairs = zip(PRODUCTS, xs[::2], xs[1::2], strict=True)
        products = [contract(x, y, labels) for (labels, *_), x, y in pairs]
        return [*products[1:], tanh(products[0] + 0.5)]  # a bias first, an activation last

    graph = trace(function, [(f"x{k}", aval_of(x)) for k, x in enumerate(arrays)]).graph
    got, wanted, native = Executable(graph, driver)(*arrays), evaluate(graph, arrays), OnCpu(graph)(*arrays)
    for x, y, z in zip(got, wanted, native, strict=True):
        np.testing.assert_allclose(x, y, 1e-4, 1e-4)
        assert x.tobytes() == z.tobytes()


@pytest.mark.parametrize("batched", [True, False], ids=["rows of data", "plain inputs"])
def test_sums_keep_the_lanes_of_the_cpu(driver: Driver, batched: bool) -> None:
    """Along either axis and over all, of numbers whose sum depends on the order."""
    x = np.random.default_rng(1).normal(size=(83, 45)).astype("float32")
    w = np.random.default_rng(2).normal(size=(45, 37)).astype("float32")

    def function(x: Tensor, w: Tensor) -> list[Tensor]:
        return [y.sum(axis=axis) for y in (x * x, w * 3.0, x @ w) for axis in (0, 1, None)]

    graph = trace(function, [("x", aval_of(x)), ("w", aval_of(w))]).graph
    batch = graph.inputs[:1] if batched else []
    for got, native in zip(Executable(graph, driver, batch)(x, w), OnCpu(graph, batch)(x, w), strict=True):
        assert got.tobytes() == native.tobytes()


def test_subnormal_numbers_count_as_zero(driver: Driver) -> None:
    x = np.float32([-88, -95, -103, 1e-20, 3e-39, 2e-38])

    def function(x: Tensor) -> list[Tensor]:
        return [exp(x), x * x, x * 2.0, x * 0.25, x + x, x / 4.0]

    graph = trace(function, [("x", aval_of(x))]).graph
    for got, native in zip(Executable(graph, driver)(x), OnCpu(graph)(x), strict=True):
        assert got.tobytes() == native.tobytes()


@settings(max_examples=6)
@given(drawn=st.one_of(drawn_graphs("float32"), drawn_graphs("float64")))
def test_random_graphs_keep_their_meaning(driver: Driver, drawn: Drawn) -> None:
    results = Executable(drawn.graph, driver, drawn.batch)(*drawn.arrays)
    for got, wanted in zip(results, evaluate(drawn.graph, drawn.arrays), strict=True):
        np.testing.assert_array_equal(got, wanted, strict=True)
