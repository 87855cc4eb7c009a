"""Graphs: what was traced, as nodes that point to the nodes they read."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

import numpy as np

from .aval import Aval, aval_of
from .primitive import Leaf, Primitive


def _leaf(name: str) -> Primitive:
    def given(*_: Any, **__: Any) -> Any:
        raise AssertionError(f"{name} is given, never computed")

    return Primitive(name, given, given, (), Leaf(), lambda rng: ())


INPUT = _leaf("input")
CONSTANT = _leaf("constant")


class Node:
    """One value of a graph: a primitive applied to other nodes."""

    __slots__ = ("aval", "inputs", "label", "params", "primitive")

    def __init__(
        self, primitive: Primitive, inputs: Sequence["Node"], params: dict[str, Any], aval: Aval, label: str = ""
    ):
        self.primitive, self.inputs, self.params, self.aval, self.label = primitive, tuple(inputs), params, aval, label

    @property
    def is_constant(self) -> bool:
        return self.primitive is CONSTANT

    @property
    def value(self) -> np.ndarray:
        assert self.is_constant
        return self.params["value"]

    @property
    def scalar(self) -> float | None:
        """The one number that a constant is filled with, or None."""
        if not self.is_constant or self.value.size == 0:
            return None
        first = self.value.flat[0]
        return first if self.value.size == 1 or (self.value == first).all() else None


def input_node(aval: Aval, label: str = "") -> Node:
    return Node(INPUT, (), {}, aval, label)


def constant_node(value: np.ndarray) -> Node:
    return Node(CONSTANT, (), {"value": value}, aval_of(value))


class Graph:
    """Inputs, outputs, and between them every node that the outputs need, in an order that runs."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node], name: str = "graph"):
        self.inputs, self.outputs, self.name = tuple(inputs), tuple(outputs), name
        self.nodes = topological(self.outputs)

    def __str__(self) -> str:
        return print_graph(self)


def topological(outputs: Iterable[Node]) -> list[Node]:
    """Every node below the outputs, inputs before users, in the order of first need."""
    order: dict[Node, None] = {}
    opened: set[Node] = set()
    stack = list(outputs)[::-1]
    while stack:
        node = stack[-1]
        if node.inputs and node not in opened:
            opened.add(node)
            stack += [source for source in node.inputs[::-1] if source not in order]
        else:
            order[node] = None
            stack.pop()
    return list(order)


def users_of(graph: Graph) -> dict[Node, list[Node]]:
    """For each node, the nodes that read it (once per reading)."""
    users: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    for node in graph.nodes:
        for source in node.inputs:
            users[source].append(node)
    return users


def rewrite(graph: Graph, rule: Callable[[Node], Node]) -> Graph:
    """The graph with `rule` applied to every constant and computed node, its inputs already rewritten."""
    new: dict[Node, Node] = {node: node for node in graph.inputs}
    for node in graph.nodes:
        if node.primitive is INPUT:
            continue
        inputs = tuple([new[source] for source in node.inputs])
        same = inputs == node.inputs
        new[node] = rule(node if same else Node(node.primitive, inputs, node.params, node.aval, node.label))
    outputs = tuple(new[node] for node in graph.outputs)
    return graph if outputs == graph.outputs else Graph(graph.inputs, outputs, graph.name)


def evaluate(graph: Graph, arguments: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What the graph means: every node computed by its NumPy meaning."""
    known = dict(zip(graph.inputs, arguments, strict=True))
    for node in graph.nodes:
        if node.is_constant:
            known[node] = node.value
        elif node not in known:
            known[node] = np.asarray(
                node.primitive.numpy(*(known[source] for source in node.inputs), **node.params), node.aval.dtype
            )
    return [known[node] for node in graph.outputs]


def names_of(graph: Graph) -> dict[Node, str]:
    """Short unique names: the given labels for inputs (a second x is x'), a, b, ..., z, aa, ... for computed nodes."""
    names: dict[Node, str] = {}
    taken: set[str] = set()
    for position, node in enumerate(graph.inputs):
        name = node.label or f"in{position}"
        while name in taken:
            name += "'"
        names[node] = name
        taken.add(name)
    letters = (name for name in map(_letters, count()) if name not in taken)
    for node in graph.nodes:
        if node not in names and not node.is_constant:
            names[node] = next(letters)
    return names


def _letters(number: int) -> str:
    text = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        text = chr(97 + digit) + text
    return text


def print_graph(graph: Graph) -> str:
    """The graph as text, one node a line."""
    names = names_of(graph)

    def show(node: Node) -> str:
        if not node.is_constant:
            return names[node]
        if node.scalar is not None:
            return f"{node.scalar:.9g}" if node.aval.shape == () else f"{node.scalar:.9g}:{node.aval}"
        return f"constant:{node.aval}"

    lines = [f"graph {graph.name}("]
    lines += [f"    {names[node]}: {node.aval}," for node in graph.inputs]
    lines.append("):")
    for node in graph.nodes:
        if node in graph.inputs or node.is_constant:
            continue
        given = [show(source) for source in node.inputs]
        given += [f"{key}={_show_parameter(value)}" for key, value in node.params.items()]
        lines.append(f"    {names[node]}: {node.aval} = {node.primitive}({', '.join(given)})")
    lines.append(f"    return {', '.join(show(node) for node in graph.outputs)}")
    return "\n".join(lines) + "\n"


def _show_parameter(value: Any) -> str:
    return str(value).replace(" ", "") if isinstance(value, tuple) else str(value)


def fingerprint(graph: Graph) -> str:
    """A text that two graphs share exactly if they compute the same in the same way; labels do not count."""
    numbers: dict[Node, int] = {}
    lines = []
    for node in (*graph.inputs, *graph.nodes):
        if node in numbers:
            continue
        numbers[node] = len(numbers)
        if node.is_constant:
            what = sha256(node.value.tobytes()).hexdigest()
        else:
            what = " ".join(f"{key}={value}" for key, value in sorted(node.params.items()))
        lines.append(f"{node.primitive.name} {[numbers[source] for source in node.inputs]} {what} {node.aval}")
    return "\n".join([*lines, str([numbers[node] for node in graph.outputs])])


def verify(graph: Graph) -> Graph:
    """Assert what every pass must keep: order, shape rules, unique labels of inputs; returns the graph."""
    seen: set[Node] = set(graph.inputs)
    assert len(seen) == len(graph.inputs), f"{graph.name}: an input stands twice"
    for node in graph.nodes:
        if node.primitive is INPUT:
            assert node in seen, (
                f"{graph.name}: reads an input that is not among its inputs ({node.label or node.aval})"
            )
            continue
        assert seen.issuperset(node.inputs), f"{graph.name}: {node.primitive} before its inputs"
        if node.is_constant:
            assert aval_of(node.value) == node.aval
        else:
            inferred = node.primitive.shape(*(source.aval for source in node.inputs), **node.params)
            assert inferred == node.aval, f"{graph.name}: {node.primitive} is {node.aval}, its rule says {inferred}"
        seen.add(node)
    return graph
