"""A graph as a function of arrays: compiled, with its own arena. For tests, and for functions compiled one by one."""

import ctypes
from collections.abc import Sequence

import numpy as np

from ...core.graph import Graph, Node
from ...lowering.arithmetic import Arithmetic
from ...lowering.entry import Kernels, call_codes
from ...lowering.layout import Buffer
from ...lowering.memory import plan_kept, plan_scratch
from ...lowering.schedule import Lowered, lower
from ...runtime.memory import allocate
from .emit import Writer
from .jit import compile_module
from .runtime_ir import BARRIER
from .target import Target, host


def view(arena: np.ndarray, buffer: Buffer) -> np.ndarray:
    """A buffer's memory as elements."""
    assert buffer.offset is not None
    return arena[buffer.offset : buffer.offset + buffer.nbytes].view(buffer.aval.dtype)


class Executable:
    """Computes a graph's outputs from arrays for its inputs.

    Parameters:
        batch: inputs whose axis 0 counts samples; they are read from rows of the arrays given.
    """

    def __init__(self, graph: Graph, batch: Sequence[Node] = (), target: Target | None = None):
        target = target or host()
        self.graph = graph
        self._batch = list(batch)
        rows = {node: (node.aval.dtype, False) for node in batch}
        self.lowered: Lowered = lower(graph, rows, {}, {}, {}, target.machine)
        kept = [b for b in self.lowered.inputs.values() if b.kind == "argument"]
        end = plan_kept(kept + [b for b, _ in self.lowered.constants], 0)
        self._arena = allocate(plan_scratch(self.lowered, end) + 64)
        for buffer, value in self.lowered.constants:
            buffer.layout.pack(value, view(self._arena, buffer))
        self.text = self._module()
        self._module_code = compile_module(self.text, target)
        self._run = self._module_code.function("run", ctypes.c_void_p, ctypes.c_void_p)

    def _module(self) -> str:
        b = Arithmetic(1)
        arena, table = b.parameter("arena"), b.parameter("table")
        kernels = Kernels()
        extra = {}
        zero = b.at(table, "int64", len(self._batch))
        for k, node in enumerate(self._batch):
            extra[self.lowered.gathers[node]] = [b.load(b.at(table, "int64", k), "pointer"), zero]
        thread, threads = (b.op("number", ("index", 1), attributes=n) for n in (0, 1))
        call_codes(b, self.lowered.codes, kernels, arena, table, thread, threads, extra)
        entry = b.finish("run")
        writer = Writer()
        for kernel in kernels.unique:
            writer.function(kernel, "internal void")
        writer.function(entry, "void")
        return writer.module(BARRIER)

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        table = np.zeros(len(self._batch) + 1, np.int64)
        held = []
        for node, array in zip(self.graph.inputs, arrays, strict=True):
            array = np.asarray(array, node.aval.dtype, order="C")
            assert array.shape == node.aval.shape
            if node in self._batch:
                held.append(array)
                table[self._batch.index(node)] = array.ctypes.data
            else:
                buffer = self.lowered.inputs[node]
                buffer.layout.pack(array, view(self._arena, buffer))
        self._run(self._arena.ctypes.data, table.ctypes.data)
        return [buffer.layout.unpack(view(self._arena, buffer)) for buffer in self.lowered.outputs]
