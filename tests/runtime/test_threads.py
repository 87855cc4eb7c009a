"""Functions run on several threads at once; all are back, or their error is raised, before the call returns."""

import threading

import pytest

from ebbflow.runtime.memory import PAGE, allocate
from ebbflow.runtime.threads import cores, run_on


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_thread_does_its_part_at_the_same_time(threads: int) -> None:
    """All of them meet at a barrier, so none waits for another to finish."""
    meeting, calls = threading.Barrier(threads, timeout=20), []

    def part(arena: int, table: int, thread: int, of: int) -> None:
        meeting.wait()
        calls.append((arena, table, thread, of))

    run_on(threads, part, 10, 20)
    assert sorted(calls) == [(10, 20, k, threads) for k in range(threads)]


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
