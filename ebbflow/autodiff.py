"""Reverse-mode differentiation: a tape of what was done, walked backwards with each primitive's vjp.

The tape holds tensors, values or traced alike, and the backward walk is itself made of operations, so a gradient can be
compiled with the rest and differentiated again. Source: Griewank and Walther (2008), "Evaluating Derivatives".
"""

from collections.abc import Callable, Sequence
from typing import Any

from .core.errors import ArgumentError, ShapeError
from .core.primitive import Primitive
from .core.tensor import Tensor, as_tensor, pop_recorder, push_recorder
from .core.variable import Variable
from .ops.movement import broadcast_to, zeros_like


class GradientTape:
    """Records the operations on watched tensors, so that derivatives can be taken of what was computed.

    Parameters:
        persistent: allow more than one call of `gradient`.
        watch_accessed_variables: watch every trainable variable that is read.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self._persistent, self._watch_variables = persistent, watch_accessed_variables
        self._records: list[tuple[Primitive, tuple[Tensor, ...], dict[str, Any], Tensor]] = []
        self._watched: dict[int, Tensor] = {}
        self._reads: dict[Variable, dict[int, Tensor]] = {}
        self._spent = False

    def __enter__(self) -> "GradientTape":
        push_recorder(self)
        return self

    def __exit__(self, *_: Any) -> None:
        pop_recorder(self)

    def watch(self, x: Any) -> None:
        """Record what is done with this tensor, variable, or list of them."""
        for one in x if isinstance(x, (list, tuple)) else [x]:
            if isinstance(one, Variable):
                self._reads.setdefault(one, {})
                self.read(one, one.value, always=True)
            elif isinstance(one, Tensor):
                self._watched[id(one)] = one
            else:
                raise ArgumentError(f"GradientTape.watch: expected a tensor or variable, got {type(one).__name__}")

    def read(self, variable: Variable, tensor: Tensor, always: bool = False) -> None:
        """Called when a variable's value is read."""
        if always or variable in self._reads or (self._watch_variables and variable.trainable):
            self._reads.setdefault(variable, {})[id(tensor)] = tensor
            self._watched[id(tensor)] = tensor

    def record(self, primitive: Primitive, inputs: tuple[Tensor, ...], params: dict[str, Any], output: Tensor) -> None:
        """Called after every operation."""
        if output.aval.is_float and any(id(x) in self._watched for x in inputs):
            self._records.append((primitive, inputs, params, output))
            self._watched[id(output)] = output

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: str = "none"
    ) -> Any:
        """d target / d sources, in the structure of sources (a tensor, a variable, or a list of them).

        A target with several elements is summed, or weighted by output_gradients. A source that the target does not
        depend on gives None, or zeros with unconnected_gradients="zero".
        Raises ArgumentError on a second call unless the tape is persistent.
        """
        if self._spent:
            raise ArgumentError(
                "GradientTape.gradient: a tape gives one gradient; make it with persistent=True for more"
            )
        if unconnected_gradients not in ("none", "zero"):
            raise ArgumentError(f"unconnected_gradients: expected 'none' or 'zero', got {unconnected_gradients!r}")
        self._spent = not self._persistent
        if not self._persistent:
            pop_recorder(self)
        cotangents = self._backward(target, output_gradients)

        def one(source: Any) -> Tensor | None:
            tensors = self._reads.get(source, {}).values() if isinstance(source, Variable) else [source]
            found = [cotangents[id(x)] for x in tensors if id(x) in cotangents]
            if not found:
                return zeros_like(as_tensor(source)) if unconnected_gradients == "zero" else None
            return _total(found)

        return [one(source) for source in sources] if isinstance(sources, (list, tuple)) else one(sources)

    def _backward(self, target: Any, output_gradients: Any) -> dict[int, Tensor]:
        cotangents: dict[int, Tensor] = {}
        targets = list(target) if isinstance(target, (list, tuple)) else [target]
        seeds = (
            list(output_gradients) if isinstance(output_gradients, (list, tuple)) else [output_gradients] * len(targets)
        )
        for one, seed in zip(targets, seeds, strict=True):
            tensor = as_tensor(one)
            cotangent = _ones_like(tensor) if seed is None else as_tensor(seed, tensor.dtype)
            if cotangent.shape != tensor.shape:
                raise ShapeError(f"output_gradients: expected shape {tensor.shape} of the target, got {cotangent.aval}")
            _accumulate(cotangents, tensor, cotangent)
        for primitive, inputs, params, output in reversed(self._records):
            g = cotangents.get(id(output))
            if g is None:
                continue
            for k, x in enumerate(inputs):
                vjp = primitive.vjp[k]
                if vjp is not None and x.aval.is_float and id(x) in self._watched:
                    _accumulate(cotangents, x, vjp(g, output, *inputs, **params))
        return cotangents


def _accumulate(cotangents: dict[int, Tensor], x: Tensor, cotangent: Tensor) -> None:
    assert cotangent.aval == x.aval, f"a cotangent of {x.aval} is {cotangent.aval}"
    known = cotangents.get(id(x))
    cotangents[id(x)] = cotangent if known is None else known + cotangent


def _ones_like(x: Tensor) -> Tensor:
    if not x.aval.is_float:
        raise ShapeError(f"gradient: expected a target of floats, got {x.aval}")
    return broadcast_to(as_tensor(x.dtype.type(1)), x.shape)


def _total(tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total


def value_and_grad(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns (function(*args), its gradient with respect to the arguments at argnums)."""

    def both(*args: Any, **kwargs: Any) -> Any:
        tensors = [as_tensor(x) if k in _numbers(argnums) else x for k, x in enumerate(args)]
        with GradientTape() as tape:
            tape.watch([tensors[k] for k in _numbers(argnums)])
            value = function(*tensors, **kwargs)
        if as_tensor(value).shape != ():
            raise ShapeError(f"grad: expected a function of one number, got {as_tensor(value).aval}; sum or mean it")
        gradients = tape.gradient(value, [tensors[k] for k in _numbers(argnums)], unconnected_gradients="zero")
        return value, gradients[0] if isinstance(argnums, int) else tuple(gradients)

    return both


def grad(function: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that returns the gradient of a function of one number: grad(f)(x)[i] = df(x)/dx[i]."""
    return lambda *args, **kwargs: value_and_grad(function, argnums)(*args, **kwargs)[1]


def _numbers(argnums: int | tuple[int, ...]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)
