"""Model: a layer that can be trained, measured, used and saved."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autodiff import GradientTape
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..core.variable import Variable
from ..functions.random import SeedGenerator
from ..layers.base import Layer
from . import evaluation, saving
from .callbacks import Callback, History
from .compilation import Compilation
from .fit import fit
from .summary import summarize


class Programs:
    """The native programs that a model was compiled to, by what they were made for."""

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}
        self.fitted: Any = None  # the program of the last fit, to be looked at
        self.state: Any = None  # its memory, for the next fit
        self.ready: Any = None  # the last prediction, for others like it


class Model(Layer):
    """A layer that can be trained, measured, used and saved: make layers in `__init__`, use them in `call`.

        class Residual(ebbflow.Model):
            def __init__(self):
                super().__init__()
                self.inner = ebbflow.layers.Dense(30, activation="relu")
                self.outer = ebbflow.layers.Dense(1)

            def call(self, inputs):
                return self.outer(inputs + self.inner(inputs))

    Attributes:
        stop_training: set to True by a callback to end the fit.
        history: the History of the last fit.
        extra: the dict that was saved with the model, {} otherwise.
    """

    _compilation: Compilation | None
    _shuffle: SeedGenerator
    stop_training: bool
    history: History | None
    extra: dict[str, Any]
    programs: Programs

    def __new__(cls, *args: Any, **kwargs: Any) -> "Model":
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
        self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None, run_eagerly: bool = False
    ) -> None:
        """Say how to train; forgets the state of the optimizer of an earlier `compile`.

        Parameters:
            optimizer: Optimizer or its name.
            loss: Loss, its name, or a function of (y_true, y_pred).
            metrics: list of Metrics, names, or functions of (y_true, y_pred).
            run_eagerly: run the steps in Python, where they can be printed and debugged, instead of compiling them.

        Raises ArgumentError for an unknown name.
        """
        self._compilation = Compilation(optimizer, loss, metrics, run_eagerly)
        self.programs = Programs()

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
        """The mean of the loss, then the compiled metrics (those that depend on shapes once these are known)."""
        return self._compilation.metrics if self._compilation else []

    @property
    def metrics_names(self) -> list[str]:
        return [metric.name for metric in self.metrics]

    # one step: override to train or measure in another way

    def train_step(self, x: Tensor, y: Tensor) -> Tensor:
        """One step of training on a batch; returns its loss, a tensor of one number.

        Runs in Python or is traced and compiled, so it may use operations on tensors and variables only.
        """
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        self.update_metrics(loss, y, y_pred)
        return loss

    def test_step(self, x: Tensor, y: Tensor) -> Tensor:
        """Measure one batch; returns its loss."""
        y_pred = self(x, training=False)
        loss = self.compute_loss(x, y, y_pred)
        self.update_metrics(loss, y, y_pred)
        return loss

    def predict_step(self, x: Tensor) -> Tensor:
        """The outputs for one batch."""
        return self(x, training=False)

    def compute_loss(self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """The number to make small, by default the compiled loss of the batch."""
        if self.loss is None:
            raise ArgumentError(f"{self}: was compiled without a loss; give compile a loss, or override compute_loss")
        return self.loss(y, y_pred, sample_weight=sample_weight)

    def update_metrics(self, loss: Tensor, y: Tensor, y_pred: Tensor) -> None:
        """Add a batch to the metrics; the loss counts once per row."""
        tracker, *measured = self.metrics
        tracker.update_state(loss, sample_weight=float(y.shape[0]))
        for metric in measured:
            metric.update_state(y, y_pred)

    def metric_results(self) -> dict[str, Tensor]:
        """The present value of each metric, by name."""
        return {metric.name: metric.result() for metric in self.metrics}

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
            self._compilation.build(self.trainable_variables, self.weights, y.shape, output_shape)
        return output_shape

    def training_state(self) -> list[Variable]:
        """Every variable that a training step may assign: weights, random states, the optimizer's and the metrics'."""
        state = list(self.variables)
        if self._compilation is not None:
            state += self._compilation.optimizer.variables
            state += [variable for metric in self._compilation.metrics for variable in metric.variables]
        return state

    @property
    def shuffle_state(self) -> Variable:
        """uint32[4] that gives the next epoch's order of rows: seed, member, purpose, epochs trained so far."""
        return self._shuffle.state

    # many steps

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        validation_batch_size: int | None = None,
    ) -> History:
        """Train for a number of passes (epochs) over the rows, and return what was logged.

        Parameters:
            x: inputs, one row per sample, of any integer or floating type; a memory-mapped file may exceed memory.
            y: targets, as many rows; class numbers for sparse losses.
            batch_size: rows per step, 32 by default; the last step of an epoch takes the rows that are left.
            epochs: the number of the last epoch, counted from 1; training starts after initial_epoch of them.
            verbose: 0 silent, 1 a live line on a terminal, 2 a line per epoch, "auto" 1 on a terminal, else 2.
            callbacks: what to call on the way.
            validation_split: the last part of the rows, in [0, 1), to measure on after each epoch, not to train on.
            validation_data: (x, y) to measure on instead.
            shuffle: visit the rows of each epoch in a new random order.
            validation_batch_size: rows per measuring step, by default batch_size.

        Raises ArgumentError or ShapeError before anything is changed where an argument does not fit, and
        NonFiniteLossError when the loss becomes NaN or infinite (the model is then as before that step). NaN and
        infinity in a memory-mapped file are found by the step that reads them, and the model is as before it, too.
        Ctrl-C leaves the weights as of the last finished step.
        """
        return fit(
            self,
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            validation_batch_size=validation_batch_size,
        )

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics over all rows: a dict, or a list in the order of `metrics_names` (a number if one).

        Raises as `fit` does.
        """
        results = evaluation.evaluate(self, x, y, batch_size, verbose, callbacks)
        return evaluation.as_asked(results, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> np.ndarray:
        """The outputs for all rows, as a NumPy array. Raises as `fit` does."""
        ready = self.programs.ready
        if ready is not None and callbacks is None and verbose in (0, 1, 2, "auto") and ready.serves(x, batch_size):
            return ready(x)
        return evaluation.predict(self, x, batch_size, verbose, callbacks)

    def train_on_batch(self, x: Any, y: Any = None, return_dict: bool = False) -> Any:
        """One step of training on these rows; returns their loss and metrics as `evaluate` does."""
        return evaluation.as_asked(evaluation.train_on_batch(self, x, y), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics of these rows, taken as one batch."""
        return evaluation.as_asked(evaluation.test_on_batch(self, x, y), return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """The outputs for these rows, taken as one batch."""
        return evaluation.predict_on_batch(self, x)

    # describing and keeping

    @property
    def layers(self) -> list[Layer]:
        """The layers that the model is made of."""
        return self.sublayers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this place; raises ArgumentError if there is none."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f"{self}: expected an index below {len(self.layers)} layers, got {index}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ArgumentError(f"{self}: expected one of {', '.join(one.name for one in self.layers)}, got {name!r}")

    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print the layers with their output shapes and numbers of parameters."""
        (print_fn or print)(summarize(self))

    def profile(self, print_fn: Callable[[str], Any] | None = print) -> list[Any]:
        """Measure every kernel of the last compiled fit's training step, alone, on one thread; print and return them.

        The figures: time, share of the step, multiplications and additions of products per second and as a share of the
        most that one core can do in float32, and the bytes of the buffers that it touches.
        Raises ArgumentError before a first fit.
        """
        from .inspection import profile  # brings the compiler

        return profile(self, print_fn)

    def memory(self, print_fn: Callable[[str], Any] | None = print) -> dict[str, int]:
        """Print and return how many bytes the last compiled fit holds, by what for; the data come on top.

        An EarlyStopping that restores the best weights holds a copy of the weights more.
        Raises ArgumentError before a first fit.
        """
        from .inspection import memory  # brings the compiler

        return memory(self, print_fn)

    def save(self, path: str | os.PathLike[str], extra: Mapping[str, Any] | None = None) -> None:
        """Write the model to one file: layers, weights, and the state of training, to be read by `load_model`.

        The file appears complete or not at all. Parameters: extra, a dict of JSON values to keep with the model.
        Raises ArgumentError for what a file cannot hold.
        """
        saving.save_model(self, path, extra)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Take over the weights of a saved model with layers of the same shapes; raises ShapeError otherwise."""
        weights = saving.load_weights(path)
        if not self.built:
            raise ShapeError(f"{self}: has no weights yet; call it once on data before load_weights")
        self.set_weights(weights)
