"""Tensors and `bind`, the one door through which every operation goes.

A tensor either holds an array (it is computed at once) or stands for a node of the graph that is being traced. Layers,
losses and optimizers do not know which.
"""

import contextlib
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .aval import DTYPES, Aval, aval_of, floatx
from .errors import ShapeError, TracedValueError
from .graph import Graph, Node, constant_node, input_node
from .operand import Operand
from .primitive import Primitive

_PACKAGE = str(Path(__file__).resolve().parents[1])


class Tensor(Operand):
    """An immutable array of one element type, with a value now or once the compiled program runs.

    Attributes: shape, dtype, ndim, size; `numpy()` gives the value. Arithmetic and methods come from operators.py.
    """

    __slots__ = ("__weakref__", "aval", "data", "node")
    __array_priority__ = 100

    def __init__(self, data: np.ndarray | None, node: Node | None = None):
        assert (data is None) != (node is None)
        self.data, self.node = data, node
        self.aval: Aval = node.aval if node is not None else aval_of(data)  # type: ignore[arg-type]

    @property
    def is_traced(self) -> bool:
        return self.node is not None

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array; raises TracedValueError while tracing."""
        if self.data is None:
            raise TracedValueError(_traced_message(self.aval))
        return self.data

    def __repr__(self) -> str:
        return f"Tensor({self.aval}, traced)" if self.data is None else f"Tensor({self.data}, {self.aval})"


def _traced_message(aval: Aval) -> str:
    where = ""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            where = f" at {Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            break
        frame = frame.f_back  # type: ignore[assignment]
    return (
        f"the value of a traced {aval} was asked for{where}: it has none until the compiled program runs; "
        "write ebbflow.ops.where(condition, a, b) in place of `if`, ops such as maximum in place of Python functions, "
        "or compile the model with run_eagerly=True"
    )


class _Context(threading.local):
    def __init__(self) -> None:
        self.trace: Trace | None = None
        self.recorders: list[Any] = []


_context = _Context()


class Trace:
    """A graph in the making: its inputs, and the variables that were read or assigned on the way."""

    def __init__(self) -> None:
        self.inputs: list[Node] = []
        self.initial: dict[Any, Tensor] = {}
        self.current: dict[Any, Tensor] = {}
        self._constants: dict[int, tuple[Tensor, Node]] = {}

    def argument(self, aval: Aval, label: str) -> Tensor:
        node = input_node(aval, label)
        self.inputs.append(node)
        return Tensor(None, node)

    def read(self, variable: Any) -> Tensor:
        if variable not in self.current:
            tensor = Tensor(None, input_node(variable.aval, variable.name))
            self.initial[variable] = self.current[variable] = tensor
        return self.current[variable]

    def assign(self, variable: Any, tensor: Tensor) -> None:
        self.read(variable)
        self.current[variable] = tensor

    def assigned(self, variable: Any) -> Tensor | None:
        """What it was last assigned in this trace."""
        tensor = self.current.get(variable)
        return None if tensor is self.initial.get(variable) else tensor

    def node(self, tensor: Tensor) -> Node:
        if tensor.node is not None:
            return tensor.node
        if id(tensor) not in self._constants:
            self._constants[id(tensor)] = (tensor, constant_node(tensor.numpy()))
        return self._constants[id(tensor)][1]


def current_trace() -> Trace | None:
    return _context.trace


class _Using:
    """Inside this context, operations belong to this trace and are told to these recorders."""

    __slots__ = ("_inside", "_outside")

    def __init__(self, trace: "Trace | None", recorders: list[Any]):
        self._inside = trace, recorders

    def __enter__(self) -> None:
        self._outside = _context.trace, _context.recorders
        _context.trace, _context.recorders = self._inside

    def __exit__(self, *error: object) -> None:
        _context.trace, _context.recorders = self._outside


def eagerly() -> contextlib.AbstractContextManager[None]:
    """Inside this context everything is computed at once, also in the middle of a trace."""
    return _Using(None, [])


def push_recorder(recorder: Any) -> None:
    _context.recorders = [*_context.recorders, recorder]


def pop_recorder(recorder: Any) -> None:
    _context.recorders = [other for other in _context.recorders if other is not recorder]


def recorders() -> list[Any]:
    return _context.recorders


def bind(primitive: Primitive, *inputs: Tensor, **params: Any) -> Tensor:
    """Apply a primitive: at once where every input has a value, else as a new node of the trace."""
    aval = primitive.shape(*(x.aval for x in inputs), **params)
    trace = _context.trace
    if trace is not None and (not inputs or any(x.data is None for x in inputs)):
        output = Tensor(None, Node(primitive, [trace.node(x) for x in inputs], params, aval))
    elif any(x.data is None for x in inputs):
        raise TracedValueError(
            f"{primitive}: got a tensor of a trace that has ended; return what the traced function computes instead of "
            "keeping it"
        )
    else:
        with np.errstate(all="ignore"):
            output = Tensor(np.asarray(primitive.numpy(*(x.data for x in inputs), **params), aval.dtype))
    for recorder in _context.recorders:
        recorder.record(primitive, inputs, params, output)
    return output


def as_tensor(x: Any, dtype: Any = None) -> Tensor:
    """A tensor of x: tensors and variables as they are, arrays without a copy, Python floats in the default type."""
    tensor = _as_tensor(x, dtype)
    if dtype is not None and tensor.dtype != np.dtype(dtype):
        raise ShapeError(f"as_tensor: expected {np.dtype(dtype)}, got {tensor.aval}; convert with ops.cast")
    return tensor


def _as_tensor(x: Any, dtype: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if hasattr(x, "__ebbflow_tensor__"):
        return x.__ebbflow_tensor__()
    if isinstance(x, (list, tuple)) and any(isinstance(y, Tensor) or hasattr(y, "__ebbflow_tensor__") for y in x):
        raise ShapeError("as_tensor: expected numbers or an array, got a list of tensors; join them with ops.stack")
    return Tensor(as_array(x, dtype))


def as_array(x: Any, dtype: Any = None) -> np.ndarray:
    """x as an array of one of the element types that tensors have."""
    array = np.asarray(x)
    if dtype is None:
        dtype = array.dtype
        if not isinstance(x, (np.ndarray, np.generic)):
            dtype = {"f": floatx(), "i": np.dtype("int32")}.get(array.dtype.kind, array.dtype)
        elif array.dtype.kind in "iu" and array.dtype not in DTYPES:
            dtype = np.dtype("int64") if array.dtype.itemsize >= 4 else np.dtype("int32")
        elif array.dtype == np.float16:
            dtype = np.dtype("float32")
    if np.dtype(dtype) not in DTYPES:
        raise ShapeError(f"as_tensor: expected numbers, got an array of {array.dtype}; encode it as numbers first")
    return np.asarray(array, dtype)


class Traced:
    """A function as a graph.

    Attributes:
        graph: inputs are the function's arguments, then `variables`; outputs are its results, then `updated`.
        variables: every variable that it read or assigned, in order of first use.
        updated: those that it assigned.
        arguments, results: how many inputs and outputs are the function's own.
    """

    def __init__(self, graph: Graph, variables: list[Any], updated: list[Any], arguments: int, results: int):
        self.graph, self.variables, self.updated = graph, variables, updated
        self.arguments, self.results = arguments, results


def trace(function: Callable[..., Any], avals: list[tuple[str, Aval]], name: str = "graph") -> Traced:
    """Run `function` on traced tensors of the given (label, aval) and return what it did as a graph."""
    recording = Trace()
    with _Using(recording, []):
        arguments = [recording.argument(aval, label) for label, aval in avals]
        returned = function(*arguments)
        results = [returned] if isinstance(returned, Operand) else [] if returned is None else list(returned)
        outputs = [recording.node(as_tensor(result)) for result in results]
        variables = list(recording.initial)
        updated = [v for v in variables if recording.current[v] is not recording.initial[v]]
        outputs += [recording.node(recording.current[v]) for v in updated]
    inputs = recording.inputs + [recording.initial[v].node for v in variables]
    return Traced(Graph(inputs, outputs, name), variables, updated, len(arguments), len(results))  # type: ignore[arg-type]
