"""Reading assembly: the innermost loops of functions, and which of their instructions add products or use the stack."""

import re
from dataclasses import dataclass

FUNCTION = re.compile(r"^_?([a-z]\w*):")
LABEL = re.compile(r"^\.?(LBB\d+_\d+):")
TARGET = re.compile(r"\bL?\.?(LBB\d+_\d+)$")
FUSED = re.compile(r"^(vfn?m(add|sub)\d|fmla\b|fmadd\b)")
STACK = {"x86": r"\(%rsp[,)]|^push|^pop", "arm": r"\[sp\b"}
# the frame pointer: a register like others in a function that does not set it to the stack
FRAME = {"x86": (r"^movq\s+%rsp, %rbp", r"\(%rbp[,)]"), "arm": (r"^(mov|add)\s+x29, sp", r"\[x29\b")}


@dataclass
class Loop:
    """An innermost loop: its instructions."""

    function: str
    instructions: list[str]
    stack: re.Pattern[str]

    @property
    def fused(self) -> list[str]:
        """Those that multiply and add."""
        return [line for line in self.instructions if FUSED.search(line)]

    @property
    def on_stack(self) -> list[str]:
        """Those with an operand in the stack's memory."""
        return [line for line in self.instructions if self.stack.search(line)]


def innermost_loops(assembly: str) -> list[Loop]:
    """All innermost loops of a module's assembly, for x86-64 or AArch64."""
    kind = "x86" if "%r" in assembly else "arm"
    loops = []
    for name, lines in _functions(assembly).items():
        sets_frame, frame = FRAME[kind]
        has_frame = any(re.search(sets_frame, line) for line in lines)
        stack = re.compile(f"{STACK[kind]}|{frame}" if has_frame else STACK[kind])
        for first, last in _innermost(_jumps_back(lines)):
            instructions = [line for line in lines[first : last + 1] if not LABEL.match(line)]
            loops.append(Loop(name, instructions, stack))
    return loops


def _functions(assembly: str) -> dict[str, list[str]]:
    """The instructions and labels of every function, without comments and directives."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for raw in assembly.splitlines():
        line = re.split(r"(^|\s)(#|//)(\s|$)", raw)[0].strip()  # on ARM also numbers are written with #
        if start := FUNCTION.match(raw):
            lines = found.setdefault(start[1], [])
        elif LABEL.match(line) or (line and line[0] not in "."):
            lines.append(line)
    return found


def _jumps_back(lines: list[str]) -> list[tuple[int, int]]:
    """(first, last) line of what every jump to an earlier place repeats."""
    places = {label[1]: k for k, line in enumerate(lines) if (label := LABEL.match(line))}
    jumps = [(k, target[1]) for k, line in enumerate(lines) if (target := TARGET.search(line))]
    return [(places[name], k) for k, name in jumps if places.get(name, k + 1) <= k]


def _innermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans that hold no other."""
    return [a for a in spans if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in spans)]
