"""LambdaCallback: a callback made of functions."""

from collections.abc import Callable
from typing import Any

from ...functions.arguments import expect, unknown
from .base import MOMENTS, Callback

Moment = Callable[..., Any] | None


class LambdaCallback(Callback):
    """A callback made of functions: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)).

    Parameters:
        on_epoch_begin, on_epoch_end: functions of (epoch, logs).
        on_train_begin, on_train_end: functions of (logs).
        on_train_batch_begin, on_train_batch_end: functions of (batch, logs).
        and by name any other moment of Callback.

    Raises ArgumentError for the name of a moment that does not exist, or for what is not a function.
    """

    def __init__(
        self,
        on_epoch_begin: Moment = None,
        on_epoch_end: Moment = None,
        on_train_begin: Moment = None,
        on_train_end: Moment = None,
        on_train_batch_begin: Moment = None,
        on_train_batch_end: Moment = None,
        **kwargs: Moment,
    ):
        super().__init__()
        moments = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in (moments | kwargs).items():
            if name not in MOMENTS:
                raise unknown("LambdaCallback", "one of", MOMENTS, name)
            if function is not None:
                expect(callable(function), "LambdaCallback", name, "a function", function)
                setattr(self, name, function)
