"""Display: what a population shows while it is trained."""

import shutil
import sys
import time
from typing import Any

REDRAW_SECONDS = 0.2


class Display:
    """A live line on a terminal, or a line at the end; nothing for verbosity 0.

    Parameters: how many members there are; the verbosity of `fit`; the logged name that is shown of the best one.
    """

    def __init__(self, members: int, verbosity: int, monitor: str):
        self._members, self._verbosity, self._monitor = members, verbosity, monitor
        self._began, self._drawn = time.monotonic(), 0.0
        self._done = self._diverged = 0
        self._rows: list[float] = []

    def note(self, row: dict[str, Any]) -> None:
        """A member is done."""
        self._done += 1
        self._diverged += row["status"] == "diverged"
        value = row.get(self._monitor)
        if value is not None and value == value:
            self._rows.append(value)
        now = time.monotonic()
        if self._verbosity == 1 and sys.stdout.isatty() and now - self._drawn >= REDRAW_SECONDS:
            self._drawn = now
            width = shutil.get_terminal_size().columns
            print(f"\r{self._line()[: width - 1]:<{width - 1}}", end="", flush=True)

    def end(self) -> None:
        """All members are done, or no more will be."""
        if self._verbosity:
            print(f"\r{self._line()}" if self._drawn else self._line(), flush=True)

    def _line(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        speed = self._done / seconds
        left = (self._members - self._done) / speed if speed else 0.0
        parts = [f"{self._done} of {self._members} networks", f"{speed:.3g}/s"]
        parts += [f"{left:.0f} s left"] if self._done < self._members else [f"{seconds:.3g} s"]
        if self._rows:
            parts.append(f"{self._monitor} {min(self._rows):.4g} to {max(self._rows):.4g}")
        if self._diverged:
            parts.append(f"{self._diverged} diverged")
        return ", ".join(parts)
