"""Fit: checks and plans the work, lets a runner do it in pieces, and calls the callbacks between them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.errors import ArgumentError
from .callbacks import Callback, CallbackList, EarlyStopping, History, TerminateOnNaN, overrides, unknown_monitor
from .data import Rows, first_steps, number_of_rows, prepare_rows, prepare_validation, split_last, whole_number
from .diagnose import check_rows, non_finite_loss
from .engines import runner_for
from .finite import check_finite, is_unchecked
from .plan import DEFAULT_BATCH_SIZE, Plan
from .progress import ProgressBar, verbosity
from .runner import Limit, Progress, Runner
from .weights import with_class_weight


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
    class_weight: Any,
    sample_weight: Any,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: Any,
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
    rows, validation = _rows(x, y, sample_weight, validation_split, validation_data)
    rows = with_class_weight("fit", rows, class_weight)
    if validation is not None:
        validation = first_steps("fit", "validation_steps", validation, validation_steps, validation_batch_size)
    elif validation_steps is not None:
        raise ArgumentError("fit: expected validation_data or validation_split along with validation_steps, got none")

    model.build_for(rows["x"].shape, rows["y"])
    if validation is not None:
        output_shape = model.build_for(validation["x"].shape)
        compilation.check_labels("fit: validation_data", validation["y"], output_shape)
    announces = validation is not None and any(overrides(one, "on_test_begin") for one in called.callbacks)
    names = tuple(model.metrics_names)
    log_names = names if validation is None else names + tuple(f"val_{name}" for name in names)
    plan = Plan(
        data=rows,
        validation=validation,
        batch_size=batch_size,
        validation_batch_size=validation_batch_size,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=bool(shuffle),
        shuffle_state=np.array(model.shuffle_state.numpy()),
        early_stopping=_native_early_stopping(called, log_names, announces),
        log_names=log_names,
        checked=not any(map(is_unchecked, rows.values())),
        steps=None if steps_per_epoch is None else whole_number("fit", "steps_per_epoch", steps_per_epoch, 1),
        validation_freq=_frequency(validation_freq),
        announces=announces,
    )
    model.stop_training, model.history = False, history
    called.append(history)  # after the user's callbacks, which may add to the logs
    if shown:
        called.append(ProgressBar(shown))
    called.set_model(model)
    called.set_params(
        {
            "epochs": epochs,
            "initial_epoch": initial_epoch,
            "steps": plan.steps_per_epoch,
            "validation_freq": validation_freq,
            "verbose": shown,
        }
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


def _rows(x: Any, y: Any, sample_weight: Any, split: float, validation_data: Any) -> tuple[Rows, Rows | None]:
    """(rows to train on, rows to validate on or None)."""
    if isinstance(split, bool) or not isinstance(split, (int, float, np.number)) or not 0 <= split < 1:
        raise ArgumentError(f"fit: expected validation_split of at least 0 and below 1, got {split!r}")
    rows = prepare_rows("fit", x, y, sample_weight)
    if validation_data is not None:
        return rows, prepare_validation(validation_data)
    return _split(rows, float(split)) if split else (rows, None)


def _split(rows: Rows, fraction: float) -> tuple[Rows, Rows]:
    """split_last, with a look at the rows to validate on, as at all that is not looked at step by step."""
    training, validation = split_last(rows, fraction)
    for name, array in validation.items():
        if is_unchecked(array):
            check_finite("fit", name, array, range(number_of_rows(training), number_of_rows(rows)))
    return training, validation


def _frequency(validation_freq: Any) -> int | Sequence[int]:
    """How often to validate: a number of epochs, or a list of epochs, counted from 1."""
    if not isinstance(validation_freq, (list, tuple, set, range)):
        return whole_number("fit", "validation_freq", validation_freq, 1)
    return [whole_number("fit", "every epoch of validation_freq", epoch, 1) for epoch in validation_freq]


def _native_early_stopping(called: CallbackList, log_names: Sequence[str], announces: bool) -> EarlyStopping | None:
    """The EarlyStopping that the runner itself can ask; raises ArgumentError where one monitors what is not logged."""
    all_of_them, others_log = [], False
    for callback in called.callbacks:
        if not isinstance(callback, EarlyStopping):
            others_log = others_log or overrides(callback, "on_epoch_end")
            continue
        if callback.monitor not in log_names and not others_log:
            raise unknown_monitor(callback.monitor, log_names)
        all_of_them.append(callback)
    # A subclass may override anything, the second of two must see what the first one did, the runner knows only its own
    # logs, and weights that are other ones for a validation must be back before they are kept.
    native = (
        not announces
        and len(all_of_them) == 1
        and type(all_of_them[0]) is EarlyStopping
        and all_of_them[0].monitor in log_names
    )
    return all_of_them[0] if native else None


def _limit(plan: Plan, called: CallbackList) -> Limit:
    """How far the runner may go before the next callback must be called."""
    may_come_late = (History, ProgressBar, TerminateOnNaN)
    others = [c for c in called.callbacks if c is not plan.early_stopping and type(c) not in may_come_late]
    if any(overrides(c, "on_train_batch_begin") or overrides(c, "on_train_batch_end") for c in others):
        return "step"
    moments = ["on_epoch_begin", "on_epoch_end"] + ["on_test_begin", "on_test_end"] * (plan.validation is not None)
    if any(overrides(c, moment) for c in others for moment in moments):
        return "epoch"
    return "chunk"


def _is_inside_an_epoch(progress: Progress) -> bool:
    """Whether the present epoch began, and did not end."""
    began = progress.step > 0 or progress.non_finite is not None
    return began and all(epoch != progress.epoch for epoch, _ in progress.finished)


class _Fit:
    """One fit under way: where it is, and whom to call."""

    def __init__(self, model: Any, plan: Plan, called: CallbackList):
        self.model, self.plan, self.called = model, plan, called
        self.limit = _limit(plan, called)
        self.epoch = self.step = 0
        self.measuring = False  # whether the validation of an epoch comes next
        self.logs: dict[str, Any] = {}
        # The runner itself asks the early stopping that it was given.
        self.at_epochs = CallbackList(c for c in called.callbacks if c is not plan.early_stopping)

    def run(self) -> None:
        self.called.on_train_begin()
        self._begin_where_told()
        if self.plan.initial_epoch < self.plan.epochs:
            self._run_all()
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self.called.on_train_end(self.logs)

    def _begin_where_told(self) -> None:
        """A callback may have brought back the state of an earlier training, which goes on from some epoch."""
        first = whole_number("fit", 'params["initial_epoch"]', self.called.params["initial_epoch"], 0)
        state = np.array(self.model.shuffle_state.numpy())
        self.plan = replace(self.plan, initial_epoch=first, shuffle_state=state)
        self.epoch = first

    def _run_all(self) -> None:
        runner = runner_for(self.model, self.plan)
        done, synced = False, True  # once it is, the model's variables are the callbacks' to change
        progress = runner.progress()
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
            if _is_inside_an_epoch(progress):
                synced = False
                self._end_here(runner, progress)
                synced = True
        except BaseException:  # also Ctrl-C: the model and its history get the state of the last finished step
            self._note_finished(runner.progress())
            raise
        finally:
            if not synced:
                runner.sync()
            runner.close()

    def _end_here(self, runner: Runner, progress: Progress) -> None:
        """End the epoch in the middle of which a callback stopped."""
        runner.sync()
        if self.plan.validates(progress.epoch):
            self.called.on_test_begin()
        ended = runner.end_epoch()
        runner.sync()
        for _, logs in ended.finished if progress.non_finite else ():
            names = ["loss"] if progress.step else list(self.plan.train_names)  # means over no step at all
            logs.update(dict.fromkeys(names, math.nan))
        self._call_ended(ended)
        self.called.on_progress(ended)

    def _call_before(self) -> None:
        if self.measuring:
            self.called.on_test_begin()
            return
        if self.step == 0 and self.limit != "chunk":
            self.at_epochs.on_epoch_begin(self.epoch)
        if self.limit == "step":
            self.called.on_train_batch_begin(self.step)

    def _call_after(self, progress: Progress) -> None:
        if self.limit == "step" and not progress.non_finite and not self.measuring:
            self.called.on_train_batch_end(self.step, self._running_means(progress))
        self.measuring = progress.measuring
        self._call_ended(progress)
        self.called.on_progress(progress)
        if progress.non_finite:
            self._end_at(*progress.non_finite)
        if progress.finished:
            self.epoch, self.step = progress.finished[-1][0] + 1, 0
        else:
            self.epoch, self.step = progress.epoch, progress.step

    def _call_ended(self, progress: Progress) -> None:
        """Tell the callbacks of the epochs that ended, and of their validations."""
        for epoch, logs in progress.finished:
            self.logs = logs
            self._count_epochs(epoch + 1 - self.plan.initial_epoch)
            if self.plan.validates(epoch):
                held = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
                self.called.on_test_end(held)
            self.at_epochs.on_epoch_end(epoch, logs)

    def _note_finished(self, progress: Progress) -> None:
        """Write down the epochs that the history has not heard of."""
        known = self.model.history.epoch
        for epoch, logs in progress.finished:
            if known and epoch <= known[-1]:
                continue
            self._count_epochs(epoch + 1 - self.plan.initial_epoch)
            self.model.history.on_epoch_end(epoch, logs)

    def _running_means(self, progress: Progress) -> dict[str, Any]:
        logs = progress.finished[-1][1] if progress.finished else progress.logs
        return {name: value for name, value in logs.items() if not name.startswith("val_")}

    def _count_epochs(self, passed: int) -> None:
        """Let a later fit, also of a saved and loaded model, go on with the next order of rows."""
        if self.plan.shuffle:
            begun = -(-passed * self.plan.steps_per_epoch // self.plan.steps_per_pass)  # a later fit begins a new pass
            self.model.shuffle_state.assign(self.plan.shuffle_state_of(begun))

    def _end_at(self, epoch: int, step: int) -> None:
        if not self.plan.checked:
            check_rows(self.plan, epoch, step, "fit")
        quiet = [callback for callback in self.called.callbacks if isinstance(callback, TerminateOnNaN)]
        if not quiet:
            raise non_finite_loss(self.model, self.plan, epoch, step, "fit")
        self.model.stop_training = True
        for callback in quiet:
            callback.on_non_finite_loss(epoch, step)
