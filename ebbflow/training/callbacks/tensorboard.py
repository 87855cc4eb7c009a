"""TensorBoard: write what is logged to files that TensorBoard shows."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ... import layers
from ...core.errors import ArgumentError
from ...functions.arguments import expect_integer
from ...functions.naming import expect_flag
from .base import Callback, Logs, only_if
from .events import EventFile, histogram, keras_model, scalar
from .files import expect_path, make_folder, writing
from .frequency import Frequency
from .learning_rate import learning_rate_of


class TensorBoard(Callback):
    """Write what each epoch logs to event files, for `tensorboard --logdir log_dir`.

    The folder log_dir/train gets `epoch_loss`, `epoch_learning_rate` and so on, log_dir/validation the same names for
    what is measured on validation rows, and `evaluation_loss_vs_iterations`. Every event is written whole as soon as it
    happens; a metric of several numbers becomes `epoch_f1_score_0`, `epoch_f1_score_1` and so on. Nothing but ebbflow
    is needed to write them.

    Parameters:
        log_dir: folder, one for each training to be compared.
        histogram_freq: every so many epochs, the histogram of each weight; 0 for none.
        write_graph: the layers of a Sequential, for the page of graphs.
        write_steps_per_second: also `epoch_steps_per_second`.
        update_freq: "epoch"; or "batch", or a number of batches, to write also `batch_loss` and so on, for which the
            training stops after every batch.
        write_images, profile_batch, embeddings_freq, embeddings_metadata: not supported; left as they are.

    Raises ArgumentError for a bad argument, and for a place that cannot be written to before the training begins;
    OSError when the disk is full.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ):
        super().__init__()
        _refuse(write_images=write_images, profile_batch=profile_batch, embeddings_freq=embeddings_freq)
        _refuse(embeddings_metadata=embeddings_metadata)
        self.log_dir = expect_path("TensorBoard", "log_dir", log_dir)
        self.histogram_freq = expect_integer("TensorBoard", "histogram_freq", histogram_freq, 0)
        self.write_graph = expect_flag("TensorBoard", "write_graph", write_graph)
        self.write_steps_per_second = expect_flag("TensorBoard", "write_steps_per_second", write_steps_per_second)
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._frequency = Frequency("TensorBoard", "update_freq", self.update_freq)
        self._files: dict[str, EventFile] = {}
        self._batches, self._began = 0, (0, 0.0)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._files, self._batches = {}, 0
        make_folder("TensorBoard", self.log_dir / "train")
        if self.write_graph and _is_sequential(self.model):
            self._write("train", [keras_model("keras", description_of(self.model))], 0)

    @only_if(lambda self: self.write_steps_per_second)
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._began = self._iterations, time.perf_counter()

    @only_if(lambda self: not self._frequency.every_epoch)
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if not self._frequency.every_epoch and self._frequency.is_due():
            self._write_scalars("train", "batch_{}", logs or {}, self._batches)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        trained["learning_rate"] = learning_rate_of(self.model)
        if self.write_steps_per_second:
            steps, start = self._began
            trained["steps_per_second"] = (self._iterations - steps) / (time.perf_counter() - start)
        self._write_scalars("train", "epoch_{}", trained, epoch)
        held = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        self._write_scalars("validation", "epoch_{}", held, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            weights = self.model.weights
            self._write("train", [histogram(f"{weight.name}/histogram", weight.numpy()) for weight in weights], epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self.model.compiled:
            self._write_scalars("validation", "evaluation_{}_vs_iterations", logs or {}, self._iterations)

    @property
    def _iterations(self) -> int:
        return int(self.model.optimizer.iterations.numpy())

    def _write_scalars(self, part: str, form: str, logs: Mapping[str, Any], step: int) -> None:
        if logs:
            self._write(part, [scalar(form.format(name), value) for name, value in _numbers(logs)], step)

    def _write(self, part: str, values: list[bytes], step: int) -> None:
        folder = self.log_dir / part
        with writing("TensorBoard", folder):
            if part not in self._files:
                folder.mkdir(parents=True, exist_ok=True)
                self._files[part] = EventFile(Path(folder))
            self._files[part].add(values, step)


def _numbers(logs: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """What is logged, each number of an array by itself."""
    for name, value in logs.items():
        for place in np.ndindex(np.shape(value)):
            yield "_".join([name, *map(str, place)]), value[place] if place else value


def _refuse(**arguments: Any) -> None:
    for name, value in arguments.items():
        if value:
            raise ArgumentError(f"TensorBoard: expected {name} to be left as it is, got {value!r}; it is not supported")


def _is_sequential(model: Any) -> bool:
    return any(kind.__name__ == "Sequential" for kind in type(model).__mro__)


def description_of(model: Any) -> str:
    """The JSON by which TensorBoard knows a Sequential: what each layer is, and how it is called."""
    described = [
        {"class_name": type(layer).__name__, "config": {"name": layer.name, "dtype": str(layer.dtype)}}
        for layer in model.layers
        if isinstance(layer, layers.Layer)
    ]
    return json.dumps({"class_name": "Sequential", "config": {"name": model.name, "layers": described}})
