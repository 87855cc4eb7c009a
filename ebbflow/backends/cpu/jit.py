"""LLVM IR text to machine code, and machine code to functions of this process."""

import ctypes
from collections.abc import Callable
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
    return target_machine(target).emit_object(_parse(text, target))


def assembly(text: str, target: Target) -> str:
    """IR text as the processor's instructions, to be read."""
    return target_machine(target).emit_assembly(_parse(text, target))


def link(code: bytes, target: Target) -> Module:
    """An object file, ready to be called."""
    # LLVM's own context: one of ours could be garbage-collected before the engine that lives in it
    empty = llvm.parse_assembly("", llvm.get_global_context())
    empty.triple = target.triple
    engine = llvm.create_mcjit_compiler(empty, target_machine(target))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Module(engine)


def _parse(text: str, target: Target) -> Any:
    module = llvm.parse_assembly(text, llvm.create_context())
    module.triple = target.triple
    return module
