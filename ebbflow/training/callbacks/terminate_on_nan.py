"""TerminateOnNaN: end a fit whose loss is not finite."""

from ...core.errors import NonFiniteLossError
from ...functions.naming import expect_flag
from .base import Callback


class TerminateOnNaN(Callback):
    """End the fit quietly, keeping history and the last finite state, when the loss becomes NaN or infinite.

    Without it such a loss raises NonFiniteLossError.

    Parameters:
        raise_error: raise NonFiniteLossError all the same.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = expect_flag("TerminateOnNaN", "raise_error", raise_error)

    def on_non_finite_loss(self, epoch: int, batch: int) -> None:
        message = f"Epoch {epoch + 1}, batch {batch + 1}: the loss is not finite, terminating training"
        if self.raise_error:
            raise NonFiniteLossError(f"{message}; try a smaller learning rate", epoch, batch, None)
        print(message)
