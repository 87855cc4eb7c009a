"""The machine that code is made for: its features, and how large a tile its registers hold."""

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from ...lowering.machine import Machine


@dataclass(frozen=True)
class Target:
    """A processor as LLVM names it, and what the lowering needs to know of it."""

    triple: str
    cpu: str
    features: str
    machine: Machine

    def key(self) -> str:
        return f"{self.triple} {self.cpu} {self.features} {self.machine}"


# Rows of a product's tile: as many as leave registers for a vector of the other operand and for the element that is
# multiplied with it. On AVX2 and NEON one row more makes LLVM spill (tests/backends/test_registers.py).
AVX512 = Machine(tile_rows={"float32": 8, "float64": 8}, roomy=("float32",))  # 32 registers, a row takes 1 or 2
AVX2 = Machine(tile_rows={"float32": 6, "float64": 2})  # 16 registers, a row takes 2, or 4
NEON = Machine(tile_rows={"float32": 5, "float64": 2})  # 32 registers, a row takes 4, or 8


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def _initialize_others() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@cache
def host() -> Target:
    """The processor that we run on."""
    _initialize()
    flags = llvm.get_host_cpu_features()
    features = flags.flatten()
    if flags.get("avx512f"):
        features += ",-prefer-256-bit"
    triple = llvm.get_process_triple()
    machine = AVX512 if flags.get("avx512f") else NEON if triple.startswith(("aarch64", "arm64")) else AVX2
    return Target(triple, llvm.get_host_cpu_name(), features, machine)


@cache
def x86_64_v3() -> Target:
    """Any x86-64 processor with AVX2 and fused multiply-add."""
    return Target(_x86_64_triple(), "x86-64-v3", "", AVX2)


@cache
def x86_64_v4() -> Target:
    """Any x86-64 processor with AVX-512."""
    return Target(_x86_64_triple(), "x86-64-v4", "-prefer-256-bit", AVX512)


@cache
def aarch64() -> Target:
    """Any 64-bit ARM processor under Linux; all of them have NEON."""
    _initialize_others()
    return Target("aarch64-unknown-linux-gnu", "generic", "", NEON)


def _x86_64_triple() -> str:
    """This process's own, so that the code can run in it; on another kind of machine that of Linux."""
    _initialize_others()
    own = llvm.get_process_triple()
    return own if own.startswith("x86_64") else "x86_64-unknown-linux-gnu"


def target_machine(target: Target) -> llvm.TargetMachine:
    """Code generation at level 1: the IR is already what is wanted; level 0 is 2.5 times slower code."""
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=1, codemodel="jitdefault", jit=True
    )
