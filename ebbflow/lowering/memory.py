"""Where buffers lie: one arena for a program, planned by how long each buffer is needed.

Kernels between two barriers may run at the same time on different threads, so a buffer's memory is given to another one
only behind a barrier.
"""

from collections.abc import Sequence

from .kernels import Code
from .layout import Buffer
from .schedule import Lowered

ALIGNMENT = 64


def aligned(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def phases_of(codes: Sequence[Code]) -> list[int]:
    """The number of the phase of every kernel: within a phase no thread waits for another.

    Within one, a kernel may read what another wrote only panel by panel, since then it is the same thread's own.
    """
    phases: list[int] = []
    phase, written, read = 0, dict[Buffer, Code](), dict[Buffer, Code]()

    def own(code: Code, other: Code, buffer: Buffer) -> bool:
        return (
            code.by_panel and other.by_panel and code.work == other.work
            and buffer.layout.panels and code.reads.get(buffer, True) and other.reads.get(buffer, True)
        )  # fmt: skip

    for code in codes:
        needs = any(b in written and not own(code, written[b], b) for b in (*code.reads, *code.writes))
        if needs or any(b in read and not own(code, read[b], b) for b in code.writes):
            phase += 1
            written, read = {}, {}
        phases.append(phase)
        written |= dict.fromkeys(code.writes, code)
        for buffer, is_own in code.reads.items():
            if buffer not in read or not is_own:
                read[buffer] = code
    return phases


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
