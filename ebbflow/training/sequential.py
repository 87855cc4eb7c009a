"""Sequential: layers, one after the other."""

from collections.abc import Iterable, Sequence
from typing import Any

from .. import layers as vocabulary
from ..core.errors import ArgumentError
from ..functions.catalog import custom_objects
from ..layers.base import Layer
from .model import Model


class Sequential(Model):
    """Layers, one after the other: y = f_n(... f_2(f_1(x))).

    Built at once if it begins with `Input`, else when it first sees data.

    Parameters:
        layers: layers, models, or Input; more can be added with `add`.
        name, dtype, trainable: as for Layer.
    """

    def __init__(self, layers: Iterable[Any] | None = None, name: str | None = None, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self._stack: list[Layer] = []
        if layers is not None and not isinstance(layers, Iterable):
            raise ArgumentError(f"{self}: expected a list of layers, got {layers!r}; write Sequential([...])")
        stack: list[Layer] = []
        for layer in layers or []:
            stack = self._with(stack, layer)
        self._change(stack)

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without Input."""
        return [layer for layer in self._stack if not isinstance(layer, vocabulary.InputLayer)]

    def add(self, layer: Any) -> None:
        """Put a layer on top; raises ArgumentError for what is not a layer, or for an Input that is not the first."""
        self._change(self._with(self._stack, layer))

    def _with(self, stack: list[Layer], layer: Any) -> list[Layer]:
        """The layers and this one on top."""
        if not isinstance(layer, Layer):
            hint = "; make one by writing it with ()" if isinstance(layer, type) else ""
            raise ArgumentError(f"{self}: expected a layer, got {layer!r}{hint}")
        if isinstance(layer, vocabulary.InputLayer) and stack:
            raise ArgumentError(f"{self}: expected Input to be the first layer, got it at place {len(stack)}")
        if any(layer is other for other in stack):
            raise ArgumentError(f"{self}: {layer} was added before; make a new layer, or a model that calls it twice")
        first = [] if stack or layer._expected_input is None else [vocabulary.InputLayer(layer._expected_input)]
        return [*stack, *first, layer]

    def pop(self) -> Layer:
        """Take the last layer off and return it; raises ArgumentError when there is none."""
        if not self.layers:
            raise ArgumentError(f"{self}: expected a layer to take off, but it has none")
        layer = self._stack[-1]
        self._change(self._stack[:-1])
        return layer

    def _change(self, stack: list[Layer]) -> None:
        before = (self._stack, self.built, self.input_shape, self.output_shape)
        self._stack, self.built, self.input_shape, self.output_shape = stack, False, None, None
        if self._stack and isinstance(self._stack[0], vocabulary.InputLayer):
            try:
                self.build(self._stack[0].batch_shape)
            except BaseException:
                self._stack, self.built, self.input_shape, self.output_shape = before
                raise

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build the layers for inputs of this shape, batch axis first."""
        shape: Any = (None, *tuple(input_shape)[1:])
        self.input_shape = shape
        for layer in self._stack:
            shape = layer.compute_output_shape(shape)
            if not isinstance(shape, tuple):
                raise ArgumentError(f"{self}: expected one tensor from {layer}, got several, of shapes {shape}")
        self.output_shape = shape

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """As of Layer; known without tracing for the shape that the model was built for."""
        shape = tuple(input_shape)
        if type(self).call is Sequential.call and shape[:1] == (None,) and None not in shape[1:] and self.layers:
            if not self.built:
                self.build(shape)
            if shape == self.input_shape:
                return self.output_shape
        return super().compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Each layer on the output of the one before."""
        if not self.layers:
            raise ArgumentError(f"{self}: has no layers; add some first")
        for layer in self._stack:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Name and layers, as plain JSON values."""
        described = [vocabulary.serialize(layer) for layer in self._stack]
        return super().get_config() | {"layers": described}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Sequential":
        """An untrained model from what `get_config` returned."""
        return cls(**config | {"layers": [deserialize(layer) for layer in config["layers"]]})


vocabulary.register(Sequential)


def deserialize(config: dict[str, Any]) -> Layer:
    """An untrained layer or model from what `layers.serialize` returned."""
    return vocabulary.deserialize(config, custom_objects=dict(custom_objects()))
