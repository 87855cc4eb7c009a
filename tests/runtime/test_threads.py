"""Functions run on several threads at once; all are back, or their error is raised, before the call returns."""

import os
import threading
from typing import Any

import pytest

from ebbflow.runtime import threads
from ebbflow.runtime.memory import PAGE, allocate
from ebbflow.runtime.threads import cores, run_aside, run_on


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_thread_does_its_part_at_the_same_time(count: int) -> None:
    """All of them meet at a barrier, so none waits for another to finish."""
    meeting, calls = threading.Barrier(count, timeout=20), []

    def part(arena: int, table: int, thread: int, of: int) -> None:
        meeting.wait()
        calls.append((arena, table, thread, of))

    run_on(count, part, 10, 20)
    assert sorted(calls) == [(10, 20, k, count) for k in range(count)]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot hold a thread to a core")
def test_as_many_workers_as_cores_have_a_core_each() -> None:
    """More or fewer run where they may, also after that; the caller's own thread is never held."""
    allowed = os.sched_getaffinity(0)

    def places(count: int) -> list[set[int]]:
        found = []
        run_on(count, lambda *_: found.append(os.sched_getaffinity(0)), 0, 0)
        return found

    assert sorted(map(sorted, places(len(allowed)))) == [[core] for core in sorted(allowed)]
    assert places(len(allowed) + 1) == [allowed] * (len(allowed) + 1)
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot hold a thread to a core")
def test_what_runs_aside_may_start_threads_on_any_core() -> None:
    """A GPU's driver does; they would inherit the one core of a worker that computed before."""
    found = []
    run_on(cores(), lambda *_: None, 0, 0)
    run_aside(lambda: found.append((threading.current_thread(), os.sched_getaffinity(0))))
    ((thread, allowed),) = found
    assert thread is not threading.current_thread() and allowed == os.sched_getaffinity(0)


@pytest.mark.parametrize("bad", [0, 2])
def test_an_error_in_any_thread_is_raised_when_all_are_back(bad: int) -> None:
    done = []

    def part(arena: int, table: int, thread: int, of: int) -> None:
        if thread == bad:
            raise KeyboardInterrupt
        done.append(thread)

    with pytest.raises(KeyboardInterrupt):
        run_on(3, part, 0, 0)
    assert sorted(done) == [k for k in range(3) if k != bad]


def test_memory_starts_at_a_page_and_is_zero() -> None:
    for nbytes in (1, 100, 10_000):
        memory = allocate(nbytes)
        assert memory.nbytes == nbytes and memory.ctypes.data % PAGE == 0 and not memory.any()


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


def test_two_callers_at_once_do_not_wait_for_each_others_workers() -> None:
    """Each part meets all others of its call, as native code does at a barrier; whoever comes second is alone."""
    finished = []

    def call(name: str) -> None:
        meetings: dict[int, threading.Barrier] = {1: threading.Barrier(1), 3: threading.Barrier(3, timeout=20)}

        def part(arena: int, table: int, thread: int, of: int) -> None:
            meetings[of].wait()

        for _ in range(50):
            run_on(3, part, 0, 0)
        finished.append(name)

    callers = [threading.Thread(target=call, args=(name,), daemon=True) for name in "abc"]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert sorted(finished) == ["a", "b", "c"]


def test_no_part_starts_when_not_all_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that started alone would wait for ever for the others."""
    started: list[Any] = []
    made = []

    class Short(threading.Thread):
        def start(self) -> None:
            made.append(self)
            if len(made) == 3:
                raise RuntimeError("can't start new thread")
            super().start()

    threads._worker.cache_clear()
    monkeypatch.setattr(threads, "Thread", Short)
    with pytest.raises(RuntimeError, match="new thread"):
        run_on(3, lambda *part: started.append(part), 0, 0)
    assert started == []
    monkeypatch.undo()
    run_on(3, lambda *part: started.append(part), 0, 0)
    assert len(started) == 3
