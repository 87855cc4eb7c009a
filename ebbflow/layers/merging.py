"""Layers that make one tensor of several: branches of a network come together, also in residual blocks."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core.aval import Aval
from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, trace
from ..functions import array, shapes
from ..functions.arguments import expect
from ..operators import promoted
from .base import Layer
from .common import expect_axes

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Merge(Layer):
    """A layer that is called on a list of tensors."""

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        if not isinstance(inputs, (list, tuple)):
            raise ArgumentError(f"{self}: expected a list of tensors, got one, {inputs.aval}; write layer([x1, x2])")
        return self._merged(promoted(*inputs))

    def _merged(self, inputs: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
        """The shape of the output for inputs of these shapes, in which None stands for an axis of any length."""
        shapes_given = [tuple(1 if n is None else int(n) for n in shape) for shape in input_shape]
        found: list[tuple[int, ...]] = []
        trace(
            lambda *inputs: found.append(self(list(inputs)).shape),
            [(f"input_{k}", Aval(shape, self.dtype)) for k, shape in enumerate(shapes_given)],
        )
        return (None, *found[0][1:]) if any(tuple(shape[:1]) == (None,) for shape in input_shape) else found[0]


class _Elementwise(Merge):
    """A function of two tensors, applied from left to right.

    Lengths of 1 are repeated to fit, and a tensor of fewer axes gets such after its batch axis.
    """

    _combine: Callable[[Any, Any], Tensor]

    def _merged(self, inputs: Sequence[Tensor]) -> Tensor:
        most = max(x.ndim for x in inputs)
        alike = [x.reshape((*x.shape[:1], *[1] * (most - x.ndim), *x.shape[1:])) for x in inputs]
        lengths = [set(axis) - {1} for axis in zip(*(x.shape for x in alike), strict=True)]
        if any(len(different) > 1 for different in lengths):
            listed = ", ".join(str(x.aval) for x in inputs)
            raise ShapeError(f"{self}: expected inputs of one shape, up to lengths of 1, got {listed}")
        return functools.reduce(type(self)._combine, alike)


class Add(_Elementwise):
    """x1 + x2 + ..., of a list of tensors; so a residual block is x + f(x).

    Raises ShapeError where the shapes do not fit. Source: He, Zhang, Ren, Sun (2016), "Deep Residual Learning for Image
    Recognition".
    """

    _combine = staticmethod(array.add)


class Subtract(_Elementwise):
    """x1 - x2, of a list of two tensors; raises ShapeError where the shapes do not fit."""

    _combine = staticmethod(array.subtract)

    def _merged(self, inputs: Sequence[Tensor]) -> Tensor:
        if len(inputs) != 2:
            raise ArgumentError(f"{self}: expected a list of 2 tensors, got {len(inputs)}")
        return super()._merged(inputs)


class Multiply(_Elementwise):
    """x1 * x2 * ..., of a list of tensors; raises ShapeError where the shapes do not fit."""

    _combine = staticmethod(array.multiply)


class Average(_Elementwise):
    """(x1 + x2 + ... + xn) / n, of a list of tensors; raises ShapeError where the shapes do not fit."""

    _combine = staticmethod(array.add)

    def _merged(self, inputs: Sequence[Tensor]) -> Tensor:
        return super()._merged(inputs) / float(len(inputs))


class Maximum(_Elementwise):
    """The greatest of several tensors, element by element; raises ShapeError where the shapes do not fit."""

    _combine = staticmethod(array.maximum)


class Minimum(_Elementwise):
    """The least of several tensors, element by element; raises ShapeError where the shapes do not fit."""

    _combine = staticmethod(array.minimum)


class Concatenate(Merge):
    """Several tensors one after another along an axis, by default the last.

    Raises ArgumentError for a bad axis, ShapeError where other axes than it differ in length.
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = expect_axes("Concatenate", "axis", axis)
        expect(isinstance(self.axis, int), "Concatenate", "axis", "one axis", axis)

    def _merged(self, inputs: Sequence[Tensor]) -> Tensor:
        ndim = inputs[0].ndim
        fits = all(x.ndim == ndim for x in inputs) and -ndim <= self.axis < ndim
        others = {tuple(n for a, n in enumerate(x.shape) if a != self.axis % max(ndim, 1)) for x in inputs}
        if not fits or len(others) > 1:
            listed = ", ".join(str(x.aval) for x in inputs)
            raise ShapeError(
                f"{self}: expected inputs that differ in the length of axis {self.axis} only, got {listed}"
            )
        return shapes.concatenate(inputs, self.axis % ndim)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}


# the layers as functions of a list of tensors


def add(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Add(**kwargs)(inputs)."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Subtract(**kwargs)(inputs)."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Multiply(**kwargs)(inputs)."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Average(**kwargs)(inputs)."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Maximum(**kwargs)(inputs)."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Tensor:
    """Minimum(**kwargs)(inputs)."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Tensor:
    """Concatenate(axis, **kwargs)(inputs)."""
    return Concatenate(axis, **kwargs)(inputs)
