"""Any graph means the same before the passes, after them, and compiled: Hypothesis draws graphs and shrinks failures.

Every value is a small whole number, so all arithmetic is exact and results are compared without a tolerance; a value
that has grown is taken modulo 64.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import given, note, settings
from hypothesis import strategies as st

import ebbflow.operators  # noqa: F401  (gives Tensor its operators)
from ebbflow.backends.cpu.target import host
from ebbflow.compile import ENTRY, Executable, link, view
from ebbflow.core.aval import Aval
from ebbflow.core.graph import Graph, Node, evaluate
from ebbflow.core.tensor import Tensor, eagerly, trace
from ebbflow.lowering.arithmetic import Arithmetic
from ebbflow.lowering.entry import Kernels, address
from ebbflow.lowering.loops import INDEX, POINTER, Kernel
from ebbflow.lowering.memory import phases_of
from ebbflow.lowering.schedule import Lowered
from ebbflow.lowering.table import Slot
from ebbflow.ops import contraction, elementwise, indexing, movement, random, reduction
from ebbflow.passes import optimize

LARGEST = 64  # of a value; products of two, summed over as many elements as a value has, are exact in float32
ELEMENTS = 2048
SIZES = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 40]) | st.integers(1, 40)


@dataclass
class Drawn:
    """A graph, arrays for its inputs, and which inputs count samples along axis 0."""

    graph: Graph
    arrays: list[np.ndarray]
    batch: list[Node]

    def __str__(self) -> str:
        return f"batch inputs: {[node.label for node in self.batch]}\n{self.graph}"


@dataclass
class Value:
    """The same value twice: as a node, and as numbers that tell how large it is."""

    traced: Tensor
    eager: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self.eager.shape


def apply(operation: Callable[..., Tensor], *values: Value) -> Value:
    with eagerly():
        numbers = operation(*(v.eager for v in values))
    result = Value(operation(*(v.traced for v in values)), numbers)
    if np.abs(result.eager.numpy()).max() > LARGEST:
        return apply(lambda x: x - elementwise.floor(x / float(LARGEST)) * float(LARGEST), result)
    return result


class Drawing:
    """Draws one operation after another on what is there already."""

    def __init__(self, draw: Any, values: list[Value]):
        self.draw, self.values = draw, values

    def one(self, test: Callable[[Value], bool] = lambda v: True) -> Value | None:
        fitting = [v for v in self.values if test(v)]
        return self.draw(st.sampled_from(fitting)) if fitting else None

    def axes(self, value: Value, least: int = 1) -> tuple[int, ...]:
        ndim = len(value.shape)
        return tuple(sorted(self.draw(st.sets(st.integers(0, ndim - 1), min_size=least, max_size=ndim))))

    def unary(self) -> Value | None:
        operations = {
            "negative": elementwise.negative,
            "relu": elementwise.relu,
            "sign": elementwise.sign,
            "tanh": lambda x: elementwise.tanh(x * 1000.0),  # costly, but a whole number
            "root": lambda x: elementwise.sqrt(x * x),
            "constant": lambda x: x * 3.0 + 1.0,
        }
        return apply(operations[self.draw(st.sampled_from(sorted(operations)))], self.one())

    def binary(self) -> Value | None:
        x = self.one()
        y = self.one(lambda v: _broadcast_size(x.shape, v.shape) <= ELEMENTS)
        operations = {
            "add": lambda x, y: x + y,
            "subtract": lambda x, y: x - y,
            "multiply": lambda x, y: x * y,
            "maximum": lambda x, y: _pair(elementwise.maximum, x, y),
            "where": lambda x, y: _pair(lambda a, b: elementwise.where(a < b, a * 2.0, b), x, y),
        }
        return apply(operations[self.draw(st.sampled_from(sorted(operations)))], x, y)

    def reduce(self) -> Value | None:
        x = self.one(lambda v: len(v.shape) > 0)
        if x is None:
            return None
        axes, kind = self.axes(x), self.draw(st.sampled_from(["sum", "max", "min", "keep", "argmax"]))
        if kind == "argmax":
            return apply(lambda x: elementwise.cast(reduction.argmax(x, axes[0]), x.dtype), x)
        if kind == "keep":
            return apply(lambda x: x - x.sum(axis=axes, keepdims=True), x)
        return apply(lambda x: getattr(reduction, f"{kind}_")(x, axes), x)

    def contract(self) -> Value | None:
        a = self.one(lambda v: 0 < len(v.shape) < 4)
        b = self.one(lambda v: 0 < len(v.shape) < 4)
        if a is None or b is None:
            return None
        labels, size = self._labels(a.shape, b.shape)
        return apply(lambda a, b: contraction.contract(a, b, labels), a, b) if size <= ELEMENTS else None

    def _labels(self, left: tuple[int, ...], right: tuple[int, ...]) -> tuple[str, int]:
        """Letters for the axes: those of equal length may be one, and what both have may be summed."""
        first = "abc"[: len(left)]
        sizes = dict(zip(first, left, strict=True))
        second, free = "", list(first)
        for fresh, n in zip("xyz"[: len(right)], right, strict=True):
            letter = next((label for label in free if sizes[label] == n and self.draw(st.booleans())), fresh)
            if letter in free:
                free.remove(letter)
            sizes[letter] = n
            second += letter
        summed = {label for label in second if label in first and self.draw(st.booleans())}
        kept = self.draw(st.permutations([label for label in sizes if label not in summed]))
        return f"{first},{second}->{''.join(kept)}", int(np.prod([sizes[label] for label in kept]))

    def move(self) -> Value | None:
        x = self.one(lambda v: len(v.shape) > 0)
        if x is None:
            return None
        kind = self.draw(st.sampled_from(["transpose", "reshape", "slice", "reverse", "pad", "spread"]))
        return apply(getattr(self, f"_{kind}")(x.shape), x)

    def _transpose(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        axes = self.draw(st.permutations(range(len(shape))))
        return lambda x: movement.transpose(x, axes)

    def _reshape(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        size = int(np.prod(shape))
        first = self.draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
        target = self.draw(st.sampled_from([(size,), (first, size // first), (*shape, 1), (1, *shape)]))
        return lambda x: movement.reshape(x, target)

    def _slice(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        starts = [self.draw(st.integers(0, n - 1)) for n in shape]
        stops = [self.draw(st.integers(low + 1, n)) for low, n in zip(starts, shape, strict=True)]
        steps = [self.draw(st.integers(1, 3)) for _ in shape]
        return lambda x: movement.slice_(x, starts, stops, steps)

    def _reverse(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        axes = self.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
        return lambda x: movement.reverse(x, sorted(axes))

    def _pad(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        before, after, between = ([self.draw(st.integers(0, 2)) for _ in shape] for _ in range(3))
        return lambda x: movement.pad(x, before, after, between)

    def _spread(self, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        new = self.draw(st.integers(1, 4))
        return lambda x: movement.broadcast_to(x, (new, *shape))

    def join(self) -> Value | None:
        x = self.one(lambda v: len(v.shape) > 0)
        if x is None:
            return None
        axis = self.draw(st.integers(0, len(x.shape) - 1))
        y = self.one(lambda v: _without(v.shape, axis) == _without(x.shape, axis))
        return apply(lambda x, y: movement.concatenate([x, y], axis), x, y)

    def look_up(self) -> Value | None:
        x, rows = self.one(lambda v: len(v.shape) > 0), self.one(lambda v: 0 < len(v.shape) < 3)
        if (
            x is None
            or rows is None
            or int(np.prod(rows.shape + x.shape[1:])) > ELEMENTS
            or len(rows.shape + x.shape) > 4
        ):
            return None
        return apply(lambda x, rows: indexing.take(x, elementwise.cast(rows, np.int32)), x, rows)

    def bits(self) -> Value | None:
        """Random numbers, and which lane is which: what depends on positions."""
        x = self.one()
        state = np.array([1, 2, 3, self.draw(st.integers(0, 9))], np.uint32)

        def mask(x: Tensor) -> Tensor:
            words = elementwise.bitwise_and(
                random.random_bits(Tensor(state), x.shape), Tensor(np.full(x.shape, 3, np.uint32))
            )
            positions = indexing.iota(x.shape, -1, x.dtype) if x.ndim else x
            return x * elementwise.cast(words, x.dtype) + positions

        return apply(mask, x)

    OPERATIONS = ("unary", "binary", "reduce", "contract", "move", "join", "look_up", "bits")

    def step(self) -> None:
        value = getattr(self, self.draw(st.sampled_from(self.OPERATIONS)))()
        if value is not None and len(value.shape) <= 4 and value.eager.size <= ELEMENTS:
            self.values.append(value)


def _pair(operation: Callable[..., Tensor], x: Tensor, y: Tensor) -> Tensor:
    shape = np.broadcast_shapes(x.shape, y.shape)
    return operation(movement.broadcast_to(x, shape), movement.broadcast_to(y, shape))


def _broadcast_size(*shapes: tuple[int, ...]) -> float:
    try:
        return int(np.prod(np.broadcast_shapes(*shapes)))
    except ValueError:
        return np.inf


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (len(shape), *shape[:axis], *shape[axis + 1 :])


def _small(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if np.prod(shape) <= ELEMENTS else shape[:-1]


@st.composite
def drawn_graphs(draw: Any, dtype: str) -> Drawn:
    samples = draw(SIZES)
    palette = draw(st.lists(SIZES, min_size=1, max_size=2))
    shapes = st.lists(st.sampled_from(palette), max_size=2).map(tuple)
    batch = draw(st.lists(st.booleans(), min_size=1, max_size=3))
    given = [_small((samples, *draw(shapes)) if is_batch else draw(shapes)) for is_batch in batch]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    arrays = [rng.integers(-2, 3, shape).astype(dtype) for shape in given]
    avals = [(f"x{k}", Aval(array.shape, array.dtype)) for k, array in enumerate(arrays)]
    steps, outputs = draw(st.integers(1, 10)), draw(st.integers(1, 3))

    def function(*inputs: Tensor) -> list[Tensor]:
        drawing = Drawing(draw, [Value(x, Tensor(array)) for x, array in zip(inputs, arrays, strict=True)])
        for _ in range(steps):
            drawing.step()
        return [drawing.values[-1].traced] + [drawing.one().traced for _ in range(outputs - 1)]

    graph = trace(function, avals).graph
    return Drawn(graph, arrays, [node for node, is_batch in zip(graph.inputs, batch, strict=True) if is_batch])


def same(name: str, got: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for k, (x, y) in enumerate(zip(got, wanted, strict=True)):
        np.testing.assert_array_equal(x, y, err_msg=f"output {k}, {name}", strict=True)


def compiled(drawn: Drawn, graph: Graph) -> Executable:
    """The graph as native code, in memory full of NaN: whatever is read must have been written before."""
    executable = Executable(graph, drawn.batch)
    executable.arena[:] = 0xFF
    for buffer, value in executable.lowered.constants:
        buffer.layout.pack(value, view(executable.arena, buffer))
    return executable


def divided(executable: Executable, threads: int) -> None:
    """Let it compute as if by so many threads, where in every phase the last thread finishes before the others start.

    If a barrier is missing, a thread reads what an earlier one has not written yet.
    """
    kernels = Kernels()
    entry = _last_thread_first(executable.lowered, executable.lowered.gathers.values(), kernels, threads)
    executable._module, _ = link(kernels.unique, [entry], host())
    executable._compute = executable._module.function(entry.name, *ENTRY)


def _last_thread_first(lowered: Lowered, gathers: Iterable[Any], kernels: Kernels, threads: int) -> Kernel:
    b = Arithmetic(1)
    arena, table, *_ = (
        b.parameter("arena"),
        b.parameter("table"),
        b.parameter("thread", INDEX),
        b.parameter("threads", INDEX),
    )
    first = b.at(table, "int64", int(Slot.FIRST))
    rows = {code: [b.load(b.at(table, "int64", Slot.DATA + k), POINTER), first] for k, code in enumerate(gathers)}
    for _, group in groupby(zip(phases_of(lowered.codes), lowered.codes, strict=True), key=lambda pair: pair[0]):
        codes = [code for _, code in group]
        for thread in reversed(range(threads)):
            for code in codes:
                low, high = (code.work * k // threads for k in (thread, thread + 1))
                pointers = [address(b, arena, buffer) for buffer in code.buffers]
                b.effect("call", *rows.get(code, ()), *pointers, low, high, attributes=kernels.name(code.kernel))
    return b.finish("compute")


@settings(max_examples=120)
@given(drawn_graphs("float64"))
def test_optimized_and_compiled_graphs_keep_their_meaning(drawn: Drawn) -> None:
    """evaluate(graph) == evaluate(optimize(graph)) == compiled."""
    note(str(drawn))
    wanted = evaluate(drawn.graph, drawn.arrays)
    optimized = optimize(drawn.graph)
    note(f"optimized {optimized}")
    same("optimized", evaluate(optimized, drawn.arrays), wanted)
    same("compiled", compiled(drawn, optimized)(*drawn.arrays), wanted)


@settings(max_examples=60)
@given(drawn_graphs("float32"), st.integers(2, 5))
def test_threads_in_any_order_keep_the_meaning(drawn: Drawn, threads: int) -> None:
    """Within a phase no thread depends on another; here without the passes, and in float32, whose tiles are higher."""
    note(str(drawn))
    executable = compiled(drawn, drawn.graph)
    divided(executable, threads)
    same("divided", executable(*drawn.arrays), evaluate(drawn.graph, drawn.arrays))
