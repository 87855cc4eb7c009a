"""Graphs: what tracing records, how it is printed, and what the verifier refuses."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.backends import reference
from ebbflow.compile import Executable
from ebbflow.core.aval import Aval
from ebbflow.core.graph import (
    Graph,
    Node,
    constant_node,
    evaluate,
    input_node,
    print_graph,
    rewrite,
    topological,
    users_of,
    verify,
)
from ebbflow.core.primitive import registry
from ebbflow.core.tensor import Tensor, trace
from ebbflow.core.variable import Variable
from ebbflow.lowering.loops import print_kernel
from ebbflow.ops.elementwise import relu

FLOAT = np.dtype("float32")
GOLDEN = Path(__file__).parents[1] / "golden"
VECTOR = Aval((3,), FLOAT)


def layer(x: Tensor, w: Tensor, b: Tensor) -> list[Tensor]:
    """relu(x w + b) and its row sums."""
    y = relu(x @ w + b)
    return [y, y.sum(axis=1)]


def dense_graph() -> Graph:
    avals = [("x", Aval((20, 5), FLOAT)), ("w", Aval((5, 18), FLOAT)), ("b", Aval((18,), FLOAT))]
    return trace(layer, avals, "layer").graph


def is_golden(name: str, text: str) -> None:
    """Compare with tests/golden/name; EBBFLOW_GOLDEN=write writes it anew, to be read in the diff."""
    path = GOLDEN / name
    if os.environ.get("EBBFLOW_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def test_a_printed_graph() -> None:
    is_golden("graph.txt", print_graph(dense_graph()))


def test_a_printed_elementwise_kernel() -> None:
    graph = trace(lambda x, y: x * 2.0 + y, [("x", Aval((3, 33), FLOAT)), ("y", Aval((3, 33), FLOAT))], "scale").graph
    is_golden("elementwise.txt", "\n".join(map(print_kernel, Executable(graph).kernels)))


def test_a_printed_product_kernel() -> None:
    """Samples are the lanes, the bias is where the sums start, the activation is on the tile."""
    avals = [("x", Aval((20, 5), FLOAT)), ("w", Aval((5, 2), FLOAT)), ("b", Aval((2,), FLOAT))]
    graph = trace(lambda x, w, b: relu(x @ w + b), avals, "layer").graph
    kernels = Executable(graph, graph.inputs[:1]).kernels
    is_golden("product.txt", print_kernel(next(k for k in kernels if "product" in k.name)))


def test_both_executables_agree() -> None:
    """The compiled one and the oracle that stands in for it are called alike."""
    graph = dense_graph()
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=node.aval.shape).astype(FLOAT) for node in graph.inputs]
    for batch in ([], graph.inputs[:1]):
        for x, y in zip(Executable(graph, batch)(*arrays), reference.Executable(graph, batch)(*arrays), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5, strict=True)


def test_printed_names_are_unique() -> None:
    """Inputs of one label are told apart, and no computed value takes the name of an input."""
    graph = trace(lambda *xs: sum(xs[1:], xs[0]) * xs[0], [(label, VECTOR) for label in ("x", "x", "a", "")]).graph
    defined = re.findall(r"^    (\S+): ", print_graph(graph), re.MULTILINE)
    assert defined == ["x", "x'", "a", "in3", "b", "c", "d", "e"]


# what tracing records


def test_nodes_stand_before_their_users() -> None:
    graph = dense_graph()
    place = {node: k for k, node in enumerate(graph.nodes)}
    assert all(place[source] < place[node] for node in graph.nodes for source in node.inputs)
    assert topological(graph.outputs) == graph.nodes


def test_users_are_counted_once_per_reading() -> None:
    graph = trace(lambda x: x * x, [("x", VECTOR)]).graph
    (product,) = graph.outputs
    assert users_of(graph) == {graph.inputs[0]: [product, product], product: []}


def test_variables_become_inputs_and_assignments_outputs() -> None:
    total = Variable(np.zeros(3, FLOAT), name="total")
    unread = Variable(np.ones(3, FLOAT), name="unread")

    def add(x: Tensor) -> Tensor:
        total.assign_add(x)
        return total.value * 2.0

    traced = trace(add, [("x", VECTOR)])
    assert traced.variables == traced.updated == [total] and unread not in traced.variables
    assert [node.label for node in traced.graph.inputs] == ["x", "total"]
    assert (traced.arguments, traced.results, len(traced.graph.outputs)) == (1, 1, 2)
    doubled, new = evaluate(traced.graph, [np.ones(3, FLOAT), np.full(3, 4, FLOAT)])
    assert doubled.tolist() == [10, 10, 10] and new.tolist() == [5, 5, 5]
    assert total.numpy().tolist() == [0, 0, 0], "tracing runs nothing"


def test_a_rewrite_leaves_the_rest_as_it_was() -> None:
    graph = dense_graph()
    same = rewrite(graph, lambda node: node)
    assert same.nodes == graph.nodes
    negative = registry["negative"]
    flipped = rewrite(graph, lambda node: Node(negative, (node,), {}, node.aval) if node in graph.outputs[:1] else node)
    arrays = [np.ones(node.aval.shape, FLOAT) for node in graph.inputs]
    before, after = evaluate(graph, arrays), evaluate(verify(flipped), arrays)
    np.testing.assert_array_equal(after[0], -before[0])
    np.testing.assert_array_equal(after[1], -before[1])


def test_deep_graphs_need_no_recursion() -> None:
    def chain(x: Tensor) -> Tensor:
        for _ in range(5000):
            x = x + 1.0
        return x

    graph = verify(trace(chain, [("x", VECTOR)]).graph)
    assert evaluate(graph, [np.zeros(3, FLOAT)])[0].tolist() == [5000] * 3


# what the verifier refuses


def test_an_unknown_input_is_refused() -> None:
    x, stranger = input_node(VECTOR, "x"), input_node(VECTOR, "stranger")
    total = Node(registry["add"], (x, stranger), {}, VECTOR)
    with pytest.raises(AssertionError, match=r"reads an input that is not among its inputs \(stranger\)"):
        verify(Graph([x], [total]))


def test_a_repeated_input_is_refused() -> None:
    x = input_node(VECTOR, "x")
    with pytest.raises(AssertionError, match="an input stands twice"):
        verify(Graph([x, x], [x]))


def test_a_shape_against_the_rule_is_refused() -> None:
    x = input_node(VECTOR, "x")
    wrong = Node(registry["sum"], (x,), {"axes": (0,)}, VECTOR)
    with pytest.raises(AssertionError, match=r"sum is float32\[3\], its rule says float32\[\]"):
        verify(Graph([x], [wrong]))


def test_nodes_out_of_order_are_refused() -> None:
    graph = dense_graph()
    graph.nodes.reverse()
    with pytest.raises(AssertionError, match="before its inputs"):
        verify(graph)


def test_a_constant_of_another_shape_is_refused() -> None:
    constant = constant_node(np.zeros(3, FLOAT))
    constant.aval = Aval((4,), FLOAT)
    with pytest.raises(AssertionError):
        verify(Graph([], [constant]))
