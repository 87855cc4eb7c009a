"""Where buffers lie: one arena for a program, planned by how long each buffer is needed.

Kernels between two barriers may run at the same time on different threads, so a buffer's memory is given to another one
only behind a barrier.
"""

from collections.abc import Sequence

from .kernels import Code
from .layout import Buffer
from .schedule import Lowered

ALIGNMENT = 64
Sharing = tuple[int, int | None]  # turns, and the axis along which they share a buffer out


def aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def phases_of(codes: Sequence[Code]) -> list[int]:
    """The number of the phase of every kernel: within a phase no thread waits for another.

    Within one, a kernel may touch what another wrote, or overwrite what another read, only where both share the buffer
    out along the same axis in as many turns, since then each panel is one thread's own.
    """
    phases: list[int] = []
    phase = 0
    written: dict[Buffer, set[Sharing]] = {}
    read: dict[Buffer, set[Sharing]] = {}
    for code in codes:
        alone = code.work == 1  # one turn is one thread's, always the same one
        reads = {buffer: (code.work, -1 if alone else axis) for buffer, axis in code.reads.items()}
        writes = {buffer: (code.work, -1 if alone else axis) for buffer, axis in code.writes.items()}
        after_writing = any(_meet(written.get(buffer), how) for buffer, how in (*reads.items(), *writes.items()))
        if after_writing or any(_meet(read.get(buffer), how) for buffer, how in writes.items()):
            phase += 1
            written, read = {}, {}
        phases.append(phase)
        for seen, now in ((written, writes), (read, reads)):
            for buffer, how in now.items():
                seen.setdefault(buffer, set()).add(how)
    return phases


def _meet(before: set[Sharing] | None, now: Sharing) -> bool:
    """Whether different threads may touch the same element."""
    return bool(before) and (now[1] is None or before != {now})


def plan_scratch(lowered: Lowered, start: int) -> int:
    """Give every scratch buffer an offset at or after `start`; returns where they end."""
    phases = phases_of(lowered.codes)
    spans: dict[Buffer, tuple[int, int]] = {}
    for code, phase in zip(lowered.codes, phases, strict=True):
        for buffer in code.buffers:
            first, _ = spans.get(buffer, (phase, phase))
            spans[buffer] = (first, phase)
    last = phases[-1] if phases else 0
    for buffer in lowered.outputs:
        first, _ = spans.get(buffer, (0, 0))
        spans[buffer] = (first, last)
    placed: list[tuple[int, int, int, int]] = []  # first and last phase, start and end
    end = start
    for buffer in sorted(lowered.scratch, key=lambda b: (-b.nbytes, spans.get(b, (0, 0)))):
        first, final = spans.get(buffer, (0, last))
        size = aligned(buffer.nbytes)
        offset = start
        for a, z, low, high in sorted(placed, key=lambda p: p[2]):
            if a <= final and first <= z and low < offset + size and offset < high:
                offset = high
        buffer.offset = offset
        placed.append((first, final, offset, offset + size))
        end = max(end, offset + size)
    return end


def plan_kept(buffers: Sequence[Buffer], start: int) -> int:
    """Offsets for buffers that live as long as the program, one after another; returns where they end."""
    for buffer in buffers:
        buffer.offset = start
        start += aligned(buffer.nbytes)
    return start
