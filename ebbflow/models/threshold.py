"""Threshold units: McCulloch and Pitts' with weights given by hand, Rosenblatt's and Widrow's that learn theirs."""

import warnings
from typing import Any

import numpy as np

from .. import activations
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..functions import array
from ..functions.arguments import expect, expect_integer
from ..functions.hyperparameter import number
from ..layers import Layer
from ..optimizers import SGD
from ..training.callbacks import Callback, History
from ..training.model import Model
from .checks import numbers

__all__ = ["Adaline", "McCullochPitts", "Perceptron"]


class McCullochPitts(Layer):
    """y = 1 if x W >= threshold else 0: a unit that does not learn.

        AND = McCullochPitts([1, 1], threshold=2)
        OR = McCullochPitts([1, 1], threshold=1)
        NOT = McCullochPitts([-1], threshold=0)

    No unit is XOR, two layers of them are: Sequential([McCullochPitts([[1, 1], [1, 1]], [1, 2]),
    McCullochPitts([1, -1], 1)]), "one or the other, but not both".

    Parameters:
        weights: (inputs,) for one unit, (inputs, units) for several; above 0 excites, below 0 inhibits.
        threshold: a number, or one for each unit.
        name, dtype: as for Layer.

    Shapes: x (..., inputs), y (..., units).
    Raises ArgumentError for what is not finite numbers of these shapes, ShapeError when x does not fit them.
    Source: McCulloch, Pitts (1943), "A logical calculus of the ideas immanent in nervous activity".
    """

    def __init__(self, weights: Any, threshold: Any, **kwargs: Any):
        super().__init__(**kwargs)
        matrix = numbers("McCullochPitts", "weights", weights)
        expect(matrix.ndim in (1, 2), "McCullochPitts", "weights", "numbers of (inputs,) or (inputs, units)", weights)
        self._matrix = matrix.reshape(len(matrix), -1)
        thresholds, units = numbers("McCullochPitts", "threshold", threshold), self._matrix.shape[1]
        expect(thresholds.shape in ((), (units,)), "McCullochPitts", "threshold", f"1 or {units} numbers", threshold)
        self._thresholds = np.broadcast_to(thresholds, units)

    def build(self, input_shape: tuple[int, ...]) -> None:
        if tuple(input_shape[-1:]) != self._matrix.shape[:1]:
            raise ShapeError(f"{self}: expected a last axis of {len(self._matrix)}, got shape {tuple(input_shape)}")
        self.kernel = self.add_weight(self._matrix.shape, self._matrix, trainable=False, name="kernel")
        self.threshold = self.add_weight(self._thresholds.shape, self._thresholds, trainable=False, name="threshold")

    def call(self, inputs: Tensor) -> Tensor:
        return activations.step(array.cast(inputs, self.dtype) @ self.kernel - self.threshold)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"weights": self._matrix.tolist(), "threshold": self._thresholds.tolist()}


class _LearningUnit(Model):
    """y = step(z), z = x W + b, that learns by W <- W + lr mean_i x_i error_i, b <- b + lr mean_i error_i.

    A subclass says what the error of a target y and a sum z is, and which number of errors is logged as the loss.
    """

    def __init__(self, learning_rate: Any, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = expect_integer(type(self).__name__, "units", units, 1)
        try:
            optimizer = SGD(learning_rate)
        except ArgumentError as error:
            raise ArgumentError(f"{type(self).__name__}: for learning_rate, {error}") from None
        self.compile(optimizer)

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) != 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        self.kernel = self.add_weight((input_shape[-1], self.units), "zeros", name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def sums(self, x: Any) -> Tensor:
        """z = x W + b, of which the sign is the answer and the size how far from the border x is."""
        return array.cast(x, self.dtype) @ self.kernel + self.bias

    def call(self, inputs: Tensor) -> Tensor:
        return activations.step(self.sums(inputs))

    def error(self, y: Tensor, z: Tensor) -> Tensor:
        raise NotImplementedError

    def size_of(self, error: Tensor) -> Tensor:
        raise NotImplementedError

    def train_step(self, x: Tensor, y: Tensor) -> Tensor:
        error, loss = self._measured(x, y)
        gradients = [-(x.T @ error) / x.shape[0], -array.mean(error, axis=0)]
        self.optimizer.apply(gradients, [self.kernel, self.bias])
        return loss

    def test_step(self, x: Tensor, y: Tensor) -> Tensor:
        return self._measured(x, y)[1]

    def _measured(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        z = self.sums(x)
        error = self.error(array.cast(y, z.dtype).reshape(z.shape), z)
        loss = array.mean(self.size_of(error))
        self.update_metrics(loss, y, activations.step(z))
        return error, loss

    def fit(self, x: Any, y: Any = None, batch_size: int | None = 1, epochs: int = 1, **options: Any) -> History:
        """As Model.fit, one example at a time unless told otherwise; y are the classes 0 and 1."""
        if y is not None and not np.isin(np.asarray(y), (0, 1)).all():
            raise ArgumentError(f"{self}: expected the classes 0 and 1 in y, got {np.unique(y)[:5].tolist()}")
        return super().fit(x, y, batch_size, epochs, **options)

    def get_config(self) -> dict[str, Any]:
        # a schedule is the optimizer's own to describe, which a file keeps with what `compile` was told
        rate = {} if self.optimizer.schedule else {"learning_rate": number(self.optimizer.learning_rate)}
        return super().get_config() | {"units": self.units} | rate


class Perceptron(_LearningUnit):
    """y = step(x W + b), which learns from its mistakes: W <- W + lr (t - y) x, b <- b + lr (t - y), from 0.

    `fit` ends after the first epoch without a mistake. If some line separates the classes, with all ||(x, 1)|| <= R and
    a unit vector u for which every example is at least gamma on its right side, there are at most (R / gamma)^2
    mistakes in all. If none does, the weights come back to where they were; `fit` notices that they are exactly as
    after an earlier epoch (when shuffle is False), and ends with a warning.

    Parameters:
        learning_rate: lr, of 0 or more; beginning at zero, it only scales the weights.
        units: how many outputs, each of which learns for itself.
        name, dtype: as for Model.

    Attributes: `mistakes`, of each epoch of the last fit; `converged`, whether the last of these is 0.
    The logged loss is the share of wrong answers. Shapes: x (batch, features), y (batch,) or (batch, units), 0 or 1.
    Raises ArgumentError for other classes.

    Sources: Rosenblatt (1958), "The perceptron: A probabilistic model for information storage and organization in the
    brain"; Novikoff (1962), "On convergence proofs on perceptrons"; Minsky, Papert (1969), "Perceptrons" (cycles).
    """

    def __init__(self, learning_rate: Any = 1.0, units: int = 1, **kwargs: Any):
        super().__init__(learning_rate, units, **kwargs)
        self._watch = _Watch()

    @property
    def mistakes(self) -> list[int]:
        return self._watch.mistakes

    @property
    def converged(self) -> bool:
        return self.mistakes[-1:] == [0]

    def error(self, y: Tensor, z: Tensor) -> Tensor:
        return y - activations.step(z)

    def size_of(self, error: Tensor) -> Tensor:
        return array.abs(error)

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = 1,
        epochs: int = 100,
        *,
        callbacks: Any = None,
        shuffle: bool = False,
        **options: Any,
    ) -> History:
        """As Model.fit, one example at a time and in order unless told otherwise; ends when there is nothing to do."""
        several = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks is not None else []
        self._watch.begin(np.asarray(y).size, not shuffle)
        options |= {"shuffle": shuffle, "callbacks": [*several, self._watch]}
        history = super().fit(x, y, batch_size, epochs, **options)
        if self._watch.cycle is not None:
            first, second = self._watch.cycle
            warnings.warn(
                f"{self}: no line separates the classes: the weights after epoch {second} are those of epoch {first}, "
                f"and so on; the last epoch had {self.mistakes[-1]} mistakes; put a hidden layer below",
                stacklevel=2,
            )
        return history


class _Watch(Callback):
    """Ends the fit of a perceptron after an epoch without mistakes, or when its weights return."""

    def __init__(self) -> None:
        super().__init__()
        self.begin(0, False)

    def begin(self, answers: int, in_order: bool) -> None:
        self.answers, self.in_order = answers, in_order
        self.mistakes: list[int] = []
        self.cycle: tuple[int, int] | None = None
        self._seen: dict[bytes, int] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self.mistakes.append(round(logs["loss"] * self.answers))
        weights = b"".join(weight.tobytes() for weight in self.model.get_weights())
        before = self._seen.setdefault(weights, epoch)
        if self.mistakes[-1] and self.in_order and before < epoch:
            self.cycle = before + 1, epoch + 1
        if not self.mistakes[-1] or self.cycle:
            self.model.stop_training = True


class Adaline(_LearningUnit):
    """y = step(z), z = x W + b, which learns by the delta rule: W <- W + lr (t - z) x, t = 2 y - 1, from 0.

    The error is that of the sum before the threshold, so it learns from right answers, too, and comes close to the line
    of least squares, for a small lr, whether or not a line separates the classes.

    Parameters:
        learning_rate: lr, of 0 or more; below 2 / ||x||^2, or the weights grow beyond all bounds.
        units: how many outputs, each of which learns for itself.
        name, dtype: as for Model.

    The logged loss is mean((t - z)^2). Shapes: x (batch, features), y (batch,) or (batch, units), 0 or 1.
    Raises ArgumentError for other classes.
    Source: Widrow, Hoff (1960), "Adaptive switching circuits".
    """

    def __init__(self, learning_rate: Any = 0.01, units: int = 1, **kwargs: Any):
        super().__init__(learning_rate, units, **kwargs)

    def error(self, y: Tensor, z: Tensor) -> Tensor:
        return (2.0 * y - 1.0) - z

    def size_of(self, error: Tensor) -> Tensor:
        return array.square(error)
