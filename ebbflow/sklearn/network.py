"""Network: the compiled model of one structure."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import layers, optimizers
from ..autodiff import GradientTape
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions import array
from ..functions.hyperparameter import Hyperparameter
from ..lowering.table import Slot, Status
from ..training.data import Rows, number_of_rows
from ..training.plan import Plan
from ..training.runner import Progress
from ..training.sequential import Sequential
from . import crew
from .head import Head, metric_of
from .lbfgs import Active, StoppingLBFGS
from .shelf import Shelf, ShelfRunner

SMALL = 100_000  # multiplications a step, which take no longer in float64 than the step around them


@dataclass(frozen=True)
class Structure:
    """What is code in a network; all else are numbers that its program reads.

    Attributes:
        widths: features, hidden units layer by layer, outputs.
        activations: one for each hidden layer.
        head, dtype: see Head; the type of weights and arithmetic.
        dropout, batch_norm: whether hidden layers have them.
        solver: "lbfgs", "sgd" or "adam"; momentum, nesterov, decay: what of these it uses.
        schedule: a LearningRateSchedule or None.
        monitor: what is measured on the rows to validate on, as `metric_of` takes it; False where there are none.
        keys: what equal schedules and monitors have in common.
    """

    widths: tuple[int, ...]
    activations: tuple[Any, ...]
    head: Head
    dtype: str
    dropout: bool
    batch_norm: bool
    solver: str
    momentum: bool
    nesterov: bool
    decay: bool
    schedule: Any = field(compare=False)
    monitor: Any = field(compare=False)
    keys: tuple[Any, ...]


class Descent(optimizers.SGD):
    """SGD whose momentum may be 1."""

    momentum = Hyperparameter("a number between 0 and 1", lambda value: 0.0 <= value <= 1.0)


class Net(Sequential):
    """The layers, with scikit-learn's penalty: alpha sum_k |W_k|^2 / 2n for n rows, or the sum n of their weights."""

    alpha = Hyperparameter("a number of 0 or more", lambda value: value >= 0.0)

    def __init__(self, structure: Structure):
        super().__init__(dtype=structure.dtype, name="net")
        self.alpha, self.head = 0.0, structure.head
        self.dense: list[Any] = []
        self.norms: list[Any] = []
        self.dropouts: list[Any] = []
        self.add(layers.InputLayer(shape=(structure.widths[0],)))
        for units, activation in zip(structure.widths[1:-1], structure.activations, strict=True):
            self._add_hidden(structure, units, activation)
        self._add_to(self.dense, layers.Dense(structure.widths[-1], dtype=structure.dtype))

    def _add_hidden(self, structure: Structure, units: int, activation: Any) -> None:
        """Weighted sums, normalized, activated, some of them dropped."""
        dtype = structure.dtype
        self._add_to(self.dense, layers.Dense(units, dtype=dtype))
        if structure.batch_norm:
            self._add_to(self.norms, layers.BatchNormalization(dtype=dtype))
        self.add(layers.Activation(activation, dtype=dtype))
        if structure.dropout:
            self._add_to(self.dropouts, layers.Dropout(0.5, dtype=dtype))

    def _add_to(self, kind: list[Any], layer: Any) -> None:
        self.add(layer)
        kind.append(layer)

    def train_step(self, x: Tensor, y: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """As of Model, but nothing except the loss is measured."""
        with GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True), sample_weight)
        variables = self.trainable_variables
        needed = {"loss": loss} if self.optimizer.needs_loss else {}
        self.optimizer.apply(tape.gradient(loss, variables), variables, **needed)
        return self.optimizer.reported_loss(loss)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The weighted mean of the rows' losses, in training plus the penalty."""
        values = self.head.row_losses(y, y_pred)
        count: Any = float(values.size)
        if sample_weight is not None:
            weight = array.cast(sample_weight, values.dtype)
            values, count = values * weight, array.sum(weight)
        total = array.sum(values)
        if training:
            squares = [array.sum(array.square(dense.kernel.value)) for dense in self.dense]
            alpha = 0.5 * array.cast(self.alpha, values.dtype)
            for one in squares:
                total = total + alpha * one
        return array.divide_no_nan(total, count) if sample_weight is not None else total / count

    def update_metrics(self, loss: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """The loss counts once per row, or with the rows' weights; metrics see predictions and targets like these."""
        tracker, *others = self.metrics
        rows = float(y.shape[0]) if sample_weight is None else array.sum(sample_weight)
        tracker.update_state(loss, sample_weight=rows)
        for metric in others:
            if not isinstance(metric, Active):
                target = self.head.targets(y, y_pred)
                metric.update_state(target, self.head.predictions(y_pred), sample_weight=sample_weight)


@dataclass
class Trained:
    """What a few epochs came to: their logs in order, and whether the loss of the next one was not finite."""

    logs: list[dict[str, float]]
    diverged: bool


class Network:
    """A compiled network; its weights and memory are set by whoever has it at the time."""

    def __init__(self, structure: Structure, shelf: Shelf):
        self.shelf = shelf
        head = replace(structure.head, loss=copy.deepcopy(structure.head.loss))
        self.structure = replace(structure, head=head)
        self.model = Net(self.structure)
        self.optimizer = _optimizer(self.structure)
        self.watched, self.direction = "", "min"
        self._runner: _Runner | None = None  # of the present fit or the last one
        self._compile()
        weights = [dense.kernel for dense in self.model.dense] + [dense.bias for dense in self.model.dense]
        self.weights = weights
        self.norms = [(n.gamma, n.beta, n.moving_mean, n.moving_variance) for n in self.model.norms]
        if structure.decay:
            decaying = self.model.dense
            others = [one for one in self.model.trainable_variables if not any(one is d.kernel for d in decaying)]
            self.optimizer.exclude_from_weight_decay(var_list=others)
        self.model.build_for((1, structure.widths[0]), np.zeros((1, structure.widths[-1]), np.float32))
        self._names = tuple(self.model.metrics_names)
        self.memory = list(self.optimizer.variables)
        self.fresh = [variable.held for variable in self.memory]

    def forget(self) -> None:
        """Set the memory to that of an optimizer that has made no step."""
        for k, variable in enumerate(self.memory):
            if variable.held is not self.fresh[k]:
                variable.swap(self.fresh[k].numpy())
                self.fresh[k] = variable.held

    def _compile(self) -> None:
        measured: list[Any] = []
        if self.structure.solver == "lbfgs":
            measured = [Active(self.optimizer)]
        elif self.structure.monitor is not False:
            metric, self.direction = metric_of(copy.deepcopy(self.structure.monitor), self.structure.head)
            measured = [] if metric is None else [metric]
        self.model.compile(self.optimizer, None, metrics=measured)
        self.watched = measured[0].name if measured else "loss"

    @contextmanager
    def training(
        self,
        data: Rows,
        validation: Rows | None,
        batch_size: int,
        epochs: int,
        shuffle: np.ndarray | None = None,
        stopping: Any = None,
    ) -> Iterator[None]:
        """In here `train` goes on from the variables' values, for at most so many epochs; `values` has what came of it.

        shuffle: the uint32[4] of Plan, None to leave the rows as they are.
        """
        names = self._names
        measured = 1 if validation is None else number_of_rows(validation)
        plan = Plan(
            data=data,
            validation=validation,
            batch_size=batch_size,
            validation_batch_size=min(batch_size, measured),
            epochs=epochs,
            initial_epoch=0,
            shuffle=shuffle is not None,
            shuffle_state=np.zeros(4, np.uint32) if shuffle is None else shuffle,
            early_stopping=stopping,
            log_names=names if validation is None else names + tuple(f"val_{name}" for name in names),
        )
        if self._runner is None or not self._runner.again(plan):
            self._runner = _Runner(self.model, plan, self.shelf)
            self._runner.is_logged = self.structure.solver != "lbfgs"
        try:
            yield
        finally:
            self._runner.end()

    def values(self, variables: list[Variable]) -> list[np.ndarray]:
        """What the last training made of these; it is stored nowhere else, since most of it nobody asks for."""
        return self.model.programs.state.values(variables)  # type: ignore[no-any-return]

    def train(self, epochs: int) -> Trained:
        """So many epochs more; numbers of the optimizer may be set before."""
        assert self._runner is not None
        return self._runner.train(epochs)


class _Runner(ShelfRunner):
    """A fit of which some epochs are done at a time; is_logged: whether `Trained` is to have their logs."""

    is_logged = True

    def end(self) -> None:
        """Close without a `sync`."""
        self._note_best_weights()
        self.close()

    def train(self, epochs: int) -> Trained:
        """See Network.train."""
        table, trained = self._table, Trained([], False)
        first, done = int(table[Slot.EPOCH]), False
        table[Slot.EPOCHS] = first + epochs
        if table[Slot.STATUS] == Status.FINISHED:
            table[Slot.STATUS] = Status.RUNNING
            self._program.shuffle(table)
        try:
            while not done:
                crew.expect_to_be_needed()
                progress = self.run("chunk")
                trained.logs += [logs for _, logs in progress.finished]
                done, trained.diverged = progress.done, progress.non_finite is not None
        except KeyboardInterrupt as interrupt:
            seen = first + len(trained.logs)
            trained.logs += [logs for epoch, logs in self.progress().finished if epoch >= seen]
            interrupt.trained = trained  # type: ignore[attr-defined]
            raise
        return trained

    def _note_early_stopping(self, status: Status, done: bool) -> None:
        """Nothing: nobody asks the callback, or the model, how a fit ended."""

    def progress(self) -> Progress:
        """As of CompiledRunner."""
        if not self.is_logged:
            self._reported = int(self._table[Slot.EPOCH])
        return super().progress()


def _optimizer(structure: Structure) -> Any:
    if structure.solver == "lbfgs":
        return StoppingLBFGS()
    rate = 0.001 if structure.schedule is None else copy.deepcopy(structure.schedule)
    decay = 0.0 if structure.decay else None
    if structure.solver == "adam":
        return optimizers.Adam(rate, weight_decay=decay)
    return Descent(rate, momentum=0.5 if structure.momentum else 0.0, nesterov=structure.nesterov, weight_decay=decay)


def size_of(widths: Sequence[int]) -> int:
    """How many weights join the layers."""
    return sum(a * b for a, b in zip(widths, widths[1:], strict=False))


def arithmetic(dtype: Any, solver: str, widths: Sequence[int], batch_size: int) -> str:
    """The element type to compute in, for X of this type."""
    if size_of(widths) * batch_size >= SMALL:
        return "float32"
    return "float64" if dtype == np.float64 or solver == "lbfgs" else "float32"
