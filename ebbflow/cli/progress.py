"""What training shows while it runs: a live bar on a terminal, a few plain lines elsewhere."""

import shutil
import sys
import time
from collections.abc import Mapping

from ebbflow.callbacks import Callback
from ebbflow.training.runner import Progress

BAR_WIDTH, PLAIN_LINES = 14, 10


class Display(Callback):
    """Shows epoch, losses, and the time left at most (early stopping may end it sooner).

    It listens to `on_progress` rather than to each epoch's end, and so never makes native code wait for Python.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs
        self.live = sys.stdout.isatty() and sys.stderr.isatty()
        self.every = max(1, epochs // PLAIN_LINES)
        self.start = time.monotonic()

    def on_progress(self, progress: Progress) -> None:
        if self.live and progress.finished:
            epoch, logs = progress.finished[-1]
            self._draw(self._bar(epoch + 1, logs))
        elif not self.live:
            for epoch, logs in progress.finished:
                if epoch == 0 or (epoch + 1) % self.every == 0:
                    print("  " + _figures(epoch + 1, self.epochs, logs), flush=True)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        if self.live:
            self._draw("")

    def _bar(self, done: int, logs: Mapping[str, float]) -> str:
        left = (time.monotonic() - self.start) / done * (self.epochs - done)
        filled = BAR_WIDTH * done // self.epochs
        full, empty = "█░" if "utf" in (sys.stderr.encoding or "").lower() else "#-"
        bar = full * filled + empty * (BAR_WIDTH - filled)
        return f"  {bar}  {_figures(done, self.epochs, logs)}  up to {_duration(left)} left"

    def _draw(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{text[:columns]}\x1b[K")
        sys.stderr.flush()


def _figures(done: int, epochs: int, logs: Mapping[str, float]) -> str:
    losses = [f"{name} {logs[name]:.4g}" for name in ("loss", "val_loss") if name in logs]
    return "  ".join([f"epoch {done:>{len(str(epochs))}}/{epochs}", *losses])


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
