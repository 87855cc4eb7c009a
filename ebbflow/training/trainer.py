"""Trainer: how a layer is trained, a step at a time."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from ..autodiff import GradientTape
from ..core.errors import ArgumentError
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions.array import cast
from ..functions.random import SeedGenerator
from ..layers.base import Layer
from ..layers.belongings import still_hold, structure_changes
from ..metrics import Metric
from .callbacks import History
from .compilation import Compilation
from .described import compilation_from, describe_compilation
from .steps import accepts, expect_weights

_PLAIN = {bool, int, float, str, type(None), np.ndarray, Variable, FunctionType}  # which hold no metrics


class Programs:
    """The native programs that a model was compiled to, by what they were made for."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}
        self.fitted: Any = None  # the program of the last fit, to be looked at
        self.state: Any = None  # its memory, for the next fit
        self.ready: Any = None  # the last prediction, for others like it
        self.held: _Held | None = None  # the metrics that are attributes


class Trainer(Layer):
    """A layer with an optimizer, a loss and metrics, and the steps that use them: what `Model` is besides its loops."""

    _compilation: Compilation | None
    _shuffle: SeedGenerator
    stop_training: bool
    history: History | None
    extra: dict[str, Any]
    programs: Programs

    def __new__(cls, *args: Any, **kwargs: Any) -> "Trainer":
        model: Any = super().__new__(cls, *args, **kwargs)
        model._compilation = None
        model._shuffle = SeedGenerator(name="shuffle")
        model.stop_training, model.history, model.extra = False, None, {}
        model.programs = Programs()
        return model

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles go without machine code, which is made again where it is needed."""
        return self.__dict__ | {"programs": Programs()}

    # compiling

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: float | None = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how to train; forgets the state of the optimizer of an earlier `compile`.

        Parameters:
            optimizer: Optimizer or its name.
            loss: Loss, its name, or a function of (y_true, y_pred).
            loss_weights: a number to multiply the loss by (not the penalties of the layers).
            metrics: list of Metrics, names, or functions of (y_true, y_pred), for which every sample counts alike.
            weighted_metrics: the same, which get the samples' weights.
            run_eagerly: run the steps in Python, where they can be printed and debugged, instead of compiling them.
            steps_per_execution: a whole number of at least 1, or "auto"; it changes nothing, since native code does all
                steps until a callback is due.
            jit_compile: True and "auto" compile the steps; False is run_eagerly=True.
            auto_scale_loss: does nothing, since there are no weights of 16 bits, for which Keras scales the loss.

        Raises ArgumentError for an unknown name, and for what else no model could use.
        """
        self._compilation = Compilation(
            optimizer,
            loss,
            loss_weights,
            metrics,
            weighted_metrics,
            run_eagerly,
            steps_per_execution,
            jit_compile,
            auto_scale_loss,
        )
        self.programs = Programs()

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` as plain JSON values, {} before it.

        Raises ArgumentError for a function without a name.
        """
        return describe_compilation(self) or {}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` of this or another model says."""
        self.compile(**compilation_from(config, {}))

    @property
    def compiled(self) -> bool:
        return self._compilation is not None

    def compilation(self, caller: str) -> Compilation:
        """What `compile` was told; raises ArgumentError in the name of `caller` if it was not called."""
        if self._compilation is None:
            raise ArgumentError(f"{self}: call compile(optimizer, loss) before {caller}")
        return self._compilation

    @property
    def optimizer(self) -> Any:
        return self._compilation and self._compilation.optimizer

    @property
    def loss(self) -> Any:
        return self._compilation and self._compilation.loss

    @property
    def run_eagerly(self) -> bool:
        return bool(self._compilation and self._compilation.run_eagerly)

    @property
    def metrics(self) -> list[Any]:
        """The mean of the loss, the compiled metrics (those that depend on shapes once these are known), then those
        that are attributes of the model and its layers, alone or in a list, tuple or dict.
        """
        compiled = self._compilation.metrics if self._compilation else []
        held = self.programs.held
        if held is None or not held.is_current():
            held = self.programs.held = _Held(self)
        return [*compiled, *(one for one in held.metrics if all(one is not other for other in compiled))]

    @property
    def metrics_names(self) -> list[str]:
        return list(dict.fromkeys(metric.name for metric in self.metrics))

    # one step: override to train or measure in another way

    def train_step(self, x: Tensor, y: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """One step of training on a batch; returns its loss, a tensor of one number.

        Runs in Python or is traced and compiled, so it may use operations on tensors and variables only. It is called
        with a sample_weight only where there are weights: a step of one's own may be (self, x, y) until then.
        """
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
        variables = self.trainable_variables
        needed = {"loss": loss} if self.optimizer.needs_loss else {}
        self.optimizer.apply(tape.gradient(loss, variables), variables, **needed)
        loss = self.optimizer.reported_loss(loss)
        self._measure(loss, y, y_pred, sample_weight)
        return loss

    def test_step(self, x: Tensor, y: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Measure one batch; returns its loss."""
        y_pred = self(x, training=False)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        self._measure(loss, y, y_pred, sample_weight)
        return loss

    def predict_step(self, x: Tensor) -> Tensor:
        """The outputs for one batch."""
        return self(x, training=False)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The number to make small: the compiled loss of the batch, plus what the layers add to it.

        loss_weights * loss(y, y_pred, sample_weight) + sum of `losses`, the penalties of weights and outputs
        """
        terms = []
        if self.loss is not None:
            loss = self.loss(y, y_pred, sample_weight=sample_weight)
            weight = self.compilation("compute_loss").loss_weight
            terms.append(loss if weight is None else loss * weight)
        terms += self.losses
        if not terms:
            raise ArgumentError(f"{self}: was compiled without a loss; give compile a loss, or override compute_loss")
        total, *penalties = terms
        for penalty in penalties:
            total = total + cast(penalty, total.dtype)
        return total

    def update_metrics(self, loss: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch to the metrics; the loss counts once per row, and weighted metrics get the weights."""
        compilation = self.compilation("update_metrics")
        tracker, *others = compilation.metrics
        tracker.update_state(loss, sample_weight=float(y.shape[0]))
        weighted = compilation.weighted if sample_weight is not None else []
        for metric in others:
            if any(metric is one for one in weighted):
                metric.update_state(y, y_pred, sample_weight=sample_weight)
            else:
                metric.update_state(y, y_pred)

    def _loss_of(self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None, training: bool) -> Tensor:
        """compute_loss, which a subclass may have written without `training`, or without weights until there are."""
        if sample_weight is not None:
            expect_weights(self.compute_loss, "x, y, y_pred")
        options: dict[str, Any] = {} if sample_weight is None else {"sample_weight": sample_weight}
        if accepts(self.compute_loss, "training"):
            options["training"] = training
        return self.compute_loss(x, y, y_pred, **options)

    def _measure(self, loss: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> None:
        if sample_weight is None:
            self.update_metrics(loss, y, y_pred)
        else:
            expect_weights(self.update_metrics, "loss, y, y_pred")
            self.update_metrics(loss, y, y_pred, sample_weight=sample_weight)

    def get_metrics_result(self) -> dict[str, Tensor]:
        """The metrics of the batches since `reset_metrics`, by name; `fit` and `evaluate` reset them when they end."""
        return self.metric_results()

    def metric_results(self) -> dict[str, Tensor]:
        """The present value of each metric, by name; a metric whose result is a dict brings names of its own."""
        found: dict[str, Tensor] = {}
        for metric in self.metrics:
            result = metric.result()
            found |= result if isinstance(result, dict) else {metric.name: result}
        return found

    def reset_metrics(self) -> None:
        """Let all metrics start anew."""
        for metric in self.metrics:
            metric.reset_state()

    # state

    def build_for(
        self, x_shape: Sequence[int], y: np.ndarray | None = None, caller: str = "fit"
    ) -> tuple[int | None, ...]:
        """Make every variable that a step needs, and return the shape of the outputs (None for the batch axis).

        With y, and after `compile`, also the optimizer's slots and the metrics. Raises ShapeError, naming the layer,
        where x does not fit, and ArgumentError for class numbers that the outputs do not have.
        """
        output_shape = self.compute_output_shape((None, *x_shape[1:]))
        if y is not None and self._compilation is not None:
            self._compilation.check_labels(caller, y, output_shape)
            self._compilation.build(self, y.shape, output_shape)
        return output_shape

    def training_state(self) -> list[Variable]:
        """Every variable that a training step may assign: weights, random states, the optimizer's and the metrics'."""
        state = list(self.variables)
        if self._compilation is not None:
            state += self._compilation.optimizer.variables
        return state + [variable for metric in self.metrics for variable in metric.variables]

    @property
    def shuffle_state(self) -> Variable:
        """uint32[4] that gives the next epoch's order of rows: seed, member, purpose, epochs trained so far."""
        return self._shuffle.state


class _Held:
    """The metrics that are attributes of a model and the layers inside, each once, as long as none is set anew."""

    def __init__(self, model: Layer):
        self._changes = structure_changes()
        self._parts: list[tuple[Any, Any]] = []  # the lists and dicts, each with a copy of what it holds now
        self.metrics: list[Metric] = []
        self._seen: set[int] = set()
        self._look([model])

    def is_current(self) -> bool:
        return structure_changes() == self._changes and still_hold(self._parts)

    def _look(self, values: Iterable[Any]) -> None:
        for value in values:
            if type(value) in _PLAIN or id(value) in self._seen:
                continue
            self._seen.add(id(value))
            if isinstance(value, Metric):
                self.metrics.append(value)
            elif isinstance(value, Layer):
                self._look([one for name, one in vars(value).items() if name != "_given"])
            elif isinstance(value, (list, tuple, dict)):
                if type(value) is not tuple:
                    self._parts.append((value, copy.copy(value)))
                self._look(value.values() if isinstance(value, dict) else value)
