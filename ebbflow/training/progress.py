"""ProgressBar: what a fit shows while it runs."""

import shutil
import sys
import time
from typing import Any, TextIO

import numpy as np

from ..core.errors import ArgumentError
from ..functions.arguments import expect
from .callbacks import Callback, Logs
from .runner import Progress

BAR_WIDTH = 24
REDRAW_SECONDS = 0.1


def verbosity(caller: str, verbose: str | int, stream: TextIO | None = None) -> int:
    """0 (silent), 1 (a live line) or 2 (plain lines) for 0, 1, 2 or "auto", which is 1 on a terminal, else 2."""
    if verbose == "auto":
        return 1 if (stream or sys.stdout).isatty() else 2
    if verbose not in (0, 1, 2):
        raise ArgumentError(f'{caller}: expected verbose to be 0, 1, 2 or "auto", got {verbose!r}')
    return int(verbose)


class ProgressBar(Callback):
    """A live line on a terminal: epoch, bar, speed, time left and the logged numbers; elsewhere a plain line an epoch.

    Parameters:
        verbose: 1 for the live line where the stream is a terminal, 2 for plain lines.
        stream: by default the standard output.
    """

    def __init__(self, verbose: int = 1, stream: TextIO | None = None):
        super().__init__()
        expect(stream is None or hasattr(stream, "write"), "ProgressBar", "stream", "an open text file", stream)
        self._verbose, self._stream = verbosity("ProgressBar", verbose, stream), stream
        self._latest: Logs = {}

    @property
    def _out(self) -> TextIO:
        return self._stream or sys.stdout

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._live = self._verbose == 1 and self._out.isatty()
        self._start = time.monotonic()
        self._drawn = -REDRAW_SECONDS
        self._latest = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._latest = dict(logs or {})
        if not self._live:
            seconds = _duration(time.monotonic() - self._start)
            print(f"Epoch {epoch + 1}/{self.params['epochs']} - {seconds} - {figures(self._latest)}", file=self._out)

    def on_progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._live and (now - self._drawn >= REDRAW_SECONDS or progress.done):
            self._drawn = now
            self._draw(self._line(progress, now - self._start))

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._live:
            print(file=self._out)

    def _draw(self, text: str) -> None:
        self._out.write(f"\r{text[: shutil.get_terminal_size().columns - 1]}\x1b[K")
        self._out.flush()

    def _line(self, progress: Progress, seconds: float) -> str:
        epochs, steps = self.params["epochs"], progress.steps_per_epoch
        first = self.params.get("initial_epoch", 0)
        total, done = (epochs - first) * steps, (progress.epoch - first) * steps + progress.step
        filled = BAR_WIDTH * done // total
        left = seconds / max(done, 1) * (total - done)
        return "  ".join(
            [
                f"Epoch {progress.epoch + 1}/{epochs}",
                "━" * filled + "─" * (BAR_WIDTH - filled),
                _speed(done, steps, seconds),
                f"{_duration(seconds)} passed" if progress.done else f"{_duration(left)} left",
                figures(self._latest | progress.logs),
            ]
        )


def _speed(done: int, steps_per_epoch: int, seconds: float) -> str:
    rate = done / max(seconds, 1e-9)
    if rate > steps_per_epoch:
        return f"{rate / steps_per_epoch:,.3g} epochs/s"
    return f"{rate:,.3g} steps/s"


def figures(logs: Logs) -> str:
    """`loss: 0.1234 - accuracy: 0.9`."""
    return " - ".join(f"{name}: {_figure(value)}" for name, value in logs.items())


def _figure(value: Any) -> str:
    """`0.1234`, or `[0.1 0.25]` of a metric of several numbers."""
    return f"[{' '.join(map(_figure, value))}]" if np.ndim(value) else f"{value:.4g}"


def _duration(seconds: float) -> str:
    """`12s`, `3m05s`, `2h07m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"
