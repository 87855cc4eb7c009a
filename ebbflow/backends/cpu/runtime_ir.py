"""The few functions of a program that are written in LLVM IR by hand."""

import os

YIELD = "SwitchToThread" if os.name == "nt" else "sched_yield"  # of the C library or Windows: let others run
BARRIER = f"""
declare i32 @{YIELD}()
define internal void @barrier(ptr %table, i64 %threads) noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %end, label %meet
meet:
  %generation = load atomic i64, ptr %table seq_cst, align 64
  %count = getelementptr i64, ptr %table, i64 16
  %old = atomicrmw add ptr %count, i64 1 seq_cst
  %mine = add i64 %old, 1
  %last = icmp eq i64 %mine, %threads
  br i1 %last, label %release, label %spin
release:
  store atomic i64 0, ptr %count seq_cst, align 64
  %next = add i64 %generation, 1
  store atomic i64 %next, ptr %table seq_cst, align 64
  br label %end
spin:
  %turn = phi i64 [0, %meet], [%following, %again]
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
