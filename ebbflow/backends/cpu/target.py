"""The machine that code is made for: its features, and how large a tile its registers hold."""

import platform
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


@cache
def _initialize() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def host() -> Target:
    """The processor that we run on."""
    _initialize()
    flags = llvm.get_host_cpu_features()
    features = flags.flatten()
    if flags.get("avx512f"):
        features += ",-prefer-256-bit"
    return Target(llvm.get_process_triple(), llvm.get_host_cpu_name(), features, _machine(flags.get("avx512f", False)))


@cache
def x86_64_v3() -> Target:
    """Any x86-64 processor with AVX2 and fused multiply-add."""
    _initialize()
    return Target(llvm.get_process_triple(), "x86-64-v3", "", _machine(False))


def _machine(wide: bool) -> Machine:
    """Rows of a product's tile: of 32 registers of 16 lanes 8 are enough; 16 of 8 lanes hold 6 rows of two."""
    if wide or platform.machine() in ("aarch64", "arm64"):
        return Machine(tile_rows={"float32": 8, "float64": 8 if wide else 4})
    return Machine(tile_rows={"float32": 6, "float64": 3})


def target_machine(target: Target) -> llvm.TargetMachine:
    """Code generation at level 1: the IR is already what is wanted; level 0 is 2.5 times slower code."""
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=1, codemodel="jitdefault", jit=True
    )
