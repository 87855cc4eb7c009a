"""Callback: what a fit calls while it runs."""

import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ...functions.arguments import choose, expect
from ...functions.naming import expect_flag
from ..runner import Progress

Logs = dict[str, Any]  # a float for each name, an array for a metric of several numbers


class Callback:
    """What a fit calls while it runs: subclass it and override the moments that matter.

    A fit stops after the present epoch's (or step's) callbacks when one of them sets `model.stop_training = True`.
    Native code comes back to Python each epoch, or step, only if a callback overrides a moment of the epoch, or step.

    Attributes: `model`, and `params`, a dict with "epochs", "initial_epoch", "steps" (per epoch) and "verbose".
    """

    model: Any = None
    params: dict[str, Any]

    def __init__(self) -> None:
        self.model = None
        self.params = {}

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called when a fit begins; what sets `params["initial_epoch"]` here lets it begin with that epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called when a fit ends; logs are those of its last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch, numbered from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after each epoch and its validation; logs are means over the epoch, with val_ entries."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each step, numbered from 0 in each epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each step; logs are means over the epoch so far.

        The call for the last step of an epoch follows the validation, unless a callback has an `on_test_begin`.
        """
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called when `evaluate` begins, and before each validation of a fit."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called when `evaluate` ends, and after each validation of a fit, with the results."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called when `predict` begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called when `predict` ends."""

    def on_progress(self, progress: Progress) -> None:
        """Called whenever native code comes back to Python, about ten times a second and at the asked moments."""


MOMENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))
_OTHER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
_NEVER_CALLED = ("on_test_batch_begin", "on_test_batch_end", "on_predict_batch_begin", "on_predict_batch_end")


def only_if(condition: Callable[[Any], bool]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks a moment that a callback of ours needs only if a condition on it holds; a fit need not stop there else."""

    def mark(moment: Callable[..., None]) -> Callable[..., None]:
        moment.condition = condition  # type: ignore[attr-defined]
        return moment

    return mark


def overrides(callback: Callback, moment: str) -> bool:
    """Whether this callback does anything at a moment such as "on_epoch_end"."""
    function = getattr(getattr(callback, moment), "__func__", None)
    if function is getattr(Callback, moment):
        return moment in _OTHER_NAMES and overrides(callback, _OTHER_NAMES[moment])
    condition = getattr(function, "condition", None)
    return condition is None or condition(callback)


def expect_verbosity(owner: str, value: Any) -> int:
    """`value` as 0 (silent), 1 or 2; raises ArgumentError for anything else."""
    return int(choose(owner, "verbose", value, (0, 1, 2)))


class CallbackList(Callback):
    """Several callbacks as one, called in their order.

    Parameters:
        callbacks: of type Callback.
        add_history: put a History behind them, unless there is one.
        add_progbar: put a ProgressBar behind them.
        model, params: what `set_model` and `set_params` of all of them are called with, if given.
    """

    def __init__(
        self,
        callbacks: Iterable[Callback] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        super().__init__()
        self.callbacks = _listed(callbacks)
        if expect_flag("CallbackList", "add_history", add_history):
            self._add_history()
        if expect_flag("CallbackList", "add_progbar", add_progbar):
            from ..progress import ProgressBar  # which is itself a callback

            self.callbacks.append(ProgressBar())
        for callback in self.callbacks:
            _warn_of_the_unheard(callback)
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _add_history(self) -> None:
        from .history import History

        if not any(isinstance(callback, History) for callback in self.callbacks):
            self.callbacks.append(History())

    def append(self, callback: Callback) -> None:
        self.callbacks.append(callback)

    def set_model(self, model: Any) -> None:
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """All callbacks get the same dict, so that what one of them writes into it is seen by all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)


def _listed(callbacks: Any) -> list[Callback]:
    """Callbacks as a list; raises ArgumentError where one is none."""
    given = () if callbacks is None else callbacks
    listed = list(given) if isinstance(given, Iterable) else [given]
    expect(all(isinstance(one, Callback) for one in listed), "CallbackList", "callbacks", "Callbacks", callbacks)
    return listed


def _warn_of_the_unheard(callback: Callback) -> None:
    for moment in _NEVER_CALLED:
        if hasattr(callback, moment):
            warnings.warn(
                f"{type(callback).__name__}: {moment} is never called, since all batches are measured by one native "
                f"program; use {moment.replace('_batch', '')}",
                stacklevel=4,
            )


def _calling_all(moment: str) -> Callable[..., None]:
    count = len(inspect.signature(getattr(Callback, moment)).parameters) - 1

    def call_all(self: CallbackList, *args: Any, **kwargs: Any) -> None:
        if len(args) < count and "logs" not in kwargs:
            args = (*args, {})  # as in Keras, so that functions of (logs) can be called
        for callback in self.callbacks:
            getattr(callback, moment)(*args, **kwargs)

    call_all.__name__ = moment
    call_all.__doc__ = getattr(Callback, moment).__doc__
    return call_all


for _name in MOMENTS:
    setattr(CallbackList, _name, _calling_all(_name))
