"""Dense: every output is a weighted sum of all inputs."""

from typing import Any

from .. import activations, constraints, initializers, regularizers
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
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel = self.bias = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        self.kernel = self.add_weight(
            (input_shape[-1], self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

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
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
