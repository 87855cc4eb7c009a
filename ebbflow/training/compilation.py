"""Compilation: what `compile` was told, with the metrics that follow from it once shapes are known."""

from typing import Any

import numpy as np

from .. import losses, metrics, optimizers
from ..core.errors import ArgumentError
from ..functions.arguments import expect, is_number
from ..layers.base import Layer
from .data import check_labels, whole_number

Shape = tuple[int | None, ...]


class Compilation:
    """Optimizer, loss and metrics of a model.

    Parameters: as of `Model.compile`.

    Attributes:
        optimizer, loss: the objects that the arguments named; loss may be None, for models with their own compute_loss.
        given: the arguments loss, metrics and weighted_metrics as they came, to save them.
        loss_weight: what the loss is multiplied by, None for nothing.
        loss_tracker: the mean of the loss over an epoch, in which a batch counts by its rows, whatever their weights.
        measured, weighted: the compiled metrics without and with weights, one per argument, once `build` has resolved
            those that depend on shapes.
    """

    def __init__(
        self,
        optimizer: Any,
        loss: Any,
        loss_weights: Any,
        given_metrics: Any,
        weighted_metrics: Any,
        run_eagerly: bool,
        steps_per_execution: Any,
        jit_compile: Any,
        auto_scale_loss: Any,
    ):
        self.optimizer = optimizers.get(optimizer)
        loss = _instance_of(_only(loss))
        self.loss = losses.loss_of(loss)
        self.given: dict[str, Any] = {
            "loss": loss,
            "metrics": _metrics_of(given_metrics),
            "weighted_metrics": _metrics_of(weighted_metrics),
        }
        self.loss_weight = _loss_weight(loss_weights)
        _check_execution(run_eagerly, steps_per_execution, jit_compile, auto_scale_loss)
        self.run_eagerly = bool(run_eagerly) or jit_compile is False
        self.loss_tracker = metrics.Mean(name="loss")
        self.measured: list[Any] | None = None
        self.weighted: list[Any] = []

    def build(self, model: Layer, y_shape: Shape, output_shape: Shape) -> None:
        """Make the metrics and the optimizer's slots for the trainable weights, where they do not exist yet.

        Raises ArgumentError for an optimizer that has the slots of another model.
        """
        optimized = self.optimizer.optimized
        own = set(model.weights) if optimized else set()
        foreign = [weight for weight in optimized if weight not in own]
        if foreign:
            owner = "another model; make one for each model"
            if self.measured is not None:
                owner = "this model, which has other layers now; call compile again with a new one"
            raise ArgumentError(
                f"{self.optimizer.name}: expected a new optimizer, got one that already trains {foreign[0].name} of "
                f"{owner}"
            )
        if self.measured is None:
            measured, self.weighted = (
                [metrics.resolve(given, self.loss, y_shape, output_shape) for given in self.given[kind]]
                for kind in ("metrics", "weighted_metrics")
            )
            _name_apart(measured, self.weighted)
            self.measured = measured
        self.optimizer.ensure_built(model.trainable_variables)

    def check_labels(self, caller: str, y: np.ndarray, output_shape: Shape) -> None:
        """Raise ArgumentError where the loss reads y as class numbers and the outputs have no such class."""
        if _reads_class_numbers(self.loss) and output_shape[-1] is not None:
            check_labels(caller, y, output_shape[-1], getattr(self.loss, "ignore_class", None))

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, then the compiled metrics, those with weights last."""
        return [self.loss_tracker, *(self.measured or []), *self.weighted]


def _only(given: Any, inner: Any = object) -> Any:
    """What stands in a list of one, as Keras takes it for each of several outputs, here the only one."""
    several = isinstance(given, (list, tuple)) and len(given) == 1 and isinstance(given[0], inner)
    return given[0] if several else given


def _instance_of(given: Any) -> Any:
    return given() if isinstance(given, type) else given


def _metrics_of(given: Any) -> list[Any]:
    """A list of what may be one metric or several; raises ArgumentError for what no model could use."""
    if isinstance(given, (str, metrics.Metric)) or callable(given):
        given = [given]
    if not isinstance(given, (list, tuple, type(None))):
        raise ArgumentError(f"compile: expected a list of metrics, since a model has one output, got {given!r}")
    found = [_instance_of(one) for one in _only(given, (list, tuple)) or []]
    for metric in found:
        if not (isinstance(metric, str) and metric in metrics.FITTING):  # these need shapes and are resolved later
            metrics.get(metric)
    return found


def _loss_weight(loss_weights: Any) -> float | None:
    if loss_weights is None:
        return None
    several = isinstance(loss_weights, (list, tuple)) and len(loss_weights) == 1
    weight = loss_weights[0] if several else loss_weights
    if not is_number(weight):
        hint = f"; write metrics={loss_weights!r}" if isinstance(weight, str) else ""
        raise ArgumentError(
            f"compile: expected one number as loss_weights, since a model has one output, got {loss_weights!r}{hint}"
        )
    return float(weight)


def _check_execution(run_eagerly: Any, steps_per_execution: Any, jit_compile: Any, auto_scale_loss: Any) -> None:
    """Raise ArgumentError for ways of running that there are not."""
    if not isinstance(steps_per_execution, str) or steps_per_execution != "auto":
        whole_number("compile", "steps_per_execution", steps_per_execution, 1)
    expect(jit_compile in (True, False, "auto"), "compile", "jit_compile", 'True, False or "auto"', jit_compile)
    if jit_compile is True and run_eagerly:
        raise ArgumentError("compile: expected run_eagerly or jit_compile, got both; leave out the one not meant")
    expect(auto_scale_loss in (True, False), "compile", "auto_scale_loss", "True or False", auto_scale_loss)


def _name_apart(measured: list[Any], weighted: list[Any]) -> None:
    """Log each metric under a name that no other has: mse, mse_1, weighted_mse, ..."""
    taken = {"loss"}
    for metric in [*measured, *weighted]:
        if metric.name in taken and metric in weighted:
            metric.name = f"weighted_{metric.name}"
        stem, count = metric.name, 0
        while metric.name in taken:
            count += 1
            metric.name = f"{stem}_{count}"
        taken.add(metric.name)


def _reads_class_numbers(loss: Any) -> bool:
    sparse = losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy
    return isinstance(loss, sparse) or getattr(loss, "fn", loss) is losses.sparse_categorical_crossentropy
