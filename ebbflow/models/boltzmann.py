"""Restricted Boltzmann machines: a distribution over data, learned by comparing the data with its own samples."""

import itertools
import math
from typing import Any

import numpy as np

from .. import initializers, metrics, regularizers
from ..autodiff import GradientTape
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor
from ..functions import array, nn, random
from ..functions.arguments import choose, expect, expect_integer
from ..functions.naming import expect_flag
from ..functions.random import SeedGenerator
from ..layers.settings import setting
from ..training.callbacks import History
from ..training.model import Model
from .checks import seed_of

__all__ = ["RestrictedBoltzmannMachine"]

KINDS = ("binary", "gaussian")
MOST_ENUMERATED = 20  # units whose states are all written down for `log_partition`


class RestrictedBoltzmannMachine(Model):
    """p(v, h) = exp(-E(v, h)) / Z,  E = -v b - h c - v W h  (+ ||v||^2 / 2 or ||h||^2 / 2 of Gaussian units).

        p(h_j = 1 | v) = sigmoid(c + v W)_j     N(c + v W, 1) if Gaussian;     likewise v given h, with b + W h
        F(v) = -log sum_h exp(-E(v, h)) = -v b - sum_j log(1 + exp(c + v W)_j),      log p(v) = -F(v) - log Z
        d log p(v) = -dF(v) + E_model[dF]

    A step of training goes up with the mean of F over the data, and down with that over samples of the model. These are
    k steps of Gibbs sampling away from the data (CD-k), or from where the samples of the step before were
    (persistent). All of it, sampling too, is native code.

        rbm = RestrictedBoltzmannMachine(64)
        rbm.compile(ebbflow.optimizers.SGD(0.1, momentum=0.5))
        rbm.fit(x, epochs=20)
        features, samples = rbm.predict(x), rbm.sample(10, steps=1000)

    Logs: `loss`, the mean squared difference of the data from their reconstruction E[v | E[h | v]], and `free_energy`,
    the mean of F, which tells data that the machine knows from data that it does not. Neither is log p(v).

    Parameters:
        units: how many hidden units.
        visible, hidden: "binary" or "gaussian" with variance 1 (data should have it, too); not both Gaussian.
        k: Gibbs steps for each step of training, of 1 or more.
        persistent: whether the samples go on from step to step, in `chains` chains.
        chains: how many.
        sample_visible: whether the visible units of a sample are drawn; False takes their means, which has less noise
            but no exact limit for many steps.
        kernel_initializer: of W; by default normal with standard deviation 0.01. b and c begin at 0.
        kernel_regularizer: penalty of W; name, Regularizer, or function.
        seed: of all random numbers.
        name, dtype: as for Model.

    Shapes: v (batch, visible), numbers from 0 to 1 if binary; W `kernel` (visible, units), b `visible_bias`, c
    `hidden_bias`; `predict` and `transform` give E[h | v] (batch, units).
    Raises ArgumentError for a bad argument and for data outside [0, 1], ShapeError when v does not fit W.

    Sources: Smolensky (1986), "Information processing in dynamical systems: Foundations of harmony theory"; Hinton
    (2002), "Training products of experts by minimizing contrastive divergence"; Tieleman (2008), "Training restricted
    Boltzmann machines using approximations to the likelihood gradient"; Hinton (2012), "A practical guide to training
    restricted Boltzmann machines".
    """

    def __init__(
        self,
        units: int,
        visible: str = "binary",
        hidden: str = "binary",
        k: int = 1,
        persistent: bool = False,
        chains: int = 100,
        sample_visible: bool = True,
        kernel_initializer: Any = None,
        kernel_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        owner = "RestrictedBoltzmannMachine"
        self.units = expect_integer(owner, "units", units, 1)
        self.visible, self.hidden = choose(owner, "visible", visible, KINDS), choose(owner, "hidden", hidden, KINDS)
        expect("binary" in (visible, hidden), owner, "hidden", '"binary" with Gaussian visible units', hidden)
        self.k, self.chains = expect_integer(owner, "k", k, 1), expect_integer(owner, "chains", chains, 1)
        self.persistent = expect_flag(owner, "persistent", persistent)
        self.sample_visible = expect_flag(owner, "sample_visible", sample_visible)
        self.kernel_initializer = setting(owner, "kernel_initializer", kernel_initializer)
        self.kernel_regularizer = setting(owner, "kernel_regularizer", kernel_regularizer)
        self.seed = seed_of(owner, seed)
        self._random = SeedGenerator(self.seed, name=f"{self.name}/random")
        self._free_energies = metrics.Mean(name="free_energy")

    def build(self, input_shape: tuple[int, ...]) -> None:
        if len(input_shape) != 2:
            raise ShapeError(f"{self}: expected inputs with axes (batch, features), got shape {tuple(input_shape)}")
        shape = (input_shape[-1], self.units)
        start = self.kernel_initializer or (lambda shape, dtype: random.normal(shape, 0.0, 0.01, dtype, self._random))
        self.kernel = self.add_weight(shape, start, regularizer=self.kernel_regularizer, name="kernel")
        self.visible_bias = self.add_weight(shape[:1], "zeros", name="visible_bias")
        self.hidden_bias = self.add_weight(shape[1:], "zeros", name="hidden_bias")
        if self.persistent:
            self.chain = self.add_weight(
                (self.chains, shape[0]), lambda shape, dtype: self._noise(shape, dtype), trainable=False, name="chain"
            )

    # the distribution

    def call(self, inputs: Tensor) -> Tensor:
        """E[h | v], the features of v."""
        if inputs.ndim != 2 or inputs.shape[-1] != self.kernel.shape[0]:
            raise ShapeError(f"{self}: expected a last axis of {self.kernel.shape[0]} (as built), got {inputs.aval}")
        return _mean(self.hidden, self._to_hidden(inputs))

    def reconstruct(self, x: Any) -> Tensor:
        """E[v | E[h | x]]: (batch, visible) -> (batch, visible)."""
        return _mean(self.visible, self._to_visible(self(x)))

    def free_energy(self, x: Any) -> Tensor:
        """F(v) = -log sum_h exp(-E(v, h)): (batch, visible) -> (batch,)."""
        v = array.cast(x, self.dtype)
        own = -array.sum(v * self.visible_bias, axis=-1)
        if self.visible == "gaussian":
            own = own + array.sum(array.square(v), axis=-1) / 2.0
        return own - array.sum(_log_sum(self.hidden, self._to_hidden(v)), axis=-1)

    def gibbs_step(self, v: Tensor) -> Tensor:
        """A sample of the visible units given a sample of the hidden ones given v."""
        h = self._drawn(self.hidden, _mean(self.hidden, self._to_hidden(v)))
        means = _mean(self.visible, self._to_visible(h))
        return self._drawn(self.visible, means) if self.sample_visible else means

    def sample(self, count: int, steps: int = 1000, start: Any = None) -> np.ndarray:
        """(count, visible) samples after so many Gibbs steps from noise, or from the rows of `start`.

        Raises ArgumentError before the machine is built, and where there are not as many rows.
        """
        if not self.built:
            raise ArgumentError(f"{self}: does not know how many visible units it has; fit it before sample")
        count = expect_integer("sample", "count", count, 1)
        shape = (count, self.kernel.shape[0])
        v = self._noise(shape, self.dtype) if start is None else array.cast(start, self.dtype)
        expect(v.shape == shape, "sample", "start", f"{count} rows of {shape[1]} numbers", start)
        for _ in range(expect_integer("sample", "steps", steps, 0)):
            v = self.gibbs_step(v)
        return np.array(v.numpy())

    def transform(self, x: Any) -> np.ndarray:
        """The same as `predict`, silent: E[h | x]."""
        return self.predict(x, verbose=0)

    def log_partition(self) -> float:
        """log Z, exactly, by writing down all states of the smaller side.

        Raises ArgumentError where that side has more than 20 units; there are 2^units states.
        """
        W, b, c = (np.array(one.numpy(), np.float64) for one in (self.kernel, self.visible_bias, self.hidden_bias))
        sides = [(len(b), W, b, c, self.hidden)] if self.visible == "binary" else []
        sides += [(len(c), W.T, c, b, self.visible)] if self.hidden == "binary" else []
        count, to_other, own, other, kind = min(sides, key=lambda side: side[0])
        if count > MOST_ENUMERATED:
            raise ArgumentError(
                f"{self}: log_partition expected at most {MOST_ENUMERATED} binary units on one side, got {count}"
            )
        states = np.array(list(itertools.product((0.0, 1.0), repeat=count)))
        exponents = states @ own + _log_sum(kind, as_tensor(states @ to_other + other)).numpy().sum(axis=-1)
        return float(exponents.max() + np.log(np.exp(exponents - exponents.max()).sum()))

    def log_likelihood(self, x: Any) -> np.ndarray:
        """log p(v) = -F(v) - log Z of each row, exactly; raises as `log_partition` does."""
        return -np.array(self.free_energy(x).numpy(), np.float64) - self.log_partition()

    def _to_hidden(self, v: Tensor) -> Tensor:
        return v @ self.kernel + self.hidden_bias

    def _to_visible(self, h: Tensor) -> Tensor:
        return h @ self.kernel.T + self.visible_bias

    def _drawn(self, kind: str, means: Tensor) -> Tensor:
        if kind == "gaussian":
            return means + random.normal(means.shape, dtype=means.dtype, seed=self._random)
        return array.cast(random.uniform(means.shape, dtype=means.dtype, seed=self._random) < means, means.dtype)

    def _noise(self, shape: Any, dtype: Any) -> Tensor:
        mean = 0.5 if self.visible == "binary" else 0.0
        return self._drawn(self.visible, as_tensor(np.full(shape, mean, dtype)))

    # training

    def train_step(self, x: Tensor, y: Tensor) -> Tensor:
        samples = self._negative_samples(x)
        with GradientTape() as tape:
            energy = array.mean(self.free_energy(x))
            objective = energy - array.mean(self.free_energy(samples))
            for penalty in self.losses:
                objective = objective + array.cast(penalty, objective.dtype)
        loss = self._measured(x, energy)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(objective, variables), variables, loss=loss)
        return loss

    def test_step(self, x: Tensor, y: Tensor) -> Tensor:
        return self._measured(x, array.mean(self.free_energy(x)))

    def _negative_samples(self, x: Tensor) -> Tensor:
        """Where k Gibbs steps lead, from the data or, persistently, from where the last ones led."""
        v = self.chain.value if self.persistent else x
        for _ in range(self.k):
            v = self.gibbs_step(v)
        if self.persistent:
            self.chain.assign(v)
        return v

    def _measured(self, x: Tensor, energy: Tensor) -> Tensor:
        reconstruction = self.reconstruct(x)
        loss, rows = array.mean(array.square(x - reconstruction)), float(x.shape[0])
        tracker, *others = self.compilation("train_step").metrics
        tracker.update_state(loss, sample_weight=rows)
        self._free_energies.update_state(energy, sample_weight=rows)
        for metric in others:
            metric.update_state(x, reconstruction)
        return loss

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        validation_data: Any = None,
        **options: Any,
    ) -> History:
        """As Model.fit, without targets: y is not looked at, and validation_data is an x, or a tuple with it first."""
        if validation_data is not None:
            held = validation_data[0] if isinstance(validation_data, (tuple, list)) else validation_data
            options["validation_data"] = (held, self._no_targets("fit: validation_data", held))
        return super().fit(x, self._no_targets("fit", x), batch_size, epochs, **options)

    def evaluate(self, x: Any, y: Any = None, *arguments: Any, **options: Any) -> Any:
        """As Model.evaluate; y is not looked at."""
        return super().evaluate(x, self._no_targets("evaluate", x), *arguments, **options)

    def train_on_batch(self, x: Any, y: Any = None, **options: Any) -> Any:
        """As Model.train_on_batch; y is not looked at."""
        return super().train_on_batch(x, self._no_targets("train_on_batch", x), **options)

    def test_on_batch(self, x: Any, y: Any = None, **options: Any) -> Any:
        """As Model.test_on_batch; y is not looked at."""
        return super().test_on_batch(x, self._no_targets("test_on_batch", x), **options)

    def _no_targets(self, caller: str, x: Any) -> np.ndarray:
        """Zeros for y, which no step reads, after a look at x."""
        rows = np.asarray(x)
        numbers = rows.dtype.kind in "biuf" and rows.size > 0  # `fit` names what else may be wrong
        if self.visible == "binary" and numbers and not (rows.min() >= 0 and rows.max() <= 1):
            raise ArgumentError(
                f"{caller}: expected numbers from 0 to 1 for the binary visible units of {self}, got {rows.min():g} to "
                f'{rows.max():g}; scale them, or make the units visible="gaussian"'
            )
        return np.zeros(len(rows), np.float32)

    def get_config(self) -> dict[str, Any]:
        start, rule = self.kernel_initializer, self.kernel_regularizer
        same = ("units", "visible", "hidden", "k", "persistent", "chains", "sample_visible", "seed")
        return super().get_config() | {
            **{name: getattr(self, name) for name in same},
            "kernel_initializer": None if start is None else initializers.serialize(start),
            "kernel_regularizer": regularizers.serialize(rule),
        }


def _mean(kind: str, inputs: Tensor) -> Tensor:
    """The expected value of units with this input."""
    return nn.sigmoid(inputs) if kind == "binary" else inputs


def _log_sum(kind: str, inputs: Tensor) -> Tensor:
    """log sum_u exp(u z) over the states u of a unit with input z; if Gaussian, log integral exp(u z - u^2 / 2) du."""
    if kind == "binary":
        return nn.softplus(inputs)
    return array.square(inputs) / 2.0 + 0.5 * math.log(2.0 * math.pi)
