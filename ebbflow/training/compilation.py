"""Compilation: what `compile` was told, with the metrics that follow from it once shapes are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import losses, metrics, optimizers
from ..core.errors import ArgumentError
from ..core.variable import Variable
from .data import check_labels

Shape = tuple[int | None, ...]


class Compilation:
    """Optimizer, loss and metrics of a model.

    Parameters: as of `Model.compile`.

    Attributes:
        optimizer, loss: the objects that the arguments named; loss may be None, for models with their own compute_loss.
        given: the arguments loss and metrics as they came, to save them.
        loss_tracker: the mean of the loss over an epoch, weighted by rows.
        measured: the compiled metrics, one per argument, once `build` has resolved those that depend on shapes.
    """

    def __init__(self, optimizer: Any, loss: Any, given_metrics: Any, run_eagerly: bool):
        if isinstance(given_metrics, (str, metrics.Metric)) or callable(given_metrics):
            given_metrics = [given_metrics]
        self.optimizer = optimizers.get(optimizer)
        loss = _instance_of(loss)
        self.loss = None if loss is None else losses.get(loss)
        self.given: dict[str, Any] = {"loss": loss, "metrics": [_instance_of(one) for one in given_metrics or []]}
        for metric in self.given["metrics"]:
            _check_metric(metric)
        self.run_eagerly = bool(run_eagerly)
        self.loss_tracker = metrics.Mean(name="loss")
        self.measured: list[Any] | None = None

    def build(
        self, trainable: Sequence[Variable], weights: Sequence[Variable], y_shape: Shape, output_shape: Shape
    ) -> None:
        """Make the metrics and the optimizer's slots for the trainable weights, where they do not exist yet.

        Raises ArgumentError for an optimizer that has the slots of another model.
        """
        foreign = [weight for weight in self.optimizer.optimized if weight not in set(weights)]
        if foreign:
            owner = "another model; make one for each model"
            if self.measured is not None:
                owner = "this model, which has other layers now; call compile again with a new one"
            raise ArgumentError(
                f"{self.optimizer.name}: expected a new optimizer, got one that already trains {foreign[0].name} of "
                f"{owner}"
            )
        if self.measured is None:
            resolved = [metrics.resolve(given, self.loss, y_shape, output_shape) for given in self.given["metrics"]]
            self.measured = _with_names_of_their_own(resolved)
        self.optimizer.build(trainable)

    def check_labels(self, caller: str, y: np.ndarray, output_shape: Shape) -> None:
        """Raise ArgumentError where the loss reads y as class numbers and the outputs have no such class."""
        if _reads_class_numbers(self.loss) and output_shape[-1] is not None:
            check_labels(caller, y, output_shape[-1])

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, then the compiled metrics."""
        return [self.loss_tracker, *(self.measured or [])]


def _instance_of(given: Any) -> Any:
    return given() if isinstance(given, type) else given


def _check_metric(metric: Any) -> None:
    """Raise ArgumentError for what no model could use; "accuracy" needs shapes and is resolved later."""
    if not (isinstance(metric, str) and metric in ("accuracy", "acc")):
        metrics.get(metric)


def _with_names_of_their_own(resolved: list[Any]) -> list[Any]:
    """The metrics, each logged under a name that no other has: mse, mse_1, ..."""
    taken = {"loss"}
    for metric in resolved:
        stem, count = metric.name, 0
        while metric.name in taken:
            count += 1
            metric.name = f"{stem}_{count}"
        taken.add(metric.name)
    return resolved


def _reads_class_numbers(loss: Any) -> bool:
    sparse = losses.sparse_categorical_crossentropy
    return isinstance(loss, losses.SparseCategoricalCrossentropy) or getattr(loss, "fn", loss) is sparse
