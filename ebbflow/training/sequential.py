"""Sequential: layers, one after the other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import layers as vocabulary
from ..core.errors import ArgumentError
from ..functions.arguments import expect
from ..functions.catalog import custom_object_scope, custom_objects
from ..layers.base import Layer
from .model import Model


class Sequential(Model):
    """Layers, one after the other: y = f_n(... f_2(f_1(x))).

    Built at once if it begins with `Input`, else when it first sees data.

    Parameters:
        layers: layers, models, or Input; more can be added with `add`.
        trainable, name, dtype: as for Layer.
    """

    def __init__(
        self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ):
        super().__init__(name=name, trainable=trainable, **kwargs)
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

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top; raises ArgumentError for what is not a layer, or for an Input that is not the first.

        Parameters: rebuild, False to build the model not at once, but when it is next used.
        """
        self._change(self._with(self._stack, layer), rebuild)

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

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off and return it; raises ArgumentError when there is none. Parameters: as of `add`."""
        if not self.layers:
            raise ArgumentError(f"{self}: expected a layer to take off, but it has none")
        layer = self._stack[-1]
        self._change(self._stack[:-1], rebuild)
        return layer

    def _change(self, stack: list[Layer], rebuild: bool = True) -> None:
        before = (self._stack, self.built, self.input_shape, self.output_shape)
        self._stack, self.built, self.input_shape, self.output_shape = stack, False, None, None
        if rebuild and self._stack and isinstance(self._stack[0], vocabulary.InputLayer):
            try:
                self.build(self._stack[0].batch_shape)
            except BaseException:
                self._stack, self.built, self.input_shape, self.output_shape = before
                raise

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Build the layers for inputs of this shape, batch axis first; None for that of an `Input`."""
        if input_shape is None:
            first = self._stack[0] if self._stack else None
            if not isinstance(first, vocabulary.InputLayer):
                raise ArgumentError(f"{self}: expected input_shape, since it does not begin with Input, got None")
            input_shape = first.batch_shape
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
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> "Sequential":
        """As of Model."""
        with custom_object_scope(custom_objects or {}):
            return cls(**config | {"layers": [deserialize(layer) for layer in config["layers"]]})


vocabulary.register(Sequential)


def deserialize(config: dict[str, Any]) -> Layer:
    """An untrained layer or model from what `layers.serialize` returned."""
    return vocabulary.deserialize(config, custom_objects=dict(custom_objects()))


def clone_model(
    model: Model, input_tensors: None = None, clone_function: Callable[[Layer], Layer] | None = None
) -> Model:
    """A model of the same layers with new weights, not compiled; built where the model is.

    Parameters:
        input_tensors: None, since there are no symbolic tensors.
        clone_function: makes the new layer of each layer of a Sequential, but for Input; by default an equal one.

    Raises ArgumentError for anything else, and for a model whose configuration makes no equal one.
    """
    expect(isinstance(model, Layer), "clone_model", "model", "a model", model)
    expect(input_tensors is None, "clone_model", "input_tensors", "None", input_tensors)
    classes = {type(layer).__name__: type(layer) for layer, _ in model._flat_layers()}
    with custom_object_scope(classes):
        if clone_function is None:
            clone: Any = type(model).from_config(model.get_config())
        else:
            expect(isinstance(model, Sequential), "clone_model", "model", "a Sequential with clone_function", model)
            expect(callable(clone_function), "clone_model", "clone_function", "a function of a layer", clone_function)
            clone = type(model).from_config(model.get_config() | {"layers": []})
            for layer in model._stack:
                own = isinstance(layer, vocabulary.InputLayer)
                clone.add(deserialize(vocabulary.serialize(layer)) if own else clone_function(layer))
    if model.built and not clone.built and isinstance(model.input_shape, tuple):
        clone.compute_output_shape(model.input_shape)
    return clone
