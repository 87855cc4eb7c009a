"""Dense: every output is a weighted sum of all inputs."""

from typing import Any

from .. import activations, initializers
from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions.arguments import expect_integer
from .base import Layer

__all__ = ["Dense"]


class Dense(Layer):
    """y = activation(x W + b).

    Parameters:
        units: how many outputs.
        activation: name or function; by default none.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: of W and b; name or Initializer.
        name, dtype, trainable: as for Layer.

    Shapes: x (..., inputs), W `kernel` (inputs, units), b `bias` (units,), y (..., units).
    Raises ArgumentError for a bad argument, ShapeError when x does not fit W.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = expect_integer("Dense", "units", units, 1)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel = self.bias = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        features = self.kernel.shape[0]
        if inputs.ndim < 2 or inputs.shape[-1] != features:
            raise ShapeError(f"{self}: expected a last axis of {features} (as built), got {inputs.aval}")
        outputs = inputs @ self.kernel
        if self.bias is not None:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
