"""What a compiled training step costs: the time of each kernel, and what memory holds."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..backends.cpu.target import host
from ..compile import Plan, Program, link, measurable, new_table, view
from ..core.errors import ArgumentError
from ..lowering.index import LANES
from ..lowering.kernels import Code
from ..lowering.memory import aligned
from ..lowering.peak import TURNS, chain_kernel
from ..lowering.table import Slot
from ..runtime.memory import allocate

SECONDS = 0.002
REPEATS = 5


@dataclass
class KernelCost:
    """One kernel of a training step, measured alone on one thread with its data in cache.

    Attributes: label; seconds a step; flops (multiplications and additions of products); nbytes (of the buffers that it
    touches).
    """

    label: str
    seconds: float
    flops: int
    nbytes: int


def profile(model: Any, print_fn: Callable[[str], Any] | None = print) -> list[KernelCost]:
    """See Model.profile."""
    program = _last_fit(model, "profile")
    plan = program.plan()
    lowered = plan.lowered["step"]
    functions = measurable(lowered, list(lowered.gathers.values()))
    arena, table, held = _fitted_out(plan, program)
    costs = []
    for code, function in zip(lowered.codes, functions, strict=True):
        seconds = _seconds(lambda times, f=function: f(arena.ctypes.data, table.ctypes.data, times, 0))  # type: ignore[misc]
        costs.append(KernelCost(_label(code), seconds, code.flops, sum(buffer.nbytes for buffer in code.buffers)))
    del held
    if print_fn:
        _print_profile(costs, print_fn)
    return costs


def memory(model: Any, print_fn: Callable[[str], Any] | None = print) -> dict[str, int]:
    """See Model.memory."""
    program = _last_fit(model, "memory")
    weights = set(model.weights)
    sizes = {"weights": 0, "optimizer, metrics, random states": 0}
    for variable, buffer in program.variables.items():
        sizes["weights" if variable in weights else "optimizer, metrics, random states"] += aligned(buffer.nbytes)
    blueprint = program.blueprint
    sizes["constants"] = blueprint.kept - sum(sizes.values())
    sizes["activations and gradients of one batch"] = blueprint.nbytes - blueprint.kept
    sizes["total"] = blueprint.nbytes
    sizes["beside it: a copy to undo a bad step"] = blueprint.kept
    if print_fn:
        for name, size in sizes.items():
            print_fn(f"{name:40} {size:>14,} bytes")
    return sizes


def _last_fit(model: Any, caller: str) -> Program:
    if model.programs.fitted is None:
        raise ArgumentError(
            f"{caller}: expected a model trained by a compiled fit, got {model} without; call fit first"
        )
    return model.programs.fitted


def _fitted_out(plan: Plan, program: Program) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """An arena of the plan with the model's variables, and a table that points to made-up rows."""
    arena = allocate(plan.blueprint.nbytes)
    for variable, buffer in zip(program.variables, plan.blueprint.variables, strict=True):
        buffer.layout.pack(variable.numpy(), view(arena, buffer))
    for buffer, value in plan.blueprint.constants:
        buffer.layout.pack(value, view(arena, buffer))
    lowered = plan.lowered["step"]
    rng = np.random.default_rng(0)
    held = [
        rng.standard_normal(node.aval.shape).astype(dtype)
        for node, dtype in zip(lowered.gathers, program.types("step"), strict=True)
    ]
    order = np.arange(held[0].shape[0], dtype=np.int64)
    table = new_table(len(held))
    table[Slot.ORDER] = order.ctypes.data
    table[Slot.DATA : Slot.DATA + len(held)] = [array.ctypes.data for array in held]
    return arena, table, [*held, order]


def _seconds(run: Callable[[int], Any]) -> float:
    """The best time of one run, out of repeats of about SECONDS each."""
    times = 1
    while True:
        start = time.perf_counter()
        run(times)
        passed = time.perf_counter() - start
        if passed > SECONDS / 4:
            break
        times *= 4
    times = max(1, round(times * SECONDS / passed))
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        run(times)
        best = min(best, time.perf_counter() - start)
    return best / times


def _label(code: Code) -> str:
    """What the kernel is made of, and which variables it updates or reads."""
    kind = code.kernel.name.rsplit("_", 1)[-1]
    updated = [buffer.name for buffer in code.buffers if buffer.kind == "state" and buffer in code.writes]
    read = [buffer.name for buffer in code.buffers if buffer.kind == "state" and buffer not in code.writes]
    if updated:
        return f"{kind}, updates {min(updated, key=len)}"
    return f"{kind}, reads {min(read, key=len)}" if read and code.flops else kind


@cache
def peak_flops() -> float:
    """Multiplications and additions in float32 that one core can do in a second at most, as measured here."""
    target = host()
    chains = target.machine.tile_rows["float32"]  # as many sums as a product's tile has
    module, _ = link([], [chain_kernel(chains)], target)
    function, memory = module.function("chains", ctypes.c_void_p), allocate(4 * LANES * (chains + 2))

    def run(times: int) -> None:
        for _ in range(times):
            function(memory.ctypes.data)

    return 2 * LANES * chains * TURNS / _seconds(run)


def _print_profile(costs: list[KernelCost], print_fn: Callable[[str], Any]) -> None:
    total, peak = sum(cost.seconds for cost in costs), peak_flops()

    def rate(flops: int, seconds: float) -> str:
        return f"{flops / seconds / 1e9:8.1f} {flops / seconds / peak:7.1%}" if flops else " " * 16

    print_fn(f"{'kernel':44} {'us':>9} {'share':>6} {'GFLOP/s':>8} {'of peak':>7} {'kB':>9}")
    for cost in costs:
        shares = f"{cost.seconds / total:6.1%} {rate(cost.flops, cost.seconds)}"
        print_fn(f"{cost.label[:44]:44} {cost.seconds * 1e6:9.2f} {shares} {cost.nbytes / 1e3:9.1f}")
    whole = rate(sum(cost.flops for cost in costs), total)
    print_fn(f"{'a step, on one thread':44} {total * 1e6:9.2f} {'':6} {whole}")
