"""Layer: weights, and what is computed with them."""

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import constraints, initializers, regularizers
from ..core.aval import Aval, floatx
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor, eagerly, trace
from ..core.variable import Variable, unique_name
from ..functions.arguments import expect, expect_dtype, expect_integer, is_number
from ..functions.naming import expect_flag, expect_name, snake_case
from ..operators import as_float
from ..ops.elementwise import cast
from .belongings import Belongings
from .calling import call_context, calling, losses_now, one_number, only_shapes_are_asked
from .common import expect_shape
from .settings import setting

__all__ = ["Layer", "only_shapes_are_asked"]

_NO_SYMBOLS = "Input begins a Sequential; for branches subclass Model and write `call`"


class Layer(Belongings):
    """Weights, and what is computed with them: subclass it, make weights in `build`, use them in `call`.

        class Scale(ebbflow.layers.Layer):
            def build(self, input_shape):
                self.factor = self.add_weight((input_shape[-1],), initializer="ones", name="factor")

            def call(self, inputs):
                return inputs * self.factor

    Layers and variables that are set as attributes, also inside lists, tuples and dicts, belong to the layer.

    Parameters:
        name: as printed; by default the class name in snake case, numbered.
        dtype: element type of the weights and of floating inputs; by default `floatx()`.
        trainable: whether `trainable_weights` lists the weights.
        activity_regularizer: penalty of each output, divided by its number of rows, which every call adds to `losses`;
            name, Regularizer or function.
        input_shape: of one sample, for the first layer of a Sequential, which then begins with an `Input` of it.
        input_dim: the same, as the number of features.

    Attributes:
        built: whether the weights exist; they are made on the first call, when the input's shape is known.
        input_shape, output_shape: those of the first call, with None for the batch axis; None before it.
    """

    _weights: list[Variable]
    _given: tuple[Any, ...]
    _name: str
    _dtype: np.dtype
    _dtypes: tuple[str, ...] = ("float32", "float64")

    def __new__(cls, *args: Any, **kwargs: Any) -> "Layer":
        layer = super().__new__(cls)
        vars(layer).update(  # past __setattr__, as nothing knows the layer yet
            _weights=[],
            _trainable=True,
            _given=(args, kwargs),
            _name="",
            _dtype=floatx(),
            built=False,
            input_shape=None,
            output_shape=None,
            activity_regularizer=None,
            _expected_input=None,
        )
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(cls.build)

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
    ):
        owner = type(self).__name__
        self._name = expect_name(owner, name) or unique_name(snake_case(owner))
        self._dtype = floatx() if dtype is None else expect_dtype(owner, dtype, self._dtypes)
        self._trainable = expect_flag(owner, "trainable", trainable)
        self.activity_regularizer = setting(owner, "activity_regularizer", activity_regularizer)
        if input_dim is not None:
            expect(input_shape is None, owner, "input_dim", "None along with input_shape", input_dim)
            input_shape = (expect_integer(owner, "input_dim", input_dim, 1),)
        self._expected_input = None if input_shape is None else expect_shape(owner, "input_shape", input_shape)

    # what a subclass writes

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape (batch axis first); called once, before the first `call`."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes; an argument named `training` says whether it runs to learn or to predict."""
        raise NotImplementedError(f"{self}: define call(self, inputs), which returns what the layer computes")

    # calling

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build on the first call, then `call`; `training` is passed on to the layers that are called inside."""
        inputs = _map(self._convert, inputs)
        shape = _map(lambda x: x.shape, inputs)
        if not self.built:
            self.build(shape)
            self.built = True
            self._expect_owner(call_context.outermost)
        if training is None:
            training = call_context.training
        if call_context.outermost is None:
            self._forget_losses()
        with calling(training=training, outermost=call_context.outermost or self):
            if _accepts_training(type(self).call):
                kwargs["training"] = bool(training)
            outputs = self.call(inputs, *args, **kwargs)
        _map(self._expect_tensor, outputs)
        if self.activity_regularizer is not None:
            _map(self._add_activity_loss, outputs)
        self._note_shapes(_any_batch(shape), _map(lambda x: _any_batch(x.shape), outputs))
        return outputs

    def _note_shapes(self, input_shape: Any, output_shape: Any) -> None:
        if self.output_shape is None:
            self.input_shape, self.output_shape = input_shape, output_shape

    def _expect_owner(self, outermost: "Layer | None") -> None:
        """Raise ArgumentError for a layer with variables that no attribute of the calling layers holds."""
        if outermost is not None and self.variables and all(self is not layer for layer, _ in outermost._flat_layers()):
            raise ArgumentError(
                f"{self}: was made inside the call of {outermost}, where every call gets new weights and none learns; "
                "make it in __init__ and keep it as an attribute"
            )

    def _expect_tensor(self, output: Any) -> None:
        if not isinstance(output, (Tensor, Variable, np.ndarray, np.generic)):
            hint = "; did you forget to return it?" if output is None else ""
            raise ArgumentError(f"{self}: expected call to return a tensor, got {output!r}{hint}")

    def _convert(self, x: Any) -> Tensor:
        if not isinstance(x, (Tensor, np.ndarray)):
            several = x if isinstance(x, (list, tuple)) else (x,)
            if any(isinstance(one, Layer) for one in several):
                raise ArgumentError(f"{self}: expected tensors, got the layer {x!r}; {_NO_SYMBOLS}")
        tensor = as_tensor(x)
        return cast(tensor, self._dtype) if tensor.aval.is_float else tensor

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Any:
        """The shape of the output for inputs of this shape, in which None stands for an axis of any length.

        Found by tracing `call` where no rule is known, so nothing is computed; the layer is built if it was not.
        """
        shape = tuple(input_shape)
        if len(shape) > 1 and None not in shape[1:] and self.activity_regularizer is None:
            known = self._known_output_shape(shape)
            if known is not None:
                self._note_shapes(_any_batch(shape), _any_batch(known))
                return known
        aval = Aval(tuple(1 if n is None else int(n) for n in input_shape), self._dtype)
        outputs: list[Any] = []

        def run(x: Tensor) -> None:
            outputs.append(_map(lambda y: y.shape, self(x)))

        with calling(only_shapes=True):
            trace(run, [("inputs", aval)])
        return _any_batch(outputs[0]) if tuple(input_shape[:1]) == (None,) else outputs[0]

    def _known_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...] | None:
        """The shape of the output where a rule gives it, and the layer then built; None where only a trace can tell."""
        return None

    # losses

    def add_loss(self, loss: Any) -> None:
        """Add to the loss of the model, from inside `call`: a tensor, which is summed to one number, or a list of them.

        Forgotten when this layer, or one that it is part of, is called again from outside.
        Raises ArgumentError for what is not a tensor.
        """
        for one in loss if isinstance(loss, (list, tuple)) else [loss]:
            if not isinstance(one, (Tensor, Variable)):
                raise ArgumentError(f"{self}: add_loss expected a tensor that call computed, got {one!r}")
            losses_now().setdefault(self, []).append(one_number(one))

    def _add_activity_loss(self, output: Any) -> None:
        output = as_float(output)
        penalty = self._penalty(self.activity_regularizer, output)
        self.add_loss(penalty / output.shape[0] if output.ndim else penalty)

    def _penalty(self, regularizer: Callable[[Tensor], Any], x: Tensor) -> Tensor:
        penalty = regularizer(x)
        if not isinstance(penalty, (Tensor, Variable)) and not is_number(penalty):
            raise ArgumentError(f"{self}: expected the regularizer {regularizer!r} to return a number, got {penalty!r}")
        return one_number(penalty)

    def _forget_losses(self) -> None:
        held = losses_now()
        for layer, _ in self._flat_layers() if held else ():
            held.pop(layer, None)

    @property
    def losses(self) -> list[Tensor]:
        """What to add to the loss of a model: numbers, each a tensor.

        First what was added with `add_loss`, and the penalties of activities, in the last call; then, computed now, the
        penalty of every trainable weight that has a regularizer. In the middle of a trace only calls in this trace
        count, and outside of any trace only calls outside; so after a compiled fit the list holds weights' penalties.
        """
        held = losses_now()
        added = [loss for layer, _ in self._flat_layers() for loss in held.get(layer, ())] if held else []
        regularized = [weight for weight in self.trainable_weights if weight.regularizer is not None]
        return added + [self._penalty(weight.regularizer, weight.value) for weight in regularized]

    # weights

    def add_weight(
        self,
        shape: int | Sequence[int] | None = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        autocast: bool = True,
    ) -> Variable:
        """A new variable of this layer, named `{layer}/{name}`.

        Parameters:
            shape: lengths of its axes; () or None for a single number.
            initializer: name, Initializer, or function of (shape, dtype); by default "glorot_uniform" for floats, else
                "zeros".
            dtype: element type; by default the layer's.
            trainable: whether the optimizer changes it.
            regularizer: penalty that `losses` adds; name, Regularizer, or function of the value.
            constraint: what it is projected to after each update; name, Constraint, or function of the value.
            autocast: does nothing, since a layer computes in the type of its weights.

        Raises ShapeError when an axis has no known positive length, ArgumentError for an unknown name.
        """
        if isinstance(shape, str):
            raise ArgumentError(f"{self}: add_weight expected a shape first, got {shape!r}; write name={shape!r}")
        shape = () if shape is None else shape
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if not all([isinstance(n, (int, np.integer)) and n > 0 for n in shape]):
            raise ShapeError(f"{self}: add_weight expected positive lengths of axes, got shape {shape}")
        dtype = self._dtype if dtype is None else np.dtype(dtype)
        name = name or ("weight" if not self._weights else f"weight_{len(self._weights)}")
        initializer = initializers.get(initializer) or initializers.get(
            "glorot_uniform" if dtype.kind == "f" else "zeros"
        )
        with eagerly():
            value = initializer.later(tuple(map(int, shape)), dtype)
        weight = Variable(value, trainable=trainable, dtype=dtype, name=f"{self.name}/{name}")
        weight.regularizer, weight.constraint = regularizers.get(regularizer), constraints.get(constraint)
        self._weights.append(weight)
        return weight

    def add_variable(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """The same as `add_weight`."""
        return self.add_weight(
            shape, initializer, dtype, trainable, regularizer=regularizer, constraint=constraint, name=name
        )

    # description

    @property
    def name(self) -> str:
        return self._name

    @property
    def dtype(self) -> np.dtype:
        return self._dtype

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal, untrained layer, as plain JSON values.

        A subclass adds its own to `super().get_config()`; one that does not gets the arguments it was made with.
        Raises ArgumentError if such an argument is not a JSON value.
        """
        base: dict[str, Any] = {"name": self.name, "dtype": str(self.dtype), "trainable": self.trainable}
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return base if type(self).get_config is not Layer.get_config else self._given_config(base)

    def _given_config(self, base: dict[str, Any]) -> dict[str, Any]:
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *self._given[0], **self._given[1])
        given = dict(list(bound.arguments.items())[1:])
        takes_any = False
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                given.update(given.pop(parameter.name, {}))
                takes_any = True
        given |= {key: value for key, value in base.items() if takes_any or key in signature.parameters}
        for key, value in given.items():
            if not _is_json(value):
                raise ArgumentError(
                    f"{self}: argument {key} is a {type(value).__name__}, which a file cannot hold; define get_config "
                    "(and from_config) to say how to write it"
                )
        return given

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Layer":
        """An untrained layer from what `get_config` returned."""
        return cls(**config)

    def __str__(self) -> str:
        return f'{type(self).__name__} "{self.name}"'

    def __repr__(self) -> str:
        return f"<{self}>"


def _building(build: Callable[..., None]) -> Callable[..., None]:
    """`build` outside of any trace or tape; if it fails, the weights that it made are gone."""

    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        count = len(self._weights)
        try:
            with eagerly():
                build(self, *args, **kwargs)
        except BaseException:
            del self._weights[count:]
            raise
        self.built = True

    return wrapped


@functools.cache
def _accepts_training(call: Callable[..., Any]) -> bool:
    return "training" in inspect.signature(call).parameters


def _map(function: Callable[[Any], Any], x: Any) -> Any:
    """`function` of every tensor in a structure: a tensor, or a list, tuple or dict of structures."""
    if isinstance(x, dict):
        return {key: _map(function, value) for key, value in x.items()}
    if isinstance(x, (list, tuple)) and any(isinstance(y, (Tensor, Variable, np.ndarray, dict)) for y in x):
        return type(x)(_map(function, value) for value in x)
    return function(x)


def _any_batch(shape: Any) -> Any:
    """The shape, or every shape in a list or dict, with None for its first axis."""
    if isinstance(shape, dict):
        return {key: _any_batch(value) for key, value in shape.items()}
    if any([isinstance(part, (list, tuple, dict)) for part in shape]):
        return [_any_batch(part) for part in shape]
    return (None, *shape[1:]) if shape else ()


def _is_json(value: Any) -> bool:
    try:
        return json.loads(json.dumps(value)) == (list(value) if isinstance(value, tuple) else value)
    except (TypeError, ValueError):
        return False
