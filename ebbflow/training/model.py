"""Model: a layer that can be trained, measured, used and saved."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..functions.arguments import expect
from ..functions.catalog import custom_object_scope
from ..functions.naming import expect_flag
from ..layers.base import Layer
from . import evaluation, saving
from .callbacks import Callback, History
from .fit import fit
from .summary import summarize
from .trainer import Trainer


class Model(Trainer):
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

    def __init__(self, *args: Any, **kwargs: Any):
        if args or {"inputs", "outputs"} & kwargs.keys():
            raise ArgumentError(
                f"{type(self).__name__}: expected name, dtype and trainable by name, got inputs and outputs; for one "
                "layer after the other write Sequential, for branches subclass Model and write `call`"
            )
        super().__init__(**kwargs)

    # many steps

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, ...] | None = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | str | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
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
            validation_data: (x, y) or (x, y, sample_weight) to measure on instead.
            shuffle: visit the rows of each pass in a new random order.
            class_weight: {class: weight}, 1 for classes that are missing, or "balanced" for n / (k n_c) with k classes
                among the n rows to train on and n_c rows of class c; where rows have weights too, the product counts.
            sample_weight: one number per row, which its loss is multiplied by; the loss is still divided by the number
                of rows in the batch, and in the mean over an epoch a batch counts by that number.
            initial_epoch: epochs that were done before.
            steps_per_epoch: steps an epoch, by default one pass; the next epoch goes on with the pass where this one
                ended, and a new pass begins in the middle of an epoch.
            validation_steps: how many batches of the rows to validate on are used, by default all.
            validation_batch_size: rows per measuring step, by default batch_size.
            validation_freq: n to validate after each n-th epoch, or a list of epochs, counted from 1.

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
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics over all rows: a dict, or a list in the order of `metrics_names` (a number if one).

        Parameters: steps, to measure on so many first batches only; the others, and errors, are as of `fit`.
        """
        results = evaluation.evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks)
        return evaluation.as_asked(results, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> np.ndarray:
        """The outputs for all rows, as a NumPy array, or for so many first batches (of 32 rows by default).

        Raises as `fit` does.
        """
        ready, plain = self.programs.ready, callbacks is None and steps is None and verbose in (0, 1, 2, "auto")
        if ready is not None and plain and ready.serves(x, batch_size):
            return ready(x)
        return evaluation.predict(self, x, batch_size, verbose, steps, callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | str | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on these rows; returns their loss and metrics as `evaluate` does."""
        results = evaluation.train_on_batch(self, x, y, sample_weight, class_weight)
        return evaluation.as_asked(results, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics of these rows, taken as one batch."""
        return evaluation.as_asked(evaluation.test_on_batch(self, x, y, sample_weight), return_dict)

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

    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the layers with their output shapes and numbers of parameters.

        Parameters:
            line_length: of the table, by default as short as it can be; names that are too long for it are cut.
            positions: None; columns are as wide as what stands in them.
            print_fn: what to call with the text instead of print.
            expand_nested: show the layers inside layers too.
            show_trainable: show whether each layer is trained.
            layer_range: (first, last) to show, as regular expressions that their names match.

        Raises ArgumentError for anything else.
        """
        expect(positions is None, str(self), "positions", "None", positions)
        (print_fn or print)(summarize(self, line_length, expand_nested, show_trainable, layer_range))

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

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the model to one file: layers, weights, and the state of training, to be read by `load_model`.

        The file appears complete or not at all.

        Parameters:
            overwrite: False raises ArgumentError where there is a file of this name.
            zipped: None or True; a model is one file.
            extra: a dict of JSON values to keep with the model.

        Raises ArgumentError for what a file cannot hold.
        """
        saving.save_model(self, filepath, overwrite, zipped, extra)

    def save_weights(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: None = None
    ) -> None:
        """Write the weights alone to one file, to be read by `load_weights`; it appears complete or not at all.

        Parameters: overwrite, as of `save`; max_shard_size, None, since all is one file.
        """
        saving.save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Take over the weights in a file of either kind; raises ShapeError for layers of other shapes.

        Parameters: skip_mismatch, to leave weights as they are, with a warning, that have another shape in the file.
        """
        expect_flag(str(self), "skip_mismatch", skip_mismatch)
        weights = saving.load_weights(filepath)
        if not self.built:
            raise ShapeError(f"{self}: has no weights yet; call it once on data before load_weights")
        self.set_weights(saving.fitting_weights(self, weights) if skip_mismatch else weights)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """An untrained model from what `get_config` returned; custom_objects: classes of your own in it, by name."""
        with custom_object_scope(custom_objects or {}):
            return super().from_config(config)
