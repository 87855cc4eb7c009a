"""BatchNormalization: features of mean 0 and variance 1 in every batch, and by running moments in prediction."""

from typing import Any

from ..core.tensor import Tensor
from ..functions import array, nn
from ..functions.arguments import expect, expect_number
from ..functions.bounds import share
from ..functions.hyperparameter import number
from ..functions.naming import expect_flag
from .base import Layer
from .common import expect_axes, expect_lengths, places_of
from .settings import add_weight, describe_settings, hold_settings

__all__ = ["BatchNormalization"]


class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, each feature with its own of these.

    In training mean and variance are those of the batch (the variance divided by n, not n - 1), and running moments
    follow them: moving = momentum moving + (1 - momentum) batch. In prediction, and in a layer with trainable=False,
    the running moments are used and stay as they are.

    PyTorch's momentum is 1 - momentum of this, and its running variance is divided by n - 1.

    Parameters:
        axis: the axis of the features; moments are taken over all others.
        momentum: in [0, 1], of the running moments; an attribute that can be changed without compiling again.
        epsilon: what is added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: name or Initializer.
        beta_regularizer, gamma_regularizer: penalties; name, Regularizer or function.
        beta_constraint, gamma_constraint: what they are projected to after each update; name, Constraint or function.
        name, dtype, trainable: as for Layer.

    Shapes: `gamma`, `beta`, `moving_mean`, `moving_variance` (features,).
    Raises ArgumentError for a bad argument, ShapeError when x does not fit the weights.
    Source: Ioffe, Szegedy (2015), "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift".
    """

    momentum = share()

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = expect_axes("BatchNormalization", "axis", axis)
        expect(isinstance(self.axis, int), "BatchNormalization", "axis", "one axis", axis)
        self.momentum = momentum
        self.epsilon = expect_number("BatchNormalization", "epsilon", epsilon, low=0.0)
        self.center = expect_flag("BatchNormalization", "center", center)
        self.scale = expect_flag("BatchNormalization", "scale", scale)
        hold_settings(
            self,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None

    def build(self, input_shape: tuple[int, ...]) -> None:
        (place,) = places_of(self, self.axis, len(input_shape))
        shape = (input_shape[place],)
        if self.scale:
            self.gamma = add_weight(self, "gamma", shape)
        if self.center:
            self.beta = add_weight(self, "beta", shape)
        self.moving_mean = add_weight(self, "moving_mean", shape, trainable=False)
        self.moving_variance = add_weight(self, "moving_variance", shape, trainable=False)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        inputs = array.cast(inputs, self.dtype)
        (place,) = places_of(self, self.axis, inputs.ndim)
        expect_lengths(self, inputs, [place], self.moving_mean.shape)
        if training and self.trainable:
            mean, variance = nn.moments(inputs, [a for a in range(inputs.ndim) if a != place])
            self._follow(self.moving_mean, mean)
            self._follow(self.moving_variance, variance)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        return nn.batch_normalization(inputs, mean, variance, place, self.beta, self.gamma, self.epsilon)

    def _follow(self, moving: Any, batch: Tensor) -> None:
        momentum = array.cast(self.momentum, self.dtype)
        moving.assign(moving * momentum + array.stop_gradient(batch) * (1.0 - momentum))

    def get_config(self) -> dict[str, Any]:
        own = {"axis": self.axis, "momentum": number(self.momentum), "epsilon": self.epsilon}
        own |= {"center": self.center, "scale": self.scale}
        return super().get_config() | own | describe_settings(self, "beta", "gamma", "moving_mean", "moving_variance")
