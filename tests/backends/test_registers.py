"""The sums of a product stay in registers: no loop that adds products reads or writes the stack, on any target."""

from dataclasses import replace
from functools import partial

import pytest

import ebbflow as ebb
from ebbflow import compile
from ebbflow.backends.cpu import jit
from ebbflow.backends.cpu.target import Target, aarch64, host, x86_64_v3, x86_64_v4
from ebbflow.compile import Step
from ebbflow.lowering.machine import Machine
from ebbflow.training.compiled import traced
from ebbflow.training.steps import row_outputs

from .assembly import Loop, innermost_loops
from .networks import NETWORKS, data, network, steps_of

TARGETS = {"host": host, "x86-64-v3": x86_64_v3, "x86-64-v4": x86_64_v4, "aarch64": aarch64}


def product_loops(name: str, target: Target) -> list[Loop]:
    """The innermost loops with fused multiply-adds in the products of a training program."""
    model = network(name)
    return loops_of(compile._plan(steps_of(model, data(name, 64), 64), model.weights, (64, 1), target), target)


def prediction_loops(name: str, rows: int, target: Target) -> list[Loop]:
    """The same of a program that predicts so many rows."""
    x = data(name, rows)["x"]
    step = Step(traced(partial(row_outputs, network(name)), {"x": x}, rows, "predict"), [x.dtype], to_rows=True)
    return loops_of(compile._plan({"predict": step}, [], None, target), target)


def loops_of(plan: compile.Plan, target: Target) -> list[Loop]:
    products = {code.kernel.name for lowered in plan.lowered.values() for code in lowered.codes if code.flops}
    text = compile.write(plan.kernels, plan.entries, target)
    loops = innermost_loops(jit.assembly(text, target))
    return [loop for loop in loops if loop.function in products and loop.fused]


@pytest.mark.parametrize("processor", TARGETS)
@pytest.mark.parametrize(("name", "floatx"), [*((name, "float32") for name in NETWORKS), ("784-512-512-10", "float64")])
def test_no_loop_of_a_product_touches_the_stack(name: str, processor: str, floatx: str) -> None:
    if processor == "host" and "+avx512f" not in host().features.split(","):
        pytest.skip("this processor has no AVX-512; the other targets are checked on any machine")
    ebb.config.set_floatx(floatx)
    loops = product_loops(name, TARGETS[processor]())
    assert len(loops) >= 2 * (len(NETWORKS[name][0]) - 1), "at least one loop for each layer, forward and backward"
    spilled = {loop.function: loop.on_stack for loop in loops if loop.on_stack}
    assert not spilled


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("processor", ["x86-64-v3", "x86-64-v4", "aarch64"])
def test_no_tile_of_several_panels_touches_the_stack(processor: str, floatx: str) -> None:
    """Those of few rows, whose single elements are held in registers, too."""
    ebb.config.set_floatx(floatx)
    target = TARGETS[processor]()
    for rows in (1, 2, 3, 4):
        loops = prediction_loops("784-512-512-10", rows, target)
        assert len(loops) >= 3 and not any(loop.on_stack for loop in loops)


@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("processor", ["x86-64-v3", "aarch64"])
def test_tiles_are_as_high_as_the_registers_allow(processor: str, floatx: str) -> None:
    """One row more, and sums are spilled; so the test above can see it, too."""
    ebb.config.set_floatx(floatx)
    target = TARGETS[processor]()
    higher = Machine(tile_rows={floatx: target.machine.tile_rows[floatx] + 1})
    loops = product_loops("784-512-512-10", replace(target, machine=higher))
    assert any(loop.on_stack for loop in loops)


X86 = """
first:
        pushq   %rbp
.LBB0_1:                                # outer
        movq    %rax, 8(%rsp)
.LBB0_2:
        vfmadd231ps (%rbp), %zmm1, %zmm2
        jne     .LBB0_2
        vmovaps %zmm2, 64(%rsp)         # 64-byte Spill
        jne     .LBB0_1
second:
        movq    %rsp, %rbp
.LBB1_1:
        vmovups -32(%rbp), %ymm5
        jne     .LBB1_1
"""
ARM = """
first:
.LBB0_1:
        ldr     q4, [sp, #16]           // 16-byte Folded Reload
        fmla    v1.4s, v4.4s, v2.s[0]
        b.ne    .LBB0_1
        cbz     x0, .LBB0_2
.LBB0_2:
        ldr     q4, [x29]
        ret
"""


def test_assembly_is_read_right() -> None:
    """Only innermost loops count, and the frame pointer only where it points into the stack."""
    inner, framed = innermost_loops(X86)
    assert (inner.function, len(inner.instructions), len(inner.fused), inner.on_stack) == ("first", 2, 1, [])
    assert framed.function == "second" and len(framed.on_stack) == 1
    (loop,) = innermost_loops(ARM)
    assert len(loop.fused) == 1 and loop.on_stack == ["ldr     q4, [sp, #16]"]
