"""The few functions of a program that are written in LLVM IR by hand.

barrier: where the threads of a step meet.
meet: the same at a step's end; the last to come does what is to be done between steps, then all go on.
flush_subnormals, restore_mode: numbers nearer to 0 than float32's smallest normal one, 1.2e-38, count as 0 while native
code runs, as operands and as results. The moments of an optimizer decay towards 0 for every unit that has died, and a
processor may take many times as long for such numbers; XLA and the GPUs treat them alike. The caller's own mode returns
with the call. x86 asks after rounding whether a result is subnormal, ARM before: a result that is rounded up to the
smallest normal number is that on x86 and 0 on ARM, the one place where their bits differ.
"""

import os

YIELD = "SwitchToThread" if os.name == "nt" else "sched_yield"  # of the C library or Windows: let others run


def _meeting(name: str, parameters: str, action: str) -> str:
    """A function where all threads wait for the last, which acts before they go on."""
    return f"""
define internal void @{name}({parameters}ptr %table, i64 %threads) noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %act, label %come
come:
  %generation = load atomic i64, ptr %table seq_cst, align 64
  %count = getelementptr i64, ptr %table, i64 16
  %old = atomicrmw add ptr %count, i64 1 seq_cst
  %mine = add i64 %old, 1
  %last = icmp eq i64 %mine, %threads
  br i1 %last, label %release, label %spin
act:
  {action}
  br label %end
release:
  {action}
  store atomic i64 0, ptr %count seq_cst, align 64
  %next = add i64 %generation, 1
  store atomic i64 %next, ptr %table seq_cst, align 64
  br label %end
spin:
  %turn = phi i64 [0, %come], [%following, %again]
  %now = load atomic i64, ptr %table acquire, align 64
  %go = icmp ne i64 %now, %generation
  br i1 %go, label %end, label %wait
wait:
  %following = add i64 %turn, 1
  %low = and i64 %following, 4095
  %tired = icmp eq i64 %low, 0
  br i1 %tired, label %yield, label %again
yield:
  %ignored = call i32 @{YIELD}()
  br label %again
again:
  br label %spin
end:
  ret void
}}
"""


_BARRIER = f"declare i32 @{YIELD}()" + _meeting("barrier", "", "")
_MEET = _meeting("meet", "ptr %arena, ", "call void @advance(ptr %arena, ptr %table)")

_X86 = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define internal i64 @flush_subnormals() noinline {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %mode = load i32, ptr %place
  %flushing = or i32 %mode, 32832 ; flush to zero, and denormals are zero
  store i32 %flushing, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  %result = zext i32 %mode to i64
  ret i64 %result
}
define internal void @restore_mode(i64 %mode) noinline {
  %place = alloca i32
  %low = trunc i64 %mode to i32
  store i32 %low, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret void
}
"""
_ARM = """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
define internal i64 @flush_subnormals() noinline {
  %mode = call i64 @llvm.aarch64.get.fpcr()
  %flushing = or i64 %mode, 16777216 ; FZ
  call void @llvm.aarch64.set.fpcr(i64 %flushing)
  ret i64 %mode
}
define internal void @restore_mode(i64 %mode) noinline {
  call void @llvm.aarch64.set.fpcr(i64 %mode)
  ret void
}
"""
_OTHERS = """
define internal i64 @flush_subnormals() noinline {
  ret i64 0
}
define internal void @restore_mode(i64 %mode) noinline {
  ret void
}
"""


def support(triple: str, has_loop: bool) -> str:
    """The functions for a kind of processor; where we know of no such mode, subnormal numbers are computed with.

    has_loop: whether the module has a training loop, whose function `advance` is called between steps.
    """
    modes = {"x86_64": _X86, "aarch64": _ARM, "arm64": _ARM}
    return _BARRIER + (_MEET if has_loop else "") + modes.get(triple.split("-")[0], _OTHERS)
