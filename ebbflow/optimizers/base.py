"""Optimizer: how weights follow their gradients."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor
from ..core.variable import Filled, Variable
from ..functions import array
from ..functions.arguments import expect, expect_integer
from ..functions.bounds import above_zero, not_negative, share
from ..functions.hyperparameter import held_by, number
from ..functions.naming import expect_flag, expect_name
from ..ops.elementwise import cast
from . import schedules
from .arguments import LearningRate
from .clipping import clipped_by_norm, clipped_by_value, scaled_to_norm
from .exclusion import Exclusion

__all__ = ["Optimizer", "as_type_of"]

Pairs = list[tuple[Any, Variable]]


class Optimizer:
    """Base of optimizers: a subclass defines `update_step`, its paper's formula for one weight.

        class Momentum(ebbflow.optimizers.Optimizer):
            slot_names = ("momentum",)

            def update_step(self, gradient, variable, learning_rate):
                momentum = self.slot(variable, "momentum")
                momentum.assign(0.9 * momentum - learning_rate * gradient)
                variable.assign_add(momentum)

    One update, where w are the weights and g their gradients, is made of those of these parts that were asked for:

        g <- mean of the gradients of gradient_accumulation_steps steps; between these nothing else is done
        g <- g min(1, clipnorm / |g|)                 each weight's own norm; global_clipnorm: the norm of all together
        g <- min(max(g, -clipvalue), clipvalue)
        w <- w - weight_decay learning_rate w
        update_step
        average <- ema_momentum average + (1 - ema_momentum) w
        w <- average                                  every ema_overwrite_frequency updates, and at the end of a fit
        w <- constraint(w)                            of weights that have one

    Parameters:
        learning_rate: step size, of 0 or more, or a LearningRateSchedule.
        weight_decay: of 0 or more; None: none.
        clipnorm, clipvalue, global_clipnorm: above 0; at most one of them is not None.
        use_ema: whether to keep the exponential moving averages of the weights.
        ema_momentum: in [0, 1].
        ema_overwrite_frequency: in updates, at least 1; None: only at the end of a fit.
        loss_scale_factor: None; gradients in float32 and float64 need no scaling.
        gradient_accumulation_steps: at least 2; None: every step is an update.
        name: as printed.

    Attributes:
        learning_rate: a float64 variable; set it with `=` or `.assign`. So is every Hyperparameter of a subclass.
            With a schedule it is that schedule's present number, and cannot be set to another number.
        iterations: how many updates were made (an int64 variable; a tensor when gradients are accumulated).
        slot_names: what is remembered for each weight, beginning at 0.
        needs_loss: whether `apply` must be given the loss, too.
        built: whether `build` has run. optimized: the weights it was built for.

    Scalars are computed in float64 and take the weight's type where they meet it. Raises ArgumentError for a value that
    is not allowed.

    Sources: Pascanu, Mikolov, Bengio (2013), "On the difficulty of training recurrent neural networks" (clipping);
    Loshchilov, Hutter (2019), "Decoupled weight decay regularization"; Polyak, Juditsky (1992), "Acceleration of
    stochastic approximation by averaging".
    """

    learning_rate = LearningRate()
    weight_decay = not_negative(optional=True)
    clipnorm, clipvalue, global_clipnorm = (above_zero(optional=True) for _ in range(3))
    ema_momentum = share()
    slot_names: tuple[str, ...] = ()
    needs_loss = False

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ):
        owner = type(self).__name__
        self.name = expect_name(owner, name) or owner.lower()
        self.schedule: schedules.LearningRateSchedule | None = None
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self._clipping()
        self.use_ema, self.ema_momentum = expect_flag(owner, "use_ema", use_ema), ema_momentum
        expect(loss_scale_factor is None, owner, "loss_scale_factor", "None", loss_scale_factor)
        self.loss_scale_factor = None
        self.ema_overwrite_frequency = _count(owner, "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.gradient_accumulation_steps = _count(owner, "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self.steps = Variable(np.int64(0), trainable=False, name=f"{self.name}/iterations")
        self.optimized: list[Variable] = []
        self.built = False
        self._slots: dict[tuple[Variable | None, str], Variable] = {}
        self._excluded = Exclusion()

    # what a subclass writes

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Assign the variable its new value; the gradient and the learning rate have the variable's type."""
        raise NotImplementedError(f"{type(self).__name__}: define update_step(self, gradient, variable, learning_rate)")

    def update_steps(self, gradients: Sequence[Tensor], variables: Sequence[Variable], loss: Any) -> None:
        """Assign all variables their new values: an `update_step` for each, or what a subclass makes of it."""
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, cast(as_tensor(self.learning_rate), variable.dtype))

    def choose_slots(self) -> tuple[str, ...]:
        """The slot names of this optimizer, asked once, when it is built."""
        return self.slot_names

    def initial_value(self, slot_name: str) -> float:
        """What a slot is filled with at first."""
        return 0.0

    def slot(self, variable: Variable | None, name: str) -> Variable:
        """What is remembered under a name for a weight; None: for no weight alone."""
        return self._slots[variable, name]

    def add_variable(self, shape: Any, initializer: Any = "zeros", dtype: Any = None, name: str | None = None) -> Any:
        """A new variable of the optimizer's memory that belongs to no weight alone."""
        return self._add(None, name or "variable", initializers.get(initializer)(shape, dtype))

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A new slot `{reference_variable.name}/{name}` of the weight's shape and type."""
        value = initializers.get(initializer)(reference_variable.shape, reference_variable.dtype)
        return self._add(reference_variable, name or "var", value)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """A list of new slots, one per weight; for a list of names a tuple of such lists."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(variable, name, initializer) for variable in trainable_variables]
        several = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
        expect(len(several) == len(name), self.name, "initializer", f"{len(name)} of them", initializer)
        pairs = zip(name, several, strict=True)
        return tuple(self.add_optimizer_variables(trainable_variables, one, start) for one, start in pairs)

    def _add(self, owner: Variable | None, name: str, value: Any) -> Variable:
        stem = self.name if owner is None else owner.name
        slot = self._slots[owner, name] = Variable(value, trainable=False, name=f"{stem}/{name}")
        return slot

    def assign(self, variable: Variable, value: Any) -> None:
        """variable = value, as Keras writes it."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """variable = variable + value."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """variable = variable - value."""
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        """Which of the weights this is: in Keras, the place of its slot in a list."""
        return next(k for k, one in enumerate(self.optimized) if one is variable)

    # use

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        every = self.gradient_accumulation_steps
        return self.steps if every is None else _whole_quotient(self.steps, every)

    def build(self, variables: Iterable[Variable]) -> None:
        """Make the slots of these weights; those that exist are kept."""
        if not self.built:
            extra = {"average": self.use_ema, "gradient_accumulator": self.gradient_accumulation_steps is not None}
            self.slot_names = (*self.choose_slots(), *(name for name, used in extra.items() if used))
        known = set(self.optimized)
        for variable in variables:
            if variable in known:
                continue
            self.optimized.append(variable)
            for name in self.slot_names:
                self._add(variable, name, Filled(variable.aval, self.initial_value(name)))
        self.built = True

    def ensure_built(self, variables: Sequence[Variable]) -> None:
        """`build`, if some of these weights have no slots yet."""
        if not self.built or not set(variables) <= set(self.optimized):
            self.build(variables)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Let these weights, and those with a name in which one of the patterns var_names is found, not decay.

        Raises ArgumentError once the optimizer is built.
        """
        if self.built:
            raise ArgumentError(
                f"{self.name}: expected exclude_from_weight_decay before the optimizer is built; make a new one"
            )
        self._excluded = Exclusion.of(var_list or (), var_names or ())

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """One update from pairs of gradient and weight, as from `zip(gradients, weights)`; returns the step counter."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.steps

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None, loss: Any = None
    ) -> None:
        """One update of the weights, by default of those that it was built for.

        The loss, whose gradients these are, is looked at only by optimizers with `needs_loss`. A weight whose gradient
        is None is left as it is, and where there are no weights nothing is done, both with a warning.
        Raises ArgumentError when there are not as many gradients as weights, when all gradients are None, or when the
        loss is needed and missing.
        """
        variables = self.optimized if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables):
            raise ArgumentError(f"{self.name}: expected {len(variables)} gradients, one per weight, got {len(grads)}")
        if self.needs_loss and loss is None:
            raise ArgumentError(f"{self.name}: expected the loss, too; call apply(grads, variables, loss=loss)")
        if not variables:
            warnings.warn(f"{self.name}: no weights to train", stacklevel=3)
            return
        pairs = self._with_gradients(list(zip(grads, variables, strict=True)))
        self.ensure_built(variables)
        gradients = [cast(as_tensor(gradient), variable.dtype) for gradient, variable in pairs]
        update = self._update if self.gradient_accumulation_steps is None else self._accumulate
        update(gradients, [variable for _, variable in pairs], loss)
        if self.use_ema:
            self._average()
        for _, variable in pairs:
            constraint = getattr(variable, "constraint", None)
            if constraint is not None:
                variable.assign(constraint(variable.value))
        self.steps.assign_add(1)

    def reported_loss(self, loss: Tensor) -> Tensor:
        """What a training step that ended in `apply` says its loss was."""
        return loss

    def _with_gradients(self, pairs: Pairs) -> Pairs:
        missing = ", ".join(variable.name for gradient, variable in pairs if gradient is None)
        found = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
        if not found:
            raise ArgumentError(
                f"{self.name}: expected a gradient for at least one weight, got none for {missing or 'no weights'}; "
                "does the loss depend on them, and was it computed inside the tape?"
            )
        if missing:
            warnings.warn(f"{self.name}: no gradient for {missing}; left as they are", stacklevel=4)
        return found

    def _update(self, gradients: list[Tensor], variables: list[Variable], loss: Any) -> None:
        clip = self._clipping()
        self._decay(variables)
        self.update_steps(gradients if clip is None else clip(gradients), variables, loss)

    def _clipping(self) -> Any:
        """The function that clips a list of gradients; None if there is nothing to clip."""
        limits: dict[str, Any] = {
            "clipnorm": clipped_by_norm,
            "clipvalue": clipped_by_value,
            "global_clipnorm": scaled_to_norm,
        }
        chosen = [name for name in limits if getattr(self, name) is not None]
        if not chosen:
            return None
        if len(chosen) > 1:
            raise ArgumentError(
                f"{type(self).__name__}: expected at most one of {', '.join(limits)}, got {' and '.join(chosen)}"
            )
        return lambda gradients: limits[chosen[0]](gradients, getattr(self, chosen[0]))

    def _decay(self, variables: Iterable[Variable]) -> None:
        if self.weight_decay is None:
            return
        for variable in variables:
            if variable not in self._excluded:
                variable.assign_sub(variable * as_type_of(variable, self.weight_decay * self.learning_rate))

    def _accumulate(self, gradients: list[Tensor], variables: list[Variable], loss: Any) -> None:
        """Make the update in every step, and keep what it assigned in the last step of each group only."""
        count = self.gradient_accumulation_steps
        assert count is not None
        is_last = _is_multiple(self.steps + 1, count)
        sums = [
            self.slot(variable, "gradient_accumulator") + gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
        before = [(one, one.value) for one in (*variables, *self._slots.values())]
        self._update([total / float(count) for total in sums], variables, loss)
        for one, value in before:
            if one.value is not value:
                one.assign(array.where(is_last, one.value, value))
        for total, variable in zip(sums, variables, strict=True):
            self.slot(variable, "gradient_accumulator").assign(array.where(is_last, 0.0, total))

    def _average(self) -> None:
        iterations, every = self.iterations, self.ema_overwrite_frequency
        kept = array.where(array.equal(iterations, 0), 0.0, self.ema_momentum)  # the first average is the weight itself
        for variable in self.optimized:
            average, momentum = self.slot(variable, "average"), as_type_of(variable, kept)
            average.assign(momentum * average + (1.0 - momentum) * variable)
            if every is not None:
                variable.assign(array.where(_is_multiple(iterations + 1, every), average.value, variable.value))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Give the weights the values with which a training should end: with use_ema, their averages."""
        if self.use_ema and number(self.steps) > 0:
            for variable in var_list:
                variable.assign(self.slot(variable, "average").value)

    def _refuse(self, value: Any) -> None:
        raise ArgumentError(
            f"{self.name}: expected the step size as learning_rate, got lr; set learning_rate = {value}"
        )

    lr = property(fset=_refuse)  # an attribute of one's own would change nothing

    @property
    def variables(self) -> list[Variable]:
        """The number of steps made, then the slots, weight by weight."""
        return [self.steps, *self._slots.values()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Give `variables` these values, such as those of another optimizer's.

        Raises ArgumentError before the optimizer is built, ShapeError, before anything is changed, if the number of
        arrays or a shape does not fit.
        """
        if not self.built:
            raise ArgumentError(f"{self.name}: has nothing to set until it is built; call build(weights) first")
        own = self.variables
        if len(own) != len(weights):
            raise ShapeError(f"{self.name}: expected {len(own)} arrays, got {len(weights)}")
        values = [array.convert_to_tensor(value, one.dtype) for one, value in zip(own, weights, strict=True)]
        for one, value in zip(own, values, strict=True):
            if one.shape != value.shape:
                raise ShapeError(f"{self.name}: expected shape {one.shape} for {one.name}, got {value.shape}")
        for one, value in zip(own, values, strict=True):
            one.assign(value)

    @property
    def hyperparameters(self) -> list[Variable]:
        """The scalars that a compiled program reads when it runs."""
        held = {name: one for name, one in held_by(self).items() if getattr(self, name) is not None}
        if not self.use_ema:
            held.pop("ema_momentum")
        if self.schedule is not None:
            held.pop("learning_rate", None)
        return [*held.values(), *([] if self.schedule is None else held_by(self.schedule).values())]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal optimizer without memory, as plain JSON values."""
        plain = ("use_ema", "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")
        optional = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
        own = [name for name in held_by(self) if getattr(self, name) is not None]
        config: dict[str, Any] = {"name": self.name, **{name: None for name in optional}}
        config |= {name: number(variable) for name, variable in held_by(self).items() if name in own}
        config |= {name: getattr(self, name) for name in plain}
        if self.schedule is not None:
            config["learning_rate"] = schedules.serialize(self.schedule)
        return config | self._excluded.get_config()

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Optimizer":
        """An optimizer from what `get_config` returned; custom_objects: schedules of your own, by name."""
        arguments = dict(config)
        excluded = Exclusion.from_config(arguments)
        if isinstance(arguments.get("learning_rate"), dict):
            arguments["learning_rate"] = schedules.deserialize(arguments["learning_rate"], custom_objects)
        optimizer = cls(**arguments)
        optimizer._excluded = excluded
        return optimizer

    def __repr__(self) -> str:
        given = {name: value for name, value in self.get_config().items() if value is not None and value is not False}
        return f"<{type(self).__name__} {given}>"


def as_type_of(variable: Variable, scalar: Any) -> Tensor:
    """A float64 scalar in the weight's type."""
    return cast(as_tensor(scalar), variable.dtype)


def _count(owner: str, name: str, value: Any, low: int) -> int | None:
    return None if value is None else expect_integer(owner, name, value, low)


def _whole_quotient(count: Any, divisor: int) -> Tensor:
    """count // divisor, exact for counts below 2^53."""
    return array.cast(array.floor(array.cast(count, "float64") / float(divisor)), "int64")


def _is_multiple(count: Any, divisor: int) -> Tensor:
    return array.equal(_whole_quotient(count, divisor) * divisor, count)
