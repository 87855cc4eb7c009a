"""What training shows while it runs."""

import io
import os

import pytest

from ebbflow.cli.progress import Display
from ebbflow.training.runner import Progress


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def after(*epochs: int) -> Progress:
    """A report that these epochs (from 0) have ended since the last one."""
    logs = {"loss": 0.5, "val_loss": 0.25}
    return Progress(epochs[-1], 1, 1, logs, finished=[(epoch, logs) for epoch in epochs])


def test_elsewhere_than_on_a_terminal_it_prints_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    display = Display(epochs=300)
    for first in range(0, 300, 20):
        display.on_progress(after(*range(first, first + 20)))
    display.on_train_end()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert lines[0] == "  epoch   1/300  loss 0.5  val_loss 0.25"
    assert lines[-1] == "  epoch 300/300  loss 0.5  val_loss 0.25"


def test_on_a_terminal_it_redraws_one_line_and_clears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, times = Terminal(), iter([0.0, 1.0, 2.0])
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((100, 24)))
    display = Display(epochs=200)
    display.on_progress(after(0))
    display.on_progress(Progress(1, 3, 9, {"loss": 0.5}))  # within an epoch: nothing new to show
    display.on_progress(after(*range(1, 100)))
    display.on_train_end()
    first, second, cleared = screen.getvalue().split("\r")[1:]
    assert first.startswith("  ░░░░░░░░░░░░░░  epoch   1/200  loss 0.5  val_loss 0.25  up to 3 min 19 s left")
    assert second.startswith("  ███████░░░░░░░  epoch 100/200  loss 0.5  val_loss 0.25  up to 2 s left")
    assert cleared == "\x1b[K"
