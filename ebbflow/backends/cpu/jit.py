"""LLVM IR text to machine code in this process, through the cache on disk."""

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from ...runtime import cache
from .target import Target, target_machine


class Module:
    """Machine code in memory; it lives as long as this object."""

    def __init__(self, engine: Any, from_cache: bool):
        self._engine = engine
        self.from_cache = from_cache

    def function(self, name: str, *argument_types: Any, result: Any = None) -> Callable[..., Any]:
        return ctypes.CFUNCTYPE(result, *argument_types)(self._engine.get_function_address(name))


def compile_module(text: str, target: Target) -> Module:
    """Machine code for IR text, taken from the cache if it is there."""
    machine = target_machine(target)
    key = cache.key_of(text, target.key(), f"llvmlite {llvmlite.__version__} LLVM {llvm.llvm_version_info}")
    code = cache.load(key)
    context = llvm.create_context()
    if code is None:
        parsed = llvm.parse_assembly(text, context)
        parsed.triple = target.triple
        code = machine.emit_object(parsed)
        cache.store(key, code)
        fresh = True
    else:
        fresh = False
    empty = llvm.parse_assembly("", context)
    empty.triple = target.triple
    engine = llvm.create_mcjit_compiler(empty, machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Module(engine, not fresh)


def assembly(text: str, target: Target) -> str:
    """The machine code as assembly text, to be read."""
    parsed = llvm.parse_assembly(text, llvm.create_context())
    parsed.triple = target.triple
    return target_machine(target).emit_assembly(parsed)
