"""Graphs for devices that have no float64: scalars of optimizers and the state of metrics are float32 there."""

from typing import Any

import numpy as np

from ...core.aval import floatx
from ...core.errors import ArgumentError
from ...core.graph import Graph, Node, constant_node, input_node

WIDE, NARROW = np.dtype("float64"), np.dtype("float32")


def narrow(dtype: Any) -> np.dtype:
    """float32 in place of float64."""
    return NARROW if np.dtype(dtype) == WIDE else np.dtype(dtype)


def narrowed(graph: Graph) -> Graph:
    """The graph with float32 in place of float64 everywhere; its inputs and outputs stay in their order."""
    new = {node: input_node(_aval(node), node.label) for node in graph.inputs}
    for node in graph.nodes:
        if node not in new:
            new[node] = _narrow_node(node, [new[source] for source in node.inputs])
    return Graph([new[node] for node in graph.inputs], [new[node] for node in graph.outputs], graph.name)


def _aval(node: Node) -> Any:
    return type(node.aval)(node.aval.shape, narrow(node.aval.dtype))


def _narrow_node(node: Node, inputs: list[Node]) -> Node:
    if node.is_constant:
        return constant_node(node.value.astype(narrow(node.value.dtype), copy=False))
    params = {key: narrow(value) if isinstance(value, np.dtype) else value for key, value in node.params.items()}
    return Node(node.primitive, inputs, params, _aval(node), node.label)


def expect_float32(device: str) -> None:
    """Raise ArgumentError where the user asked for float64."""
    if floatx() == WIDE:
        raise ArgumentError(
            f"{device}: expected float32, since this device has no float64, got models in float64; call "
            'set_floatx("float32"), or use the device "cpu"'
        )
