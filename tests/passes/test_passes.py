"""Each rewrite, before and after; tests/lowering/test_random_graphs.py shows that any graph keeps its meaning."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.autodiff import value_and_grad
from ebbflow.core.aval import Aval
from ebbflow.core.graph import Graph, constant_node, evaluate, print_graph, verify
from ebbflow.core.tensor import Tensor, trace
from ebbflow.ops.elementwise import cast, exp, negative, relu, stop_gradient, where
from ebbflow.ops.movement import broadcast_to, reshape, transpose
from ebbflow.ops.random import random_bits
from ebbflow.passes import fold, optimize, share, simplify

FLOAT = np.dtype("float32")
MATRIX = Aval((3, 5), FLOAT)


def traced(function: Callable[..., Any], inputs: int = 1) -> Graph:
    return trace(function, [(f"x{k}", MATRIX) for k in range(inputs)]).graph


def lines(graph: Graph) -> list[str]:
    """The computed nodes and the returned ones, without their types."""
    text = print_graph(verify(graph)).partition("):\n")[2]
    return [re.sub(r"^(\w+): \S+ = ", r"\1 = ", line.strip()) for line in text.splitlines()]


def primitives(graph: Graph) -> list[str]:
    return [str(node.primitive) for node in graph.nodes if node.inputs]


def full(number: float) -> Tensor:
    return broadcast_to(Tensor(np.array(number, FLOAT)), MATRIX.shape)


UNCHANGED = {
    "x + -0": lambda x: x + -0.0,
    "-0 + x": lambda x: -0.0 + x,
    "x * 1": lambda x: x * 1.0,
    "1 * x": lambda x: 1.0 * x,
    "x * a broadcast 1": lambda x: x * full(1),
    "x * a moved 1": lambda x: x * reshape(transpose(full(1)), MATRIX.shape),
    "x - 0": lambda x: x - 0.0,
    "x / 1": lambda x: x / 1.0,
    "-(-x)": lambda x: negative(negative(x)),
    "x reshaped and back": lambda x: reshape(reshape(x, (5, 3)), (3, 5)),
    "x transposed twice": lambda x: transpose(transpose(x)),
    "x transposed and back by three": lambda x: reshape(
        transpose(transpose(transpose(reshape(x, (3, 5, 1)), (1, 2, 0)), (1, 2, 0)), (1, 2, 0)), (3, 5)
    ),
    "where(c, x, x)": lambda x: where(x > 0.5, x, x),
    "stop_gradient(x)": stop_gradient,
    "all of them": lambda x: stop_gradient(negative(negative(x * 1.0)) + -0.0),
}


@pytest.mark.parametrize("function", list(UNCHANGED.values()), ids=list(UNCHANGED))
def test_what_changes_nothing_disappears(function: Callable[[Tensor], Tensor]) -> None:
    graph = optimize(traced(function))
    assert graph.outputs == graph.inputs and lines(graph) == ["return x0"]


CHANGED = {
    "0 - x": lambda x: 0.0 - x,
    "x + 0, which makes -0 to 0": lambda x: x + 0.0,
    "1 / x": lambda x: 1.0 / x,
    "x * 2": lambda x: x * 2.0,
    "x + 1": lambda x: x + 1.0,
    "x transposed": transpose,
    "x as float64": lambda x: cast(x, "float64"),
    "the sign of -x": lambda x: -relu(-x),
}


@pytest.mark.parametrize("function", list(CHANGED.values()), ids=list(CHANGED))
def test_what_changes_something_stays(function: Callable[[Tensor], Tensor]) -> None:
    graph = traced(function)
    assert primitives(optimize(graph)) == primitives(graph) != []


def test_moves_of_moves_become_one() -> None:
    assert primitives(simplify(traced(lambda x: reshape(reshape(x, (15,)), (5, 3))))) == ["reshape"]
    assert primitives(simplify(traced(lambda x: broadcast_to(broadcast_to(x, (2, 3, 5)), (4, 2, 3, 5))))) == [
        "broadcast_to"
    ]
    turned = traced(lambda x: transpose(transpose(reshape(x, (3, 5, 1)), (1, 2, 0)), (2, 1, 0)))
    assert [node.params["axes"] for node in simplify(turned).nodes if str(node.primitive) == "transpose"] == [(0, 2, 1)]


def test_constants_are_computed_now() -> None:
    graph = fold(traced(lambda x: x + exp(x * 0.0 + 1.0)))
    assert "exp" in primitives(graph), "x is not a constant"

    def function(x: Tensor) -> Tensor:
        table = trace_constant(np.array([0.0, 1.0, 2.0, 3.0, 4.0], FLOAT))
        return x + exp(-table)

    graph = fold(traced(function))
    assert primitives(graph) == ["broadcast_to", "add"]
    constant = next(node for node in graph.nodes if node.is_constant)
    np.testing.assert_allclose(constant.value, np.exp(-np.arange(5.0)), rtol=1e-6)


def trace_constant(array: np.ndarray) -> Tensor:
    """The array as a node of the trace, as a computed value would be."""
    return Tensor(None, constant_node(array))


def test_large_and_spread_constants_stay_computed() -> None:
    """Memory is dearer than arithmetic: what is large, or one number spread, is not written down."""
    small = trace_constant(np.zeros((), FLOAT))
    assert primitives(fold(traced(lambda x: x + broadcast_to(small, (3, 5))))) == ["broadcast_to", "add"]
    large = trace_constant(np.zeros(5000, FLOAT))
    assert primitives(fold(traced(lambda x: exp(large)))) == ["exp"]


def test_equal_work_is_done_once() -> None:
    graph = share(traced(lambda x, y: [exp(x) + exp(x), exp(y), exp(x) * 2.0, exp(x * 2.0)], 2))
    assert lines(graph) == [
        "a = exp(x0)",
        "b = add(a, a)",
        "c = exp(x1)",
        "d = multiply(a, 2:float32[3,5])",
        "e = multiply(x0, 2:float32[3,5])",
        "f = exp(e)",
        "return b, c, d, f",
    ]


def test_equal_constants_are_one_and_others_are_not() -> None:
    """Equal are those of one type, shape and bits."""
    twice = share(traced(lambda x: [x + np.full((3, 5), 2, FLOAT), x * np.full((3, 5), 2, FLOAT)]))
    assert sum(node.is_constant for node in twice.nodes) == 1
    others = [
        np.full((3, 5), 2, FLOAT),
        np.full((5, 3), 2, FLOAT),
        np.full((3, 5), 3, FLOAT),
        np.full((3, 5), 2, "int32"),
    ]
    graph = share(traced(lambda x: [stop_gradient(trace_constant(array)) for array in others]))
    assert sum(node.is_constant for node in graph.nodes) == 4


def test_parameters_tell_nodes_apart() -> None:
    assert primitives(share(traced(lambda x: [x.sum(axis=0), x.sum(axis=1), x.sum(axis=(0, 1))]))) == ["sum"] * 3


def test_random_bits_are_shared_only_for_one_state() -> None:
    """Numbers are a function of the state: the same state gives the same numbers, another one others."""
    state = trace_constant(np.array([1, 2, 3, 4], "uint32"))
    other = trace_constant(np.array([1, 2, 3, 5], "uint32"))
    graph = share(traced(lambda x: [random_bits(state, (3,)), random_bits(state, (3,)), random_bits(other, (3,))]))
    assert graph.outputs[0] is graph.outputs[1] is not graph.outputs[2]


def test_dead_code_drops_out() -> None:
    def function(x: Tensor) -> Tensor:
        exp(x).sum()
        return x * 2.0

    assert "exp" not in primitives(traced(function))


def test_a_step_of_training_gets_smaller_and_keeps_its_meaning() -> None:
    """Forward pass and gradient of a layer, in which the tape has left neutral elements and repetitions."""

    def function(x: Tensor, w: Tensor) -> list[Tensor]:
        return list(value_and_grad(lambda w: ((relu(x @ w.T) * 1.0 + 0.0) ** 2).mean())(w))

    graph = traced(function, 2)
    smaller = optimize(graph)
    assert len(smaller.nodes) < len(graph.nodes)
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=MATRIX.shape).astype(FLOAT) for _ in graph.inputs]
    for before, after in zip(evaluate(graph, arrays), evaluate(smaller, arrays), strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-6)
