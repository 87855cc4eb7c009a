"""From functions to a running program, stage by stage; read it from top to bottom.

trace      what the function does, as a graph                core.tensor
optimize   the same with less work                           passes
lower      kernels as loops, with layouts of memory          lowering.schedule
plan       one arena for all buffers                         lowering.memory
write      functions that call the kernels                   lowering.entry, lowering.program
emit       LLVM IR text                                      backends.cpu.emit
code       machine code, from the cache if it is there       backends.cpu.jit, runtime.cache
           (of a program's first kernels while the next are being lowered)
link       functions that this process can call              backends.cpu.jit
"""

import ctypes
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .backends.cpu import jit
from .backends.cpu.emit import Writer
from .backends.cpu.runtime_ir import support
from .backends.cpu.target import Target, host
from .core.graph import Graph, Node, fingerprint
from .core.tensor import Traced
from .core.variable import Variable
from .lowering.entry import Kernels, write_entry, write_repeats
from .lowering.kernels import Code
from .lowering.layout import Buffer
from .lowering.loops import Kernel
from .lowering.memory import aligned, plan_kept, plan_scratch
from .lowering.program import Parts, write_program, write_shuffle
from .lowering.schedule import Lowered, lower
from .lowering.table import Slot
from .lowering.transfer import result_kernel
from .passes import optimize
from .runtime import cache
from .runtime.blueprint import Blueprint, from_bytes
from .runtime.memory import allocate
from .runtime.threads import cores

ENTRY = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
CODERS = 2  # threads that make code; more of them would wait for kernels to be written
CHUNK = 400  # statements that are worth a module of their own


def write(kernels: Sequence[Kernel], entries: Sequence[Kernel], target: Target) -> str:
    """Functions as LLVM IR text; the entries set the mode of arithmetic, so they can be called from outside."""
    writer = Writer()
    for kernel in kernels:
        writer.function(kernel)
    for entry in entries:
        writer.function(entry, is_entry=True)
    has_loop = any(entry.name == "run" for entry in entries)
    return writer.module(support(target.triple, has_loop) if entries else "")


class _Modules:
    """The kernels of a program in modules, each handed over to be made into code as soon as it is full."""

    def __init__(self, coder: jit.Coder, target: Target):
        self._coder, self._target = coder, target
        self._kernels: list[Kernel] = []
        self._statements = 0

    def add(self, kernel: Kernel) -> None:
        self._kernels.append(kernel)
        self._statements += len(kernel.statements)
        if self._statements >= CHUNK:
            self.end([])

    def end(self, entries: Sequence[Kernel]) -> None:
        """End the module that is being filled."""
        self._coder.add(write(self._kernels, entries, self._target))
        self._kernels, self._statements = [], 0


def link(kernels: Sequence[Kernel], entries: Sequence[Kernel], target: Target) -> tuple[jit.Module, str]:
    """Functions to callable machine code: emit, code, link. Returns the module and its IR text."""
    text = write(kernels, entries, target)
    return jit.link([_code_of(text, target)], target), text


def _code_of(text: str, target: Target) -> bytes:
    """A module's machine code, from the cache if it is there."""
    key = cache.key_of(text, target.key(), jit.VERSIONS)
    code = cache.load(key)
    if code is None:
        code = jit.machine_code(text, target)
        cache.store(key, code)
    return code


@functools.cache
def _shared_code(target: Target) -> bytes:
    """What is the same in all programs with a training loop."""
    return _code_of(write([], [write_shuffle()], target), target)


def view(arena: np.ndarray, buffer: Buffer) -> np.ndarray:
    """A buffer's memory as elements."""
    assert buffer.offset is not None
    return arena[buffer.offset : buffer.offset + buffer.nbytes].view(buffer.aval.dtype)


class Executable:
    """One graph as a function of arrays, compiled.

    Parameters:
        graph: what to compute.
        batch: inputs whose axis 0 counts samples; they are read row by row from the arrays given.
    """

    def __init__(self, graph: Graph, batch: Sequence[Node] = (), target: Target | None = None):
        target = target or host()
        self.graph, self._batch = graph, list(batch)
        self.lowered = lower(graph, {node: (node.aval.dtype, False) for node in batch}, {}, {}, {}, target.machine)
        arguments = [buffer for buffer in self.lowered.inputs.values() if buffer.kind == "argument"]
        end = plan_kept(arguments + [buffer for buffer, _ in self.lowered.constants], 0)
        self.arena = allocate(plan_scratch(self.lowered, end) + 64)
        for buffer, value in self.lowered.constants:
            buffer.layout.pack(value, view(self.arena, buffer))
        kernels = Kernels()
        gathers = [self.lowered.gathers[node] for node in self._batch]
        entry = write_entry("compute", self.lowered, kernels, gathers, ())
        self.kernels = kernels.unique
        self._module, self.text = link(kernels.unique, [entry], target)
        self._compute = self._module.function("compute", *ENTRY)

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        table = new_table(len(self._batch))
        held = []  # keeps converted arrays alive during the call
        for node, array in zip(self.graph.inputs, arrays, strict=True):
            array = np.asarray(array, node.aval.dtype, order="C")
            assert array.shape == node.aval.shape
            if node in self._batch:
                held.append(array)
                table[Slot.DATA + self._batch.index(node)] = array.ctypes.data
            else:
                buffer = self.lowered.inputs[node]
                buffer.layout.pack(array, view(self.arena, buffer))
        self._compute(self.arena.ctypes.data, table.ctypes.data, 0, 1)
        return [buffer.layout.unpack(view(self.arena, buffer)) for buffer in self.lowered.outputs]


def new_table(arrays: int) -> np.ndarray:
    """A table for native code, with room for the addresses of so many arrays."""
    return allocate(8 * (Slot.DATA + arrays)).view(np.int64)


@dataclass
class Step:
    """A traced function of batches, to be part of a program.

    Attributes:
        traced: its graph; the function's own arguments are batches.
        types: the element types of the arrays that the batches are read from.
        shuffled: whether rows are read by number (a training step) or in order.
        to_rows: whether its results are written to rows of the caller's arrays.
        meaning: what its maker wants to know of its results when it reads them.
    """

    traced: Traced
    types: Sequence[np.dtype] = ()
    shuffled: bool = False
    to_rows: bool = False
    meaning: Any = None


class Program:
    """Native code for a set of steps that share their variables.

    Attributes:
        blueprint: what its memory is like.
        variables: where each variable lives in the arena.
    """

    def __init__(self, blueprint: Blueprint, module: jit.Module, steps: Mapping[str, Step], target: Target):
        self.blueprint, self._module, self._steps, self._target = blueprint, module, steps, target
        self.variables = dict(zip(_variables_of(steps), blueprint.variables, strict=True))

    def without_steps(self) -> "Program":
        """The same code, which knows neither the graphs nor the variables that it was made of."""
        return Program(replace(self.blueprint, variables=[]), self._module, {}, self._target)

    def function(self, name: str) -> Any:
        """A step, or the loop `run`: called with the addresses of arena and table, the thread, and how many threads."""
        return self._module.function(name, *ENTRY)

    def shuffle(self, table: np.ndarray) -> None:
        """Write the order of the epoch that the table names."""
        self._module.function("shuffle", ctypes.c_void_p)(table.ctypes.data)

    def end_epoch(self, arena: np.ndarray, table: np.ndarray) -> None:
        """Do what the training loop does at the end of an epoch, whose logs are in the history."""
        self._module.function("end_epoch", ctypes.c_void_p, ctypes.c_void_p)(arena.ctypes.data, table.ctypes.data)

    def new_arena(self, keeps_best: bool = False) -> np.ndarray:
        """Memory to run in; keeps_best: with room for a copy of the best weights."""
        arena = allocate(self.blueprint.nbytes + (self.blueprint.weights[1] if keeps_best else 0))
        for buffer, value in self.blueprint.constants:
            buffer.layout.pack(value, view(arena, buffer))
        return arena

    def types(self, name: str) -> Sequence[np.dtype]:
        """The element types of the arrays that a step reads its batches from."""
        return self._steps[name].types

    def meaning(self, name: str) -> Any:
        """What the maker of a step noted of its results."""
        return self._steps[name].meaning

    def updates(self, name: str) -> bool:
        """Whether a step changes variables, which the next one goes on with."""
        return bool(self._steps[name].traced.updated)

    def results(self, name: str, arena: np.ndarray) -> list[np.ndarray]:
        """What a step left as its results."""
        return [buffer.layout.unpack(view(arena, buffer)) for buffer in self.blueprint.outputs[name]]

    def plan(self) -> "Plan":
        """The kernels of the steps, worked out again, to be looked at: code from the cache comes without them."""
        return _plan(self._steps, [], None, self._target)


def measurable(lowered: Lowered, gathers: Sequence[Code], target: Target | None = None) -> list[Any]:
    """For every kernel of a planned step a function (arena, table, times, 0) that runs it so many times."""
    kernels = Kernels()
    extra = {code: (Slot.DATA + k, Slot.ORDER) for k, code in enumerate(gathers)}
    entries = [write_repeats(f"repeat{k}", code, kernels, extra.get(code, ())) for k, code in enumerate(lowered.codes)]
    module, _ = link(kernels.unique, entries, target or host())
    return [module.function(entry.name, *ENTRY) for entry in entries]


def compile_program(
    steps: Mapping[str, Step],
    weights: Sequence[Variable],
    batch_sizes: tuple[int, int] | None = None,
    target: Target | None = None,
) -> Program:
    """One program for these steps; with batch_sizes (of training, of validation) also the training loop around them.

    The loop needs the steps `step`, `results` and `reset`, and may have `step_tail`, `test` and `test_tail`. A program
    that was made before, in this process or another, is taken from the cache without going through the stages.
    """
    target = target or host()
    key = cache.key_of(_fingerprint(steps, weights, batch_sizes), target.key(), jit.VERSIONS, cache.sources())
    known = cache.load_parts(key)
    if known is not None:
        blueprint, codes = from_bytes(known[0]), known[1:]
    else:
        with jit.Coder(target, min(cores(), CODERS)) as coder:
            if batch_sizes:
                coder.call(lambda: _shared_code(target))
            modules = _Modules(coder, target)
            plan = _plan(steps, weights, batch_sizes, target, modules.add)
            modules.end(plan.entries)
            blueprint, codes = plan.blueprint, coder.finish()
        cache.store_parts(key, [blueprint.to_bytes(), *codes])
    return Program(blueprint, jit.link(codes, target), steps, target)


def _variables_of(steps: Mapping[str, Step]) -> list[Variable]:
    """The variables of all steps in the order in which they are first named."""
    return list(dict.fromkeys(variable for step in steps.values() for variable in step.traced.variables))


def _fingerprint(steps: Mapping[str, Step], weights: Sequence[Variable], batch_sizes: tuple[int, int] | None) -> str:
    """What determines a program: the graphs, which variables they share, what is read and written how."""
    numbers = {variable: k for k, variable in enumerate(_variables_of(steps))}
    parts: list[Any] = [batch_sizes, [numbers[v] for v in weights if v in numbers]]
    for name, step in steps.items():
        traced = step.traced
        lifted = [numbers[v] for v in traced.variables], [numbers[v] for v in traced.updated]
        parts += [name, fingerprint(traced.graph), traced.arguments, traced.results, lifted]
        parts += [list(map(str, step.types)), step.shuffled, step.to_rows]
    return repr(parts)


@dataclass
class Plan:
    """A program before it is code: the lowered steps, the functions to write, and the memory."""

    lowered: dict[str, Lowered]
    kernels: list[Kernel]
    entries: list[Kernel]
    blueprint: Blueprint


def _plan(
    steps: Mapping[str, Step],
    weights: Sequence[Variable],
    batch_sizes: tuple[int, int] | None,
    target: Target,
    ready: Callable[[Kernel], object] = lambda _: None,
) -> Plan:
    """Optimize, lower, plan and write; ready: called with each kernel as soon as it is written."""
    variables: dict[Any, Buffer] = {}
    kernels = Kernels(ready)
    lowered = {name: _lower(name, step, variables, target, kernels) for name, step in steps.items()}
    kept = [variables[v] for v in weights if v in variables]
    start = plan_kept(kept, 0)
    end = plan_kept([b for b in variables.values() if b not in kept], start)
    end = plan_kept([b for one in lowered.values() for b, _ in one.constants], end)
    end = aligned(end)
    nbytes = best = aligned(max([plan_scratch(one, end) for one in lowered.values()])) + 64

    gathers = {name: list(one.gathers.values()) for name, one in lowered.items()}
    entries = []
    for name, step in steps.items():
        if not step.shuffled:
            outputs = lowered[name].outputs[: step.traced.results] if step.to_rows else []
            results = [result_kernel(f"{name}_rows", buffer) for buffer in outputs]
            entries.append(write_entry(name, lowered[name], kernels, gathers[name], results))
    if batch_sizes:
        parts = Parts(
            step=lowered["step"],
            step_tail=lowered.get("step_tail"),
            test=lowered.get("test"),
            test_tail=lowered.get("test_tail"),
            results=lowered["results"],
            reset=lowered["reset"],
            chooses_test="test" in steps and steps["test"].shuffled,
            gathers=gathers,
            batch_size=batch_sizes[0],
            test_batch_size=batch_sizes[1],
            weights=(0, start),
            best=best,
        )
        entries += write_program(parts, kernels)
    blueprint = Blueprint(
        variables=[variables[variable] for variable in _variables_of(steps)],
        outputs={name: one.outputs for name, one in lowered.items()},
        constants=[pair for one in lowered.values() for pair in one.constants],
        flops={name: sum(code.flops for code in one.codes) for name, one in lowered.items()},
        nbytes=nbytes,
        kept=end,
        weights=(0, start),
        best=best,
    )
    return Plan(lowered, kernels.unique, entries, blueprint)


def _lower(name: str, step: Step, variables: dict[Any, Buffer], target: Target, kernels: Kernels) -> Lowered:
    traced = step.traced
    graph = optimize(Graph(traced.graph.inputs, traced.graph.outputs, name))
    own, lifted = graph.inputs[: traced.arguments], graph.inputs[traced.arguments :]
    state = dict(zip(lifted, traced.variables, strict=True))
    nodes = {variable: node for node, variable in state.items()}
    updates = {traced.results + k: nodes[variable] for k, variable in enumerate(traced.updated)}
    batch: dict[Node, tuple[np.dtype, bool]] = {
        node: (np.dtype(dtype), step.shuffled) for node, dtype in zip(own, step.types, strict=True)
    }
    return lower(graph, batch, state, updates, variables, target.machine, lambda code: kernels.name(code.kernel))
