"""LLVM IR text to machine code, and machine code to functions of this process."""

import ctypes
import functools
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from .target import Target, target_machine

VERSIONS = f"llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, llvm.llvm_version_info))}"


class Module:
    """Machine code in memory; it lives as long as this object or one of its functions."""

    def __init__(self, engine: Any):
        self._engine = engine

    def function(self, name: str, *argument_types: Any) -> Callable[..., None]:
        """A function of the module that returns nothing."""
        address = self._engine.get_function_address(name)
        assert address, f"the machine code has no function {name}"
        function = ctypes.CFUNCTYPE(None, *argument_types)(address)
        function.code = self  # type: ignore[attr-defined]
        return function


def machine_code(text: str, target: Target) -> bytes:
    """IR text as an object file."""
    machine, module = target_machine(target), _parse(text, target)
    emit = _emitter()
    if emit is None:
        return machine.emit_object(module)
    with llvm.ffi.OutputString() as error:
        memory = emit(machine, module, 1, error)
        if not memory:
            raise RuntimeError(str(error))
    library = llvm.ffi.lib
    try:
        return ctypes.string_at(library.LLVMPY_GetBufferStart(memory), library.LLVMPY_GetBufferSize(memory))
    finally:
        library.LLVMPY_DisposeMemoryBuffer(memory)


@functools.cache
def _emitter() -> Any:
    """LLVM's function behind `emit_object`, which several threads may be in at a time, each with its own context.

    llvmlite lets one thread into LLVM at a time, whatever it does there. None where this version of it has no such
    function; then modules are made one after the other.
    """
    try:
        locked = llvm.ffi.lib.LLVMPY_TargetMachineEmitToMemory
        emit = ctypes.CDLL(llvm.ffi.lib._name).LLVMPY_TargetMachineEmitToMemory
    except (AttributeError, OSError):
        return None
    emit.argtypes, emit.restype = locked.argtypes, locked.restype
    return emit


def assembly(text: str, target: Target) -> str:
    """IR text as the processor's instructions, to be read."""
    return target_machine(target).emit_assembly(_parse(text, target))


class Coder:
    """Makes machine code of several modules on threads of its own, while its owner writes the next.

    Used as a context, whose end waits for the threads.
    """

    def __init__(self, target: Target, threads: int):
        self._target = target
        self._makers: SimpleQueue[tuple[int, Callable[[], bytes]] | None] = SimpleQueue()
        self._count = 0
        self._codes: dict[int, bytes] = {}
        self._errors: list[BaseException] = []
        self._threads = [Thread(target=self._work, name="ebbflow code", daemon=True) for _ in range(threads)]

    def __enter__(self) -> "Coder":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._makers.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (given := self._makers.get()) is not None:
            number, make = given
            try:
                self._codes[number] = make()
            except BaseException as error:  # raised where the code is asked for
                self._errors.append(error)

    def add(self, text: str) -> None:
        """IR text of a module; functions of other modules are declared in it."""
        self.call(lambda: machine_code(text, self._target))

    def call(self, make: Callable[[], bytes]) -> None:
        """What to call there for the code of a module."""
        self._makers.put((self._count, make))
        self._count += 1

    def finish(self) -> list[bytes]:
        """The object files of all modules, in order."""
        self.__exit__()
        for error in self._errors:
            raise error
        return [self._codes[number] for number in range(self._count)]


def link(codes: Sequence[bytes], target: Target) -> Module:
    """Object files that call each other's functions, ready to be called."""
    # LLVM's own context: one of ours could be garbage-collected before the engine that lives in it
    empty = llvm.parse_assembly("", llvm.get_global_context())
    empty.triple = target.triple
    engine = llvm.create_mcjit_compiler(empty, target_machine(target))
    for code in codes:
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Module(engine)


def _parse(text: str, target: Target) -> Any:
    module = llvm.parse_assembly(text, llvm.create_context())
    module.triple = target.triple
    return module
