"""Functions that call kernels: which part each thread does, and where threads wait for each other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .arithmetic import Arithmetic
from .kernels import Code
from .layout import Buffer
from .loops import INDEX, POINTER, Kernel, Operation, Value, verify_kernel
from .memory import phases_of
from .schedule import Lowered
from .table import Slot
from .transpose import shared_function


class Kernels:
    """The kernels of a program, those with the same loops once.

    Parameters: ready, what is called with each of them as soon as it is known.
    """

    def __init__(self, ready: Callable[[Kernel], object] = lambda _: None) -> None:
        self.unique: list[Kernel] = []
        self._ready = ready
        self._names: dict[Kernel, str] = {}

    def name(self, kernel: Kernel) -> str:
        """The name under which a kernel with these loops is called."""
        if kernel not in self._names:
            self._names[kernel] = kernel.name
            self._add_called(kernel)
            self._add(kernel)
        return self._names[kernel]

    def _add_called(self, kernel: Kernel) -> None:
        """The shared functions that a kernel calls come along."""
        known = {other.name for other in self.unique}
        called = {s.attributes for s in kernel.statements if isinstance(s, Operation) and s.name == "call"}
        for name in sorted(called - known):
            function = shared_function(name)
            assert function is not None, f"{kernel.name} calls {name}, which there is not"
            self._add(function)

    def _add(self, kernel: Kernel) -> None:
        self.unique.append(kernel)
        self._ready(kernel)


def barrier(b: Arithmetic, table: Value, threads: Value) -> None:
    """Wait until every thread is here."""
    b.effect("call", table, threads, attributes="barrier")


def call_codes(
    b: Arithmetic,
    codes: Sequence[Code],
    kernels: Kernels,
    arena: Value,
    table: Value,
    thread: Value,
    threads: Value,
    extra: Mapping[Code, Sequence[Value]],
) -> None:
    """Call kernels in order, each thread its part, with a barrier between phases.

    extra: further pointers that a kernel takes before its buffers.
    """
    phases = phases_of(codes)
    for k, code in enumerate(codes):
        if k and phases[k] != phases[k - 1]:
            barrier(b, table, threads)
        low = b.op("part", ("index", 1), thread, threads, attributes=code.work)
        high = b.op("part", ("index", 1), b.iadd(thread, 1), threads, attributes=code.work)
        pointers = [address(b, arena, buffer) for buffer in code.buffers]
        b.effect("call", *extra.get(code, ()), *pointers, low, high, attributes=kernels.name(code.kernel))


def address(b: Arithmetic, arena: Value, buffer: Buffer) -> Value:
    assert buffer.offset is not None, f"{buffer} has no place"
    return b.at(arena, "uint8", buffer.offset)


def write_repeats(name: str, code: Code, kernels: Kernels, extra: Sequence[int]) -> Kernel:
    """A function name(arena, table, times, unused) that runs one kernel so many times, to be measured.

    extra: the slots of the table that hold the further addresses that the kernel takes.
    """
    b = Arithmetic(1)
    arena, table, times = b.parameter("arena"), b.parameter("table"), b.parameter("times", INDEX)
    b.parameter("unused", INDEX)
    pointers = [b.load(b.at(table, "int64", slot), POINTER) for slot in extra]
    pointers += [address(b, arena, buffer) for buffer in code.buffers]

    def turn(*_: Any) -> None:
        b.effect("call", *pointers, 0, code.work, attributes=kernels.name(code.kernel))

    b.loop(0, times, 1, turn)
    return verify_kernel(b.finish(name))


def write_entry(
    name: str, lowered: Lowered, kernels: Kernels, gathers: Sequence[Code], results: Sequence[Code]
) -> Kernel:
    """A function name(arena, table, thread, threads) that computes a graph once.

    Gathers read the arrays at the table's DATA from row FIRST on; results are written to the arrays that follow.
    """
    b = Arithmetic(1)
    arena, table = b.parameter("arena"), b.parameter("table")
    thread, threads = b.parameter("thread", INDEX), b.parameter("threads", INDEX)
    first = b.at(table, "int64", int(Slot.FIRST))
    extra = {}
    for k, code in enumerate([*gathers, *results]):
        extra[code] = [b.load(b.at(table, "int64", int(Slot.DATA) + k), POINTER), first]
    call_codes(b, [*lowered.codes, *results], kernels, arena, table, thread, threads, extra)
    return verify_kernel(b.finish(name))
