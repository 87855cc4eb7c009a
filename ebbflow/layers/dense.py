"""Dense: every output is a weighted sum of all inputs."""

from typing import Any

from .. import activations
from ..core.errors import ShapeError
from ..core.tensor import Tensor
from ..functions.arguments import expect_integer
from ..functions.naming import expect_flag
from .base import Layer
from .settings import add_weight, describe_settings, hold_settings

__all__ = ["Dense"]


class Dense(Layer):
    """y = activation(x W + b).

    Parameters:
        units: how many outputs.
        activation: name or function; by default none.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer: of W and b; name or Initializer.
        kernel_regularizer, bias_regularizer: penalties of W and b; name, Regularizer or function.
        activity_regularizer: penalty of y, divided by the number of rows; likewise.
        kernel_constraint, bias_constraint: what W and b are projected to after an update; name, Constraint, function.
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
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = expect_integer("Dense", "units", units, 1)
        self.use_bias = expect_flag("Dense", "use_bias", use_bias)
        hold_settings(
            self,
            activation=activation,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.kernel = self.bias = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        self.kernel = add_weight(self, "kernel", (input_shape[-1], self.units))
        if self.use_bias:
            self.bias = add_weight(self, "bias", (self.units,))

    def call(self, inputs: Tensor) -> Tensor:
        features = self.kernel.shape[0]
        if inputs.ndim < 2 or inputs.shape[-1] != features:
            raise ShapeError(f"{self}: expected a last axis of {features} (as built), got {inputs.aval}")
        outputs = inputs @ self.kernel
        if self.bias is not None:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)

    def _known_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...] | None:
        if type(self) is not Dense or not (self.activation is None or activations.keeps_shape(self.activation)):
            return None
        if not self.built:
            self.build(input_shape)
        return (*input_shape[:-1], self.units) if input_shape[-1] == self.kernel.shape[0] else None

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        return super().get_config() | own | describe_settings(self, "kernel", "bias")
