"""Deep autoencoders, from random weights or unrolled from a stack of Boltzmann machines."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, initializers
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor
from ..functions.arguments import choose, expect, expect_integer, expect_number
from ..functions.naming import expect_flag
from ..layers import Dense, Layer
from ..layers.settings import hold_settings
from ..optimizers import SGD
from ..training.data import prepare_x
from ..training.model import Model
from ..training.sequential import Sequential
from .boltzmann import KINDS, RestrictedBoltzmannMachine
from .checks import seed_of, sizes_of

__all__ = ["Autoencoder", "TransposedDense", "autoencoder", "pretrain"]

GAUSSIAN_RATE = 0.01  # the learning rate of a machine with Gaussian units, whose states have no bounds, to the others'


class TransposedDense(Layer):
    """y = activation(x W^T + b), with the W of another layer and a b of its own: that layer's way back.

    Parameters:
        dense: a Dense, which both layers then train; built before this layer is used.
        activation: name or function; by default none.
        bias_initializer, bias_regularizer, bias_constraint: of b, as for Dense.
        name, dtype, trainable: as for Layer.

    Shapes: with W (inputs, units), x (..., units), y (..., inputs). In a file it can only stand within an Autoencoder.
    Raises ArgumentError for what is not a Dense, or not built, ShapeError when x does not fit W.
    """

    def __init__(
        self,
        dense: Dense,
        activation: Any = None,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        expect(isinstance(dense, Dense), "TransposedDense", "dense", "a Dense", dense)
        self.dense = dense
        hold_settings(self, activation=activation, bias_initializer=bias_initializer)
        hold_settings(self, bias_regularizer=bias_regularizer, bias_constraint=bias_constraint)

    def build(self, input_shape: tuple[int, ...]) -> None:
        if self.dense.kernel is None:
            raise ArgumentError(
                f"{self}: expected {self.dense} to be built, since it shares its weights; call it first"
            )
        self.bias = self.add_weight(
            (self.dense.kernel.shape[0],),
            self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
            name="bias",
        )

    def call(self, inputs: Tensor) -> Tensor:
        kernel = self.dense.kernel
        if inputs.ndim < 2 or inputs.shape[-1] != kernel.shape[1]:
            raise ShapeError(f"{self}: expected a last axis of {kernel.shape[1]}, got {inputs.aval}")
        return self.activation(inputs @ kernel.T + self.bias)


class Autoencoder(Model):
    """x^ = decoder(encoder(x)): a network that learns to give back its input through a narrow code.

        model = Autoencoder((784, 128, 16))
        model.compile("adam", "mse")
        model.fit(x, x)
        codes, pictures = model.encoder.predict(x), model.decoder.predict(codes)

    Parameters:
        sizes: features, then the units of each layer of the encoder, the code last; the decoder goes back the same way.
        activation: of the hidden layers. code_activation: of the code. output_activation: of x^.
        tied: whether the decoder uses the encoder's weights, transposed (its biases are its own).
        kernel_initializer: of all weights; the biases begin at 0.
        name, dtype, trainable: as for Model.

    Shapes: x, x^ (batch, features), code (batch, sizes[-1]). Attributes: encoder, decoder, models of their own.
    Raises ArgumentError for a bad argument.
    Source: Hinton, Salakhutdinov (2006), "Reducing the Dimensionality of Data with Neural Networks".
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Any = "sigmoid",
        code_activation: Any = "linear",
        output_activation: Any = "sigmoid",
        tied: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.sizes = sizes_of("Autoencoder", sizes, 2, "at least two numbers, of features and of units,")
        hold_settings(self, activation=activation, code_activation=code_activation)
        hold_settings(self, output_activation=output_activation, kernel_initializer=kernel_initializer)
        self.tied = expect_flag("Autoencoder", "tied", tied)
        up = [self.activation] * (len(self.sizes) - 2) + [self.code_activation]
        encoding = [self._dense(*pair) for pair in zip(self.sizes[1:], up, strict=True)]
        down = [self.activation] * (len(self.sizes) - 2) + [self.output_activation]
        if self.tied:
            decoding: list[Layer] = [TransposedDense(*pair) for pair in zip(encoding[::-1], down, strict=True)]
        else:
            decoding = [self._dense(*pair) for pair in zip(self.sizes[-2::-1], down, strict=True)]
        self.encoder = Sequential(encoding, name="encoder", dtype=self.dtype)
        self.decoder = Sequential(decoding, name="decoder", dtype=self.dtype)

    def _dense(self, units: int, activation: Any) -> Dense:
        start = self.kernel_initializer
        return Dense(units, activation, kernel_initializer=start.clone() if hasattr(start, "clone") else start)

    def build(self, input_shape: Sequence[int | None]) -> None:
        if tuple(input_shape[1:]) != self.sizes[:1]:
            raise ShapeError(f"{self}: expected inputs of shape (batch, {self.sizes[0]}), got {tuple(input_shape)}")
        self.encoder.build((None, self.sizes[0]))
        self.decoder.build((None, self.sizes[-1]))

    def call(self, inputs: Tensor) -> Tensor:
        return self.decoder(self.encoder(inputs))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "sizes": list(self.sizes),
            "activation": activations.serialize(self.activation),
            "code_activation": activations.serialize(self.code_activation),
            "output_activation": activations.serialize(self.output_activation),
            "tied": self.tied,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }


def pretrain(
    x: Any,
    sizes: Sequence[int],
    visible: str = "binary",
    code: str = "gaussian",
    epochs: int = 10,
    batch_size: int = 100,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float | None = 2e-4,
    k: int = 1,
    seed: int | None = None,
    verbose: str | int = 0,
) -> list[RestrictedBoltzmannMachine]:
    """A stack of machines, each trained on what the one below says of the data: (rows, features) -> one per size.

    Parameters:
        x: the data, (rows, features); from 0 to 1 if visible is "binary".
        sizes: hidden units of each machine, from the data up.
        visible: kind of the data. code: kind of the topmost hidden units; Gaussian ones make a code of real numbers.
        epochs, batch_size: of each machine.
        learning_rate: above 0; a machine with Gaussian units takes a hundredth of it.
        momentum, weight_decay: of its SGD.
        k: Gibbs steps a step.
        seed: of all random numbers; machine i takes seed + i.
        verbose: as of fit.

    Raises ArgumentError for a bad argument.
    Source: Hinton, Salakhutdinov (2006), "Reducing the Dimensionality of Data with Neural Networks".
    """
    owner = "pretrain"
    data = prepare_x(owner, x)
    sizes = sizes_of(owner, sizes, 1, "at least one number")
    choose(owner, "visible", visible, KINDS)
    choose(owner, "code", code, KINDS)
    choose(owner, "verbose", verbose, (0, 1, 2, "auto"))
    rate, seed = expect_number(owner, "learning_rate", learning_rate, 0.0), seed_of(owner, seed)
    expect(rate > 0, owner, "learning_rate", "a number above 0", learning_rate)
    for name, whole in (("epochs", epochs), ("batch_size", batch_size), ("k", k)):
        expect_integer(owner, name, whole, 1)
    expect_number(owner, "momentum", momentum, 0.0, 1.0)
    if weight_decay is not None:
        expect_number(owner, "weight_decay", weight_decay, 0.0)
    machines: list[RestrictedBoltzmannMachine] = []
    for i, size in enumerate(sizes):
        kinds = {"visible": visible if i == 0 else "binary", "hidden": code if i == len(sizes) - 1 else "binary"}
        own = None if seed is None else seed + i
        machine = RestrictedBoltzmannMachine(size, **kinds, k=k, sample_visible=False, seed=own)
        slower = GAUSSIAN_RATE if "gaussian" in kinds.values() else 1.0
        machine.compile(SGD(rate * slower, momentum=momentum, weight_decay=weight_decay))
        machine.fit(data, batch_size=batch_size, epochs=epochs, verbose=verbose)
        data = machine.transform(data)
        machines.append(machine)
    return machines


def autoencoder(machines: Sequence[RestrictedBoltzmannMachine], tied: bool = False) -> Autoencoder:
    """The stack unrolled: an encoder that goes up through the machines, and a decoder that comes down again.

    Its weights are the machines' own (copied), so it gives back their mean reconstruction; compile and fit it on (x, x)
    to tune them together.

    Raises ArgumentError for what is not a stack of trained machines that fit on each other.
    Source: Hinton, Salakhutdinov (2006), "Reducing the Dimensionality of Data with Neural Networks".
    """
    is_list = isinstance(machines, (list, tuple))
    expect(is_list, "autoencoder", "machines", "trained Boltzmann machines", machines)
    tied = expect_flag("autoencoder", "tied", tied)
    valid = machines and all(isinstance(one, RestrictedBoltzmannMachine) and one.built for one in machines)
    expect(bool(valid), "autoencoder", "machines", "trained Boltzmann machines", machines)
    shapes = [machine.kernel.shape for machine in machines]
    fits = all(low[1] == high[0] for low, high in zip(shapes, shapes[1:], strict=False))
    expect(fits, "autoencoder", "machines", "as many visible units as the machine below has hidden ones", shapes)
    kinds = {"binary": "sigmoid", "gaussian": "linear"}
    model = Autoencoder(
        (shapes[0][0], *(shape[1] for shape in shapes)),
        code_activation=kinds[machines[-1].hidden],
        output_activation=kinds[machines[0].visible],
        tied=tied,
        dtype=machines[0].dtype,
    )
    model.build((None, model.sizes[0]))
    for dense, machine in zip(model.encoder.layers, machines, strict=True):
        dense.kernel.assign(machine.kernel.numpy())
        dense.bias.assign(machine.hidden_bias.numpy())
    for layer, machine in zip(model.decoder.layers, machines[::-1], strict=True):
        layer.bias.assign(machine.visible_bias.numpy())
        if not tied:
            layer.kernel.assign(np.ascontiguousarray(machine.kernel.numpy().T))
    return model
