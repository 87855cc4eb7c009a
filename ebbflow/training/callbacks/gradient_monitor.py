"""GradientMonitor: how large the gradients are, how much the weights move, and which units have stopped to learn."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autodiff import GradientTape
from ...core.errors import ArgumentError
from ...core.tensor import Tensor, as_tensor, eagerly
from ...functions import array
from ...functions.arguments import expect, expect_integer, expect_number
from ...functions.naming import expect_flag
from ..data import batch_of, prepare_x, prepare_y
from ..diagnose import watched
from ..saving import all_layers
from .base import Callback, Logs

_RECTIFIERS = ("relu", "relu6")
# How far an output is on its way to where the derivative vanishes, 1 being there.
_SIGMOIDS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": lambda y: array.abs(y),
    "hard_tanh": lambda y: array.abs(y),
    "sigmoid": lambda y: array.maximum(y, 1.0 - y),
    "hard_sigmoid": lambda y: array.maximum(y, 1.0 - y),
}


class GradientMonitor(Callback):
    """Look, after every so many epochs, at the gradients and activations that a sample of rows gives.

    With the loss L on the sample, as the model predicts (no dropout), it records

        gradient_norm/W  = ||dL/dW||           of each trainable weight W, by its name, such as dense/kernel,
        update_ratio/W   = ||W - V|| / ||V||   with V the weight when it was last recorded, or when the fit began
                                         (infinite where a weight leaves 0, as biases do at first),
        dead/layer       = share of units whose output is at most `dead` for every row of the sample,
        saturated/layer  = share of outputs beyond `saturated`: |y| for tanh, max(y, 1 - y) for sigmoid,

    dead for layers that end in relu, saturated for those that end in tanh or sigmoid. Without a sample it records the
    update ratios only. The training is the same with it as without.

    Parameters:
        x, y: the sample, as for `fit`; some hundred rows will do.
        frequency: in epochs.
        dead, saturated: thresholds; saturated in (0.5, 1].
        log: whether to add these numbers to the logs, for the history and for callbacks that follow.

    Raises ArgumentError for a bad argument, and ShapeError where a fit begins that the sample does not suit.

    Attributes: `epoch`, the numbers of the epochs looked at; `history`, for each name the list of its values.

    Sources: Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks";
    Lu, Shin, Su, Karniadakis (2020), "Dying ReLU and Initialization: Theory and Numerical Examples".
    """

    def __init__(
        self,
        x: Any = None,
        y: Any = None,
        frequency: int = 1,
        dead: float = 0.0,
        saturated: float = 0.99,
        log: bool = False,
    ):
        super().__init__()
        if (x is None) != (y is None):
            raise ArgumentError(f"GradientMonitor: expected x and y, or neither, got {'y' if x is None else 'x'} only")
        self.frequency = expect_integer("GradientMonitor", "frequency", frequency, 1)
        self.dead = expect_number("GradientMonitor", "dead", dead, low=0.0)
        self.saturated = expect_number("GradientMonitor", "saturated", saturated, low=0.5, high=1.0)
        self.log = expect_flag("GradientMonitor", "log", log)
        self._sample = None if x is None else _sample_of(x, y)
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}
        self._before: dict[str, np.ndarray] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch, self.history = [], {}
        if self._sample is not None:
            x, y = self._sample
            self.model.build_for(x.shape, y, "GradientMonitor")
        self._before = self._weights()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if (epoch + 1) % self.frequency:
            return
        found = self._look() if self._sample is not None else {}
        found |= self._update_ratios()
        self.epoch.append(epoch)
        for name, value in found.items():
            self.history.setdefault(name, []).append(value)
        if self.log and logs is not None:
            logs.update(found)

    def _look(self) -> dict[str, float]:
        """The figures of the sample, computed as the model computes."""
        assert self._sample is not None
        if not self.model.run_eagerly:
            looking = importlib.import_module("ebbflow.training.callbacks.compiled_look")  # brings the compiler
            return looking.look(
                self.model, self._figures, ("GradientMonitor", self.dead, self.saturated), *self._sample
            )
        before = [(variable, variable.held) for variable in self.model.variables]
        with eagerly():
            batches = (
                as_tensor(batch_of(name, rows, slice(None))) for name, rows in zip("xy", self._sample, strict=True)
            )
            found = self._figures(*batches)
            for variable, value in before:
                if variable.held is not value:
                    variable.assign(value)
        return {name: float(value.numpy()) for name, value in found.items()}

    def _figures(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The figures of a batch by name, by one pass forward and one back."""
        outputs: dict[str, Tensor] = {}

        def note(layer: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                outputs.update(self._activity(layer, output))

        with watched(all_layers(self.model), note), GradientTape() as tape:
            loss = self.model.compute_loss(x, y, self.model(x, training=False))
        variables = self.model.trainable_variables
        gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
        pairs = zip(variables, gradients, strict=True)
        return {f"gradient_norm/{variable.name}": array.sqrt((g * g).sum()) for variable, g in pairs} | outputs

    def _activity(self, layer: Any, output: Tensor) -> dict[str, Tensor]:
        function = getattr(layer, "activation", None)
        kind = getattr(function, "__name__", type(layer).__name__.lower())
        if kind in _RECTIFIERS:
            most = array.max(output, axis=tuple(range(output.ndim - 1)))
            return {f"dead/{layer.name}": _share(most <= self.dead, output)}
        if kind in _SIGMOIDS:
            return {f"saturated/{layer.name}": _share(_SIGMOIDS[kind](output) > self.saturated, output)}
        return {}

    def _weights(self) -> dict[str, np.ndarray]:
        return {variable.name: variable.numpy() for variable in self.model.trainable_variables}

    def _update_ratios(self) -> dict[str, float]:
        before, self._before = self._before, self._weights()
        return {
            f"update_ratio/{name}": _ratio(_norm(weight - before[name]), _norm(before[name]))
            for name, weight in self._before.items()
            if name in before
        }


def _ratio(change: float, size: float) -> float:
    return change / size if size else math.inf if change else 0.0


def _share(marks: Tensor, output: Tensor) -> Tensor:
    return array.cast(marks, output.dtype).mean()


def _sample_of(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    owner = "GradientMonitor"
    inputs, targets = prepare_x(owner, x, whole=True), prepare_y(owner, y, whole=True)
    expect(len(inputs) == len(targets), owner, "y", f"{len(inputs)} rows, as x has,", len(targets))
    return inputs, targets


def _norm(weight: np.ndarray) -> float:
    return float(np.linalg.norm(weight.astype(np.float64)))
