"""Head: what a network's last weighted sums mean, and how far they are from the targets."""

from dataclasses import dataclass, field
from typing import Any

from .. import activations, losses, metrics
from ..core.tensor import Tensor
from ..functions import array, nn, shapes
from ..losses.base import Loss
from ..training.callbacks.monitor import direction_of

_MARGINS = (losses.Hinge, losses.SquaredHinge, losses.CategoricalHinge)
_OF_NUMBERS = (losses.SparseCategoricalCrossentropy, losses.CategoricalGeneralizedCrossEntropy)


@dataclass(frozen=True)
class Head:
    """The meaning of the last layer's weighted sums z of shape (batch, outputs).

    Attributes:
        kind: "classes" (y numbers the classes), "labels" (y is 0 or 1 for every output) or "numbers".
        outputs: how many.
        activation: its name; the prediction is activation(z).
        loss: "log_loss", "squared_error", "poisson", or a Loss.
        averaged: whether the value of a squared error is the mean over the outputs, whose sum is followed downhill.
        loss_key: what two equal losses have in common.
    """

    kind: str
    outputs: int
    activation: str
    loss: Any = field(compare=False)
    averaged: bool
    loss_key: Any

    def predictions(self, z: Tensor) -> Tensor:
        """activation(z)."""
        return activated(self.activation, z)

    def targets(self, y: Tensor, like: Tensor) -> Tensor:
        """(batch, outputs) of the type of `like`; classes as one 1 in a row."""
        if self.kind == "classes":
            return shapes.one_hot(shapes.reshape(y, (-1,)), self.outputs, dtype=like.dtype)
        return array.cast(shapes.reshape(y, like.shape), like.dtype)

    def row_losses(self, y: Tensor, z: Tensor) -> Tensor:
        """The loss of every row (batch,)."""
        known = {"log_loss": self._log_loss, "squared_error": self._squared_error, "poisson": self._poisson}
        values = known[self.loss](y, z) if isinstance(self.loss, str) else self._other(y, z)
        return array.mean(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values

    def _log_loss(self, y: Tensor, z: Tensor) -> Tensor:
        """-log p_y, or -sum_k (y_k log p_k + (1 - y_k) log(1 - p_k))."""
        canonical = self.activation == ("softmax" if self.kind == "classes" else "logistic")
        p = z if canonical else self.predictions(z)
        if self.kind == "classes":
            return nn.sparse_categorical_crossentropy(shapes.reshape(y, (-1,)), p, canonical)
        return array.sum(nn.binary_crossentropy(self.targets(y, z), p, canonical), axis=-1)

    def _squared_error(self, y: Tensor, z: Tensor) -> Tensor:
        """sum_k (y_k - p_k)^2 / 2; where averaged, the value of its mean with the gradient of the sum."""
        total = 0.5 * array.sum(array.square(self.targets(y, z) - self.predictions(z)), axis=-1)
        if not self.averaged or self.outputs == 1:
            return total
        return total - array.stop_gradient(total * (1.0 - 1.0 / self.outputs))

    def _poisson(self, y: Tensor, z: Tensor) -> Tensor:
        """sum_k y_k log(y_k / p_k) - y_k + p_k, half the deviance; p_k = exp(z_k) unless told otherwise."""
        y = self.targets(y, z)
        p = self.predictions(z)
        log_p = z if self.activation == "exp" else array.log(p)
        return array.sum(y * array.log(array.where(y > 0.0, y, 1.0)) - y * log_p - y + p, axis=-1)

    def _other(self, y: Tensor, z: Tensor) -> Tensor:
        """A Loss of the predictions, or of z for margins and logits."""
        of_sums = getattr(self.loss, "from_logits", False) or isinstance(self.loss, _MARGINS)
        numbered = self.kind == "classes" and isinstance(self.loss, _OF_NUMBERS)
        target = shapes.reshape(y, (-1,)) if numbered else self.targets(y, z)
        return self.loss.call(target, z if of_sums else self.predictions(z))


def activated(activation: Any, z: Tensor) -> Tensor:
    """The activation of this name, or this function, of z; scikit-learn calls the exponential "exp"."""
    if activation in ("identity", "linear"):
        return z
    return activations.get("exponential" if activation == "exp" else activation)(z)


def loss_of(given: Any, own: tuple[str, ...]) -> Any:
    """A name of scikit-learn's as it is, any other name or function as a Loss."""
    return given if isinstance(given, str) and given in own else losses.loss_of(given)


def hits(y: Any, p: Any) -> Tensor:
    """Whether a row is right in all its outputs: y = [p > 1/2], or for one 1 in a row, the class of the greatest p."""
    return array.all(array.equal(y, array.cast(p > 0.5, y.dtype)), axis=-1)


def metric_of(monitor: Any, head: Head) -> tuple[Any, str]:
    """(a new metric, "max" or "min") for what early stopping watches; (None, "min") for the loss."""
    if monitor == "loss":
        return None, "min"
    if monitor in (None, "score"):
        if head.kind == "numbers":
            return metrics.R2Score(name="score"), "max"
        exact = metrics.MeanMetricWrapper(hits, name="score")
        return metrics.CategoricalAccuracy(name="score") if head.kind == "classes" else exact, "max"
    shape = (None, head.outputs)
    metric: Any = metrics.resolve(monitor, head.loss if isinstance(head.loss, Loss) else None, shape, shape)
    return metric, direction_of(metric.name, [metric])
