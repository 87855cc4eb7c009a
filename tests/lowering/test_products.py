"""Products whose loops take other ways than those of small random graphs: tall tiles, far operands, long sums."""

from collections.abc import Callable

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.autodiff import GradientTape
from ebbflow.backends.cpu.target import host
from ebbflow.compile import Executable
from ebbflow.core.aval import Aval
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import Tensor, trace
from ebbflow.functions.array import where
from ebbflow.ops.elementwise import relu, tanh
from ebbflow.ops.random import MULTIPLIERS, ROUNDS, WORDS, random_bits
from ebbflow.passes import optimize


def whole_numbers(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Small enough for sums to be exact, so that compiled and interpreted results are equal."""
    return np.random.default_rng(sum(shape)).integers(-2, 3, shape).astype(dtype)


def equal(function: Callable[..., object], arrays: list[np.ndarray], batch: int) -> Executable:
    avals = [(f"x{k}", Aval(array.shape, array.dtype)) for k, array in enumerate(arrays)]
    graph = optimize(trace(function, avals).graph)
    executable = Executable(graph, graph.inputs[:batch])
    for got, wanted in zip(executable(*arrays), evaluate(graph, arrays), strict=True):
        np.testing.assert_array_equal(got, wanted, strict=True)
    return executable


@pytest.mark.parametrize("rows", [1, 5, 6, 7, 8, 9, 17, 25])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_divided_into_tiles_of_nearly_equal_height(rows: int, dtype: str) -> None:
    arrays = [whole_numbers((19, 33), dtype), whole_numbers((33, rows), dtype), whole_numbers((rows,), dtype)]
    equal(lambda x, w, b: relu(x @ w + b), arrays, 1)


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_few_samples_make_tiles_of_several_panels(samples: int, dtype: str) -> None:
    """As many as there are registers for, all of equal width or of two; the last panel may be a part of one."""
    for units in (10, 17, 96, 150, 300):
        arrays = [
            whole_numbers((samples, 33), dtype),
            whole_numbers((33, units), dtype),
            whole_numbers((units,), dtype),
        ]
        equal(lambda x, w, b: relu(x @ w + b), arrays, 1)


@pytest.mark.parametrize("summed", [1, 2, 3, 4, 5, 16, 17, 40, 1000])
def test_sums_of_any_length(summed: int) -> None:
    arrays = [whole_numbers((20, summed), "float32"), whole_numbers((summed, 9), "float32")]
    equal(lambda x, w: x @ w, arrays, 1)
    equal(lambda x, w: x @ w, arrays, 0)


def test_an_operand_that_does_not_fit_near_the_processor() -> None:
    """One tile of the weights stays while all samples pass by."""
    features, units = 700, 200
    arrays = [whole_numbers((40, features), "float64"), whole_numbers((features, units), "float64")]
    assert arrays[1].nbytes > host().machine.nearby_bytes
    executable = equal(lambda x, w: relu(x @ w), arrays, 1)
    product = next(code for code in executable.lowered.codes if code.flops)
    assert product.flops == 2 * 40 * features * units


@pytest.mark.parametrize("batch", [1, 7, 8, 16, 50], ids=lambda n: f"{n} samples")
def test_a_layer_forward_and_backward(batch: int) -> None:
    """y = relu(x W + b), then dW = x' dy, db = sum dy, dx = dy W', whatever the lanes are."""
    shapes = [(batch, 21), (batch, 18), (21, 18), (18,)]

    def function(x: Tensor, g: Tensor, w: Tensor, b: Tensor) -> list[Tensor]:
        with GradientTape() as tape:
            tape.watch([x, w, b])
            y = relu(x @ w + b)
        return [y, *tape.gradient(y, [x, w, b], output_gradients=g)]

    equal(function, [whole_numbers(shape, "float32") for shape in shapes], 2)


def test_a_product_of_samples_with_samples() -> None:
    """Gram matrices: x x' and x' x, of which one sums over the samples, and a product of three."""
    arrays = [whole_numbers((37, 18), "float64")]
    equal(lambda x: [x @ x.T, x.T @ x, x @ (x.T @ x), (x @ x.T) @ x], arrays, 1)


def test_leading_axes_are_samples_too() -> None:
    arrays = [whole_numbers(s, "float32") for s in [(9, 4, 6), (6, 17), (9, 6, 5), (6,)]]
    equal(lambda x, w, z, v: [x @ w, x @ z, x @ v, w.T @ z], arrays, 1)


def test_the_same_product_is_used_in_two_ways() -> None:
    """Stored and activated: the sums must not start at a bias that one of the two uses lacks."""
    arrays = [whole_numbers((20, 5), "float64"), whole_numbers((5, 18), "float64"), whole_numbers((18,), "float64")]
    equal(lambda x, w, b: [x @ w, x @ w + b, (x @ w + b) - (x @ w)], arrays, 1)
    equal(lambda x, w, b: (x @ w + b) * (x @ w), arrays, 1)
    equal(lambda x, w, b: (x @ w) + tanh((x @ w) * 1000.0), arrays, 1)
    equal(lambda x, w, b: x @ w + x @ w, arrays, 1)


@pytest.mark.parametrize("units", [8, 20, 36, 60, 96])
def test_random_words_of_one_block_are_made_once(units: int) -> None:
    """In a tile of any height, a block of four words takes 10 rounds of two products of 16 lanes."""
    arrays = [whole_numbers((16, 7), "float32"), whole_numbers((7, units), "float32"), np.arange(4, dtype=np.uint32)]

    def masked(x: Tensor, w: Tensor, state: Tensor) -> Tensor:
        return where(random_bits(state, (16, units)) < np.uint32(1 << 31), x @ w, 0.0)

    product = next(code for code in equal(masked, arrays, 1).lowered.codes if code.flops)
    text = str(product.kernel)
    assert text.count(str(MULTIPLIERS[0])) <= ROUNDS * text.count("store(") / WORDS
