"""What all kernels for GPUs share: work items as positions, memory that a group shares, the finished text.

A kernel is launched for a grid of work items, in groups. All work items do the same, each with its own number; those of
a group may share local memory and wait for each other at a barrier.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ...lowering.arithmetic import Arithmetic
from ...lowering.evaluate import Access, Evaluator, Position, Storage
from ...lowering.index import Index, Variable, flatten, unflatten
from ...lowering.layout import Buffer
from ...lowering.loops import INDEX, Body, Value
from .narrow import narrow
from .writing import Writer, memory_type

GROUP = 128  # work items of a group that share nothing
Shape = tuple[int, ...]


class Plain:
    """A layout without lanes: elements in row-major order, one after another."""

    lane_axis = None
    panels = False

    def __init__(self, shape: Shape):
        self.shape, self.size = shape, prod(shape)

    def offset(self, index: tuple[Index, ...]) -> Index:
        return flatten(index, self.shape) if self.shape else Index()

    def pack(self, array: np.ndarray, memory: np.ndarray) -> None:
        memory.reshape(self.shape)[...] = array

    def unpack(self, memory: np.ndarray) -> np.ndarray:
        return memory.reshape(self.shape).copy()


class Scalars(Arithmetic):
    """Arithmetic of single elements, on a device that may have no float64."""

    def __init__(self, has_double: bool):
        super().__init__(lanes=1)
        self._has_double = has_double

    def cast(self, x: Value, dtype: Any) -> Value:
        """Also within formulas, such as that of power."""
        return super().cast(x, dtype if self._has_double else narrow(dtype))


@dataclass(eq=False)
class Code:
    """A kernel with what its caller must know.

    Attributes:
        text: a function in OpenCL C without its name, which stands for `{name}`.
        buffers: the buffers whose offsets in the arena it takes.
        size, group: how many work items there are in all, and in a group, along each axis.
        reads, writes: the buffers that it reads and fills, for the plan of memory.
        work: as of `lowering.kernels.Code`; a GPU's kernels follow one another.
    """

    text: str
    buffers: list[Buffer]
    size: Shape
    group: Shape
    reads: dict[Buffer, None] = field(default_factory=dict)
    writes: dict[Buffer, None] = field(default_factory=dict)
    work: int = 2


class Frame:
    """A kernel in the making."""

    def __init__(self, storage: Storage, has_double: bool):
        self.b = Scalars(has_double)
        self.access = Access(self.b)
        self.storage = storage
        self._numbers: list[str] = []
        self._locals: list[str] = []
        self._more: list[str] = []

    def number(self, name: str, size: int, expression: str) -> Index:
        """A number of the work item, 0 <= number < size, as a position; size counts those that lie beyond the end."""
        self._numbers.append(f"  const index_t {name} = {expression};")
        return Index({Variable(name, size, Value(name, (INDEX, 1), 0)): 1})

    def share(self, name: str, dtype: str, size: int) -> str:
        """Memory that the work items of a group share."""
        self._locals.append(f"  __local {memory_type(dtype)} {name}[{size}];")
        return name

    def argument(self, name: str, declaration: str, type_: tuple[str, int] = ("pointer", 1)) -> Value:
        """A further argument of the kernel."""
        self._more.append(f"{declaration} {name}")
        return Value(name, type_, 0)

    def evaluator(self, members: set[Any]) -> Evaluator:
        return Evaluator(self.b, self.access, self.storage, members)

    def inside(self, index: Index, size: int, body: Callable[[], None]) -> None:
        """if index < size: body()"""
        if index.maximum < size:
            body()
        else:
            self.b.when(self.b.compare_index("lt", self.b.position(index), size), body)

    def elements(self, shape: Shape, body: Callable[[Position], None]) -> Code:
        """The kernel in which every element of a shape is one work item's: body(its position)."""
        n = prod(shape)
        group = GROUP if n > 1 else 1
        size = whole_groups(n, group)
        element = self.number("element", size, "get_global_id(0)")
        self.inside(element, n, lambda: body(unflatten(within(element, n), shape)))
        return self.finish((size,), (group,))

    def put(self, value: Value, name: str, at: Index) -> None:
        """Into shared memory."""
        self.b.effect("store_local", value, self.b.position(at), attributes=name)

    def get(self, dtype: str, name: str, at: Index) -> Value:
        """From shared memory."""
        value = self.b.effect("load_local", self.b.position(at), attributes=name, type_=(dtype, 1))
        assert value is not None
        return value

    def barrier(self) -> None:
        """Wait for all work items of the group."""
        self.b.effect("barrier")

    def finish(self, size: Shape, group: Shape) -> Code:
        kernel = self.b.finish("kernel")
        pointers = self.access.pointers
        offsets = [f"ulong offset{k}" for k in range(len(pointers))]
        parameters = ", ".join(["__global uchar* arena", *offsets, *self._more])
        sizes = ", ".join(map(str, (*group, *[1] * (3 - len(group)))))
        lines = [f"__kernel __attribute__((reqd_work_group_size({sizes})))", f"void {{name}}({parameters}) {{"]
        for k, (buffer, pointer) in enumerate(pointers.items()):
            type_ = f"__global {memory_type(buffer.dtype)}*"
            lines.append(f"  {type_} {pointer} = ({type_})(arena + offset{k});")
        body = [*lines, *self._numbers, *self._locals, *statements(kernel.body), "}"]
        reads, writes = dict.fromkeys(self.access.reads), dict.fromkeys(self.access.writes)
        return Code("\n".join(body), list(pointers), size, group, reads, writes)


def statements(body: Body) -> list[str]:
    writer = Writer()
    writer.body(body)
    return writer.lines


def within(number: Index, size: int) -> Index:
    """A work item's number where it is known to be below `size`, so that its quotients are simple."""
    return Index({Variable(v.name, size, v.value): 1 for v in number.terms})


def whole_groups(n: int, group: int) -> int:
    """n rounded up to groups."""
    return -(-n // group) * group
