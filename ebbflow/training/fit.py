"""Fit: checks and plans the work, lets a runner do it in pieces, and calls the callbacks between them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from .callbacks import Callback, CallbackList, EarlyStopping, History, TerminateOnNaN, overrides, unknown_monitor
from .data import prepare_pair, prepare_validation, split_last, whole_number
from .diagnose import check_rows, non_finite_loss
from .engines import runner_for
from .finite import check_finite, is_unchecked
from .plan import DEFAULT_BATCH_SIZE, Plan
from .progress import ProgressBar, verbosity
from .runner import Limit, Progress


def fit(
    model: Any,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    epochs: int,
    verbose: str | int,
    callbacks: Sequence[Callback] | Callback | None,
    validation_split: float,
    validation_data: Any,
    shuffle: bool,
    initial_epoch: int,
    validation_batch_size: int | None,
) -> History:
    """See Model.fit."""
    compilation = model.compilation("fit")
    batch_size = whole_number("fit", "batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size, 1)
    validation_batch_size = whole_number(
        "fit", "validation_batch_size", batch_size if validation_batch_size is None else validation_batch_size, 1
    )
    epochs = whole_number("fit", "epochs", epochs, 0)
    initial_epoch = whole_number("fit", "initial_epoch", initial_epoch, 0)
    shown = verbosity("fit", verbose)
    history = History()
    called = callback_list("fit", callbacks)
    (x, y), validation = _rows(x, y, validation_split, validation_data)

    model.build_for(x.shape, y)
    if validation is not None:
        output_shape = model.build_for(validation[0].shape)
        compilation.check_labels("fit: validation_data", validation[1], output_shape)
    names = tuple(model.metrics_names)
    log_names = names if validation is None else names + tuple(f"val_{name}" for name in names)
    plan = Plan(
        x=x,
        y=y,
        validation=validation,
        batch_size=batch_size,
        validation_batch_size=validation_batch_size,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=bool(shuffle),
        shuffle_state=np.array(model.shuffle_state.numpy()),
        early_stopping=_native_early_stopping(called, log_names),
        log_names=log_names,
        checked=not (is_unchecked(x) or is_unchecked(y)),
    )
    model.stop_training, model.history = False, history
    called.append(history)  # after the user's callbacks, which may add to the logs
    if shown:
        called.append(ProgressBar(shown))
    called.set_model(model)
    called.set_params(
        {"epochs": epochs, "initial_epoch": initial_epoch, "steps": plan.steps_per_epoch, "verbose": shown}
    )
    _Fit(model, plan, called).run()
    return history


def callback_list(caller: str, callbacks: Any) -> CallbackList:
    """The callbacks that a user gave: none, one, or several."""
    several = isinstance(callbacks, Iterable) and not isinstance(callbacks, str)
    given = list(callbacks) if several else [] if callbacks is None else [callbacks]
    for callback in given:
        if not isinstance(callback, Callback):
            hint = "; make one of it by writing it with ()" if isinstance(callback, type) else ""
            raise ArgumentError(f"{caller}: expected callbacks of type Callback, got {callback!r}{hint}")
    return CallbackList(given)


def _rows(x: Any, y: Any, split: float, validation_data: Any) -> tuple[Any, Any]:
    """((x, y) to train on, (x, y) to validate on or None)."""
    if isinstance(split, bool) or not isinstance(split, (int, float, np.number)) or not 0 <= split < 1:
        raise ArgumentError(f"fit: expected validation_split of at least 0 and below 1, got {split!r}")
    rows = prepare_pair("fit", x, y)
    if validation_data is not None:
        return rows, prepare_validation(validation_data)
    return _split(*rows, float(split)) if split else (rows, None)


def _split(x: np.ndarray, y: np.ndarray, fraction: float) -> tuple[Any, Any]:
    """split_last, with a look at the rows to validate on, as at all that is not looked at step by step."""
    rows, validation = split_last(x, y, fraction)
    for name, array in zip(("x", "y"), validation, strict=True):
        if is_unchecked(array):
            check_finite("fit", name, array, range(len(rows[0]), len(x)))
    return rows, validation


def _native_early_stopping(called: CallbackList, log_names: Sequence[str]) -> EarlyStopping | None:
    """The EarlyStopping that the runner itself can ask; raises ArgumentError where one monitors what is not logged."""
    all_of_them, others_log = [], False
    for callback in called.callbacks:
        if not isinstance(callback, EarlyStopping):
            others_log = others_log or overrides(callback, "on_epoch_end")
            continue
        if callback.monitor not in log_names and not others_log:
            raise unknown_monitor(callback.monitor, log_names)
        all_of_them.append(callback)
    # A subclass may override anything, the second of two must see what the first one did, and the runner knows only
    # its own logs.
    native = len(all_of_them) == 1 and type(all_of_them[0]) is EarlyStopping and all_of_them[0].monitor in log_names
    return all_of_them[0] if native else None


def _limit(plan: Plan, called: CallbackList) -> Limit:
    """How far the runner may go before the next callback must be called."""
    may_come_late = (History, ProgressBar, TerminateOnNaN)
    others = [c for c in called.callbacks if c is not plan.early_stopping and type(c) not in may_come_late]
    if any(overrides(c, "on_train_batch_begin") or overrides(c, "on_train_batch_end") for c in others):
        return "step"
    if any(overrides(c, "on_epoch_begin") or overrides(c, "on_epoch_end") for c in others):
        return "epoch"
    return "chunk"


class _Fit:
    """One fit under way: where it is, and whom to call."""

    def __init__(self, model: Any, plan: Plan, called: CallbackList):
        self.model, self.plan, self.called = model, plan, called
        self.limit = _limit(plan, called)
        self.epoch, self.step = plan.initial_epoch, 0
        self.logs: dict[str, float] = {}
        # The runner itself asks the early stopping that it was given.
        self.at_epochs = CallbackList(c for c in called.callbacks if c is not plan.early_stopping)

    def run(self) -> None:
        self.called.on_train_begin()
        if self.plan.initial_epoch < self.plan.epochs:
            self._run_all()
        self.called.on_train_end(self.logs)

    def _run_all(self) -> None:
        runner = runner_for(self.model, self.plan)
        done, synced = False, True  # once it is, the model's variables are the callbacks' to change
        try:
            while not done and not self.model.stop_training:
                self._call_before()
                synced = False
                progress = runner.run(self.limit)
                done = progress.done
                if done or self.limit != "chunk":
                    runner.sync()
                    synced = True
                self._call_after(progress)
        except BaseException:  # also Ctrl-C: the model and its history get the state of the last finished step
            self._note_finished(runner.progress())
            raise
        finally:
            if not synced:
                runner.sync()
            runner.close()

    def _call_before(self) -> None:
        if self.step == 0 and self.limit != "chunk":
            self.at_epochs.on_epoch_begin(self.epoch)
        if self.limit == "step":
            self.called.on_train_batch_begin(self.step)

    def _call_after(self, progress: Progress) -> None:
        if self.limit == "step" and not progress.non_finite:
            self.called.on_train_batch_end(self.step, self._running_means(progress))
        for epoch, logs in progress.finished:
            self.logs = logs
            self._count_epochs(epoch + 1 - self.plan.initial_epoch)
            self.at_epochs.on_epoch_end(epoch, logs)
        self.called.on_progress(progress)
        if progress.non_finite:
            self._end_at(*progress.non_finite)
        if progress.finished:
            self.epoch, self.step = progress.finished[-1][0] + 1, 0
        else:
            self.epoch, self.step = progress.epoch, progress.step

    def _note_finished(self, progress: Progress) -> None:
        """Write down the epochs that the history has not heard of."""
        known = self.model.history.epoch
        for epoch, logs in progress.finished:
            if known and epoch <= known[-1]:
                continue
            self._count_epochs(epoch + 1 - self.plan.initial_epoch)
            self.model.history.on_epoch_end(epoch, logs)

    def _running_means(self, progress: Progress) -> dict[str, float]:
        logs = progress.finished[-1][1] if progress.finished else progress.logs
        return {name: value for name, value in logs.items() if not name.startswith("val_")}

    def _count_epochs(self, passed: int) -> None:
        """Let a later fit, also of a saved and loaded model, go on with the next order of rows."""
        if self.plan.shuffle:
            self.model.shuffle_state.assign(self.plan.shuffle_state_of(self.plan.initial_epoch + passed))

    def _end_at(self, epoch: int, step: int) -> None:
        if not self.plan.checked:
            check_rows(self.plan, epoch, step, "fit")
        quiet = [callback for callback in self.called.callbacks if isinstance(callback, TerminateOnNaN)]
        if not quiet:
            raise non_finite_loss(self.model, self.plan, epoch, step, "fit")
        self.model.stop_training = True
        for callback in quiet:
            callback.on_non_finite_loss(epoch, step)
