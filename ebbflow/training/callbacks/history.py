"""History: what every fit records."""

from .base import Callback, Logs


class History(Callback):
    """What every fit records and returns.

    Attributes: `epoch`, the numbers of the epochs; `history`, for each logged name the list of its values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
