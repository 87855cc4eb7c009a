"""Programs for a device: steps that share their variables, and the memory that they run in."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.graph import Graph, Node
from ...core.tensor import Tensor
from ...core.variable import Variable
from ...lowering.layout import Buffer
from ...lowering.memory import aligned, plan_kept, plan_scratch
from ...passes import optimize
from .driver import Driver
from .frame import Code
from .lowering import DeviceStep, Twins, lower_for_device
from .narrow import expect_float32, narrowed
from .writing import C_TYPES

WATCH = """__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void watch(__global uchar* arena, ulong offset, __global int* first, int step) {
  if (*first < 0 && !isfinite(*(__global TYPE*)(arena + offset))) *first = step;
}
"""


class DeviceProgram:
    """Code for a set of steps (see `compile.Step`) that share their variables.

    Attributes:
        driver: the device that it is for.
        steps: the kernels of each step, by name.
        variables: where each variable lies in the arena.
        gathers: for each step the kernels that read its batches, in the order of its arguments.
        constants: buffers with the arrays that they must hold.
        kept: how many bytes of the arena, from its start, live on between steps.
        nbytes: the size of the arena.
        code: what the driver made of the kernels.
    """

    def __init__(self, driver: Driver, steps: Mapping[str, Any]):
        if not driver.has_double:
            expect_float32(repr(driver))
        self.driver = driver
        self.traced = {name: step.traced for name, step in steps.items()}
        self._meanings = {name: step.meaning for name, step in steps.items()}
        buffers: dict[Any, Buffer] = {}
        twins: Twins = {}
        self.steps = {name: self._lower(name, step, buffers, twins) for name, step in steps.items()}
        self.gathers = {name: list(step.gathers.values()) for name, step in self.steps.items()}
        self.variables: dict[Variable, Buffer] = {variable: twins[buffer] for variable, buffer in buffers.items()}
        self.constants = [pair for step in self.steps.values() for pair in step.constants]
        self.kept = plan_kept(list(self.variables.values()), 0)
        end = plan_kept([buffer for buffer, _ in self.constants], self.kept)
        self.nbytes = max([end, *(plan_scratch(step, end) for step in self.steps.values())])  # type: ignore[arg-type]
        self._names: dict[str, str] = {}
        self.code = driver.build(self._source())
        self._spare: list[Memory] = []

    def _lower(self, name: str, step: Any, buffers: dict[Any, Buffer], twins: Twins) -> DeviceStep:
        traced, driver = step.traced, self.driver
        graph = optimize(Graph(traced.graph.inputs, traced.graph.outputs, name))
        graph = graph if driver.has_double else narrowed(graph)
        own, lifted = graph.inputs[: traced.arguments], graph.inputs[traced.arguments :]
        state = dict(zip(lifted, traced.variables, strict=True))
        nodes = {variable: node for node, variable in state.items()}
        updates = {traced.results + k: nodes[variable] for k, variable in enumerate(traced.updated)}
        batch = {node: (driver.type_of(dtype), step.shuffled) for node, dtype in zip(own, step.types, strict=True)}
        return lower_for_device(graph, batch, state, updates, buffers, twins, driver.has_double)

    def _source(self) -> str:
        """All kernels, those that are alike once."""
        names = self._names
        for step in self.steps.values():
            for code in step.codes:
                names.setdefault(code.text, f"kernel{len(names)}")
        wide = self.nbytes >= 1 << 31
        head = f"typedef {'long' if wide else 'int'} index_t;\n"
        kernels = [text.replace("{name}", name) for text, name in names.items()]
        return "\n".join([head, self._watch(), *kernels])

    def _watch(self) -> str:
        """The kernel that looks at the loss, in a program that trains."""
        return WATCH.replace("TYPE", C_TYPES[self.steps["step"].outputs[0].dtype]) if "step" in self.steps else ""

    def meaning(self, name: str) -> Any:
        """What the maker of a step noted of its results."""
        return self._meanings[name]

    def name_of(self, code: Code) -> str:
        """The name of a kernel in the code."""
        return self._names[code.text]

    def take_memory(self) -> "Memory":
        """Memory to run in, used before or new, with the variables' present values; to be given back."""
        try:
            memory = self._spare.pop()
        except IndexError:  # none is left, or another thread took the last one
            memory = Memory(self)
        memory.load()
        return memory

    def give_back(self, memory: "Memory") -> None:
        memory.unbind()
        self._spare.append(memory)


class Memory:
    """What a program runs in: an arena on the device, and its kernels with their arguments."""

    def __init__(self, program: DeviceProgram):
        self.program, self.driver = program, program.driver
        self.arena = self.driver.memory(program.nbytes, "the program's memory")
        self._seen: dict[Variable, Tensor] = {}
        self._snapshot: Any = None
        self._launches: dict[str, list[tuple[Any, Code]]] = {}
        self._numbered: dict[str, list[tuple[Any, int]]] = {}  # kernels of a step that are told its first row
        self._held: dict[str, Any] = {}  # what their arguments point to, which OpenCL does not keep alive
        for buffer, value in program.constants:
            self._write(buffer, value)

    # variables
    def _write(self, buffer: Buffer, array: np.ndarray) -> None:
        assert buffer.offset is not None
        self.driver.upload(np.ascontiguousarray(array, buffer.aval.dtype), self.arena, buffer.offset)

    def read(self, buffer: Buffer) -> np.ndarray:
        """The present value of a buffer."""
        assert buffer.offset is not None
        return self.driver.download(self.arena, np.empty(buffer.aval.shape, buffer.aval.dtype), buffer.offset)

    def load(self) -> None:
        """Take over variables that were assigned since they were last seen."""
        for variable, buffer in self.program.variables.items():
            tensor = variable.held
            if self._seen.get(variable) is not tensor:
                self._write(buffer, tensor.numpy())
                self._seen[variable] = tensor

    def store(self) -> None:
        """Give the variables the values that the program has, but for those that were assigned meanwhile."""
        kept = self.driver.download(self.arena, np.empty(self.program.kept, np.uint8))
        for variable, buffer in self.program.variables.items():
            if self._seen.get(variable) is variable.held:
                assert buffer.offset is not None
                memory = kept[buffer.offset : buffer.offset + buffer.nbytes].view(buffer.aval.dtype)
                variable.swap(buffer.layout.unpack(memory).astype(variable.dtype, copy=False))
                self._seen[variable] = variable.held

    # going back
    def keep(self) -> None:
        """Remember the present state."""
        if self._snapshot is None:
            self._snapshot = self.driver.memory(self.program.kept, "a copy of the model")
        self.driver.copy(self.arena, self._snapshot, self.program.kept)

    def go_back(self) -> None:
        """Bring the remembered state back."""
        self.driver.copy(self._snapshot, self.arena, self.program.kept)

    # steps
    def bind(self, name: str, arrays: Sequence[Any] = (), order: Any = None) -> None:
        """Let a step read its batches from these arrays of the device, by the row numbers in `order` if it has one."""
        gathers = self.program.gathers[name]
        self._numbered[name], self._held[name] = [], (arrays, order)
        self._launches[name] = [
            (self._kernel(name, code, gathers, arrays, order), code) for code in self.program.steps[name].codes
        ]

    def unbind(self) -> None:
        """Let go of the arrays."""
        self._launches.clear()
        self._numbered.clear()
        self._held.clear()

    def _kernel(self, name: str, code: Code, gathers: list[Code], arrays: Sequence[Any], order: Any) -> Any:
        arguments = [self.arena, *(np.uint64(buffer.offset) for buffer in code.buffers)]
        if code in gathers:
            arguments += [arrays[gathers.index(code)], *([] if order is None else [order]), np.int64(0)]
        program = self.program
        kernel = self.driver.kernel(program.code, program.name_of(code), arguments)
        if code in gathers:
            self._numbered[name].append((kernel, len(arguments) - 1))
        return kernel

    def run(self, name: str, first: int = 0) -> None:
        """Tell the device to do a step, on a batch that begins with this row."""
        number = np.int64(first)
        for kernel, place in self._numbered[name]:
            kernel.set_arg(place, number)
        for kernel, code in self._launches[name]:
            self.driver.launch(kernel, code.size, code.group)

    def results(self, name: str) -> list[np.ndarray]:
        """What a step left as its results."""
        return [self.read(buffer) for buffer in self.program.steps[name].outputs[: self.program.traced[name].results]]


class Watch:
    """Notes on the device the first step whose loss is NaN or infinite."""

    def __init__(self, memory: Memory):
        self._driver, self._memory = memory.driver, memory
        self._first = self._driver.memory(4, "a number")
        self._kernels = {}
        for name in ("step", "step_tail"):
            if name in memory.program.steps:
                offset = np.uint64(memory.program.steps[name].outputs[0].offset)
                arguments = [memory.arena, offset, self._first, np.int32(0)]
                self._kernels[name] = self._driver.kernel(memory.program.code, "watch", arguments)

    def begin(self) -> None:
        """Forget what was seen."""
        self._driver.upload(np.full(1, -1, np.int32), self._first)

    def look(self, name: str, step: int) -> None:
        """Look at the loss that a step has just left."""
        self._kernels[name].set_arg(3, np.int32(step))
        self._driver.launch(self._kernels[name], (1,), (1,))

    def found(self) -> int | None:
        """The first bad step since `begin`, when all of them are done."""
        first = int(self._driver.download(self._first, np.empty(1, np.int32))[0])
        return None if first < 0 else first


class Executable:
    """One graph as a function of arrays, on a device; it stands in for `compile.Executable`.

    Parameters:
        graph: what to compute.
        batch: inputs whose axis 0 counts samples; they are read row by row from the arrays given.
    """

    def __init__(self, graph: Graph, driver: Driver, batch: Sequence[Node] = ()):
        self.graph, self._batch, self._driver = graph, list(batch), driver
        twins: Twins = {}
        gathered = {node: (node.aval.dtype, False) for node in batch}
        self.step = step = lower_for_device(graph, gathered, {}, {}, {}, twins, driver.has_double)
        arguments = [buffer for buffer in step.inputs.values() if buffer.kind == "argument"]
        end = plan_kept(arguments + [buffer for buffer, _ in step.constants], 0)
        self._nbytes = aligned(plan_scratch(step, end))  # type: ignore[arg-type]
        self._texts = {text: f"kernel{k}" for k, text in enumerate(dict.fromkeys(code.text for code in step.codes))}
        self.text = "\n".join(["typedef int index_t;", *(t.replace("{name}", n) for t, n in self._texts.items())])
        self._program = driver.build(self.text)

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        driver, step = self._driver, self.step
        arena = driver.memory(self._nbytes, "the program's memory")
        for buffer, value in step.constants:
            driver.upload(np.ascontiguousarray(value), arena, buffer.offset or 0)
        rows: dict[Code, Any] = {}
        for node, array in zip(self.graph.inputs, arrays, strict=True):
            array = np.asarray(array, node.aval.dtype, order="C")
            assert array.shape == node.aval.shape
            if node in self._batch:
                rows[step.gathers[node]] = driver.memory(array.nbytes, "an input")
                driver.upload(array, rows[step.gathers[node]])
            elif node in step.inputs:
                driver.upload(array, arena, step.inputs[node].offset or 0)
        for code in step.codes:
            given = [arena, *(np.uint64(buffer.offset) for buffer in code.buffers)]
            given += [rows[code], np.int64(0)] if code in rows else []
            driver.launch(driver.kernel(self._program, self._texts[code.text], given), code.size, code.group)
        results = [np.empty(buffer.aval.shape, buffer.aval.dtype) for buffer in step.outputs]
        return [
            driver.download(arena, result, buffer.offset or 0)
            for result, buffer in zip(results, step.outputs, strict=True)
        ]
