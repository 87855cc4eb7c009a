"""LayerNormalization and RMSNormalization: every sample brought to one scale by its own moments."""

from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from ..functions import array, nn
from ..functions.arguments import expect_number
from ..functions.naming import expect_flag
from .base import Layer
from .common import expect_axes, expect_lengths, places_of
from .settings import add_weight, describe_settings, hold_settings

__all__ = ["LayerNormalization", "RMSNormalization"]


class _SampleNormalization(Layer):
    """What both have: axes, epsilon, and weights of the shape of the axes."""

    def __init__(self, axis: int | Sequence[int], epsilon: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = expect_axes(type(self).__name__, "axis", axis)
        self.epsilon = expect_number(type(self).__name__, "epsilon", epsilon, low=0.0)
        self._lengths: tuple[int, ...] = ()

    def _shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        self._lengths = tuple(input_shape[a] for a in places_of(self, self.axis, len(input_shape)))
        return self._lengths

    def _checked(self, inputs: Tensor) -> Tensor:
        expect_lengths(self, inputs, places_of(self, self.axis, inputs.ndim), self._lengths)
        return array.cast(inputs, self.dtype)

    def get_config(self) -> dict[str, Any]:
        axis = list(self.axis) if isinstance(self.axis, tuple) else self.axis
        return super().get_config() | {"axis": axis, "epsilon": self.epsilon}


class LayerNormalization(_SampleNormalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moments of each sample over its features.

    Parameters:
        axis: the axis or axes over which moments are taken, which also have weights of their own.
        epsilon: what is added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: name or Initializer.
        beta_regularizer, gamma_regularizer: penalties; name, Regularizer or function.
        beta_constraint, gamma_constraint: what they are projected to after each update; name, Constraint or function.
        name, dtype, trainable: as for Layer.

    Shapes: `gamma` and `beta` those of the axes.
    Raises ArgumentError for a bad argument, ShapeError when x does not fit the weights.
    Source: Ba, Kiros, Hinton (2016), "Layer Normalization".
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(axis, epsilon, **kwargs)
        self.center = expect_flag("LayerNormalization", "center", center)
        self.scale = expect_flag("LayerNormalization", "scale", scale)
        hold_settings(
            self,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.gamma = self.beta = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        shape = self._shape(input_shape)
        if self.scale:
            self.gamma = add_weight(self, "gamma", shape)
        if self.center:
            self.beta = add_weight(self, "beta", shape)

    def call(self, inputs: Tensor) -> Tensor:
        return nn.layer_normalization(self._checked(inputs), self.gamma, self.beta, self.axis, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        own = {"center": self.center, "scale": self.scale}
        return super().get_config() | own | describe_settings(self, "beta", "gamma")


class RMSNormalization(_SampleNormalization):
    """y = scale x / sqrt(mean(x^2) + epsilon), with the mean of each sample over its features.

    Parameters: axis, epsilon, name, dtype, trainable as for LayerNormalization. Shapes: `scale` that of the axes.
    Source: Zhang, Sennrich (2019), "Root Mean Square Layer Normalization".
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(axis, epsilon, **kwargs)
        self.scale = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.scale = self.add_weight(self._shape(input_shape), "ones", name="scale")

    def call(self, inputs: Tensor) -> Tensor:
        return nn.rms_normalization(self._checked(inputs), self.scale, self.axis, self.epsilon)
