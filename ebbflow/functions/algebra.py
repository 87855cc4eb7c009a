"""Products and sums along axes: of all elements, running ones, of several arrays, and their lengths as vectors."""

import math
from collections import Counter
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor
from ..operators import as_float, axes_of
from ..ops import contraction, movement
from .array import abs as magnitude
from .array import cast, max, min, multiply, not_equal, power, sqrt, square, sum
from .shapes import broadcast_to, concatenate, expand_dims, ravel, reshape, transpose


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product of the elements along the axes, by halves: of the products of pairs, and so on."""
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    x = cast(x, "int32") if x.dtype == np.bool_ else x
    axes = axes_of(x, axis, "prod")
    rest = [k for k in range(x.ndim) if k not in axes]
    lengths = [1 if k in axes else n for k, n in enumerate(x.shape)]
    y = reshape(transpose(x, [*axes, *rest]), (math.prod(x.shape[k] for k in axes), *(x.shape[k] for k in rest)))
    if y.shape[0] == 0:
        y = movement.broadcast_to(cast(1, x.dtype), (1, *y.shape[1:]))
    while (n := y.shape[0]) > 1:
        half = n // 2
        pairs = multiply(y[:half], y[half : 2 * half])
        y = concatenate([pairs, y[2 * half :]]) if n % 2 else pairs
    return reshape(y, lengths if keepdims else [x.shape[k] for k in rest])


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """y_k = x_0 + ... + x_k along an axis, of the raveled x if None.

    Source: Hillis, Steele (1986), "Data parallel algorithms".
    """
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    x = cast(x, "int32") if x.dtype == np.bool_ else x
    if axis is None:
        x, axis = ravel(x), 0
    (axis,) = axes_of(x, axis, "cumsum")
    shift, none = 1, [0] * x.ndim
    while shift < x.shape[axis]:
        before, stops = list(none), list(x.shape)
        before[axis], stops[axis] = shift, x.shape[axis] - shift
        x = x + movement.pad(movement.slice_(x, none, stops), before, none)
        shift *= 2
    return x


def outer(x1: Any, x2: Any) -> Tensor:
    """y_ij = x1_i x2_j, of the raveled arguments."""
    return multiply(expand_dims(ravel(x1), 1), expand_dims(ravel(x2), 0))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The length of x as a vector, or as a matrix if there are two axes.

    Parameters:
        ord: of vectors: p for (sum |x|^p)^(1/p), by default 2, inf or -inf for the greatest or least |x|, 0 for how
            many are not 0. Of matrices: "fro", the default, for sqrt(sum x^2), 1 and inf for the greatest sum of |x| in
            a column and in a row, -1 and -inf for the least.
        axis: one for vectors, two for matrices; None: those of x, and with no ord all, as one vector.

    Raises ArgumentError for another ord; those that need singular values are not there.
    """
    x = as_float(x)
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return sqrt(sum(square(x), axes, keepdims))
    if len(axes) == 1 and not isinstance(ord, str):
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2 and ord in (1, -1, math.inf, -math.inf):
        within, over = axes if ord in (1, -1) else axes[::-1]
        sums = sum(magnitude(x), within, keepdims=True)
        y = (max if ord > 0 else min)(sums, over, keepdims=True)
        return y if keepdims else reshape(y, [n for k, n in enumerate(x.shape) if k not in axes_of(x, axes, "norm")])
    raise ArgumentError(
        f"norm: expected a number as ord for one axis, or None, 'fro', 1, -1, inf or -inf for two, got {ord!r} for "
        f"{len(axes)}"
    )


def _vector_norm(x: Tensor, ord: float, axis: int, keepdims: bool) -> Tensor:
    size = magnitude(x)
    if ord in (math.inf, -math.inf):
        return (max if ord > 0 else min)(size, axis, keepdims)
    if ord == 0:
        return sum(cast(not_equal(x, 0.0), x.dtype), axis, keepdims)
    return power(sum(power(size, ord), axis, keepdims), 1.0 / ord)


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Sums of products over the axes that the letters name: "ij,jk->ik" is the matrix product.

    A letter that the result lacks is summed; one that stands twice in an operand takes its diagonal. Without `->` the
    result has the letters that stand once, in alphabetical order. Operands are multiplied from left to right.
    Raises ShapeError where letters and axes do not fit, and for `...`, which is not there.
    """
    inputs, output = _letters(subscripts, len(operands))
    tensors = [as_tensor(x) for x in operands]
    exact = not any(x.aval.is_float for x in tensors)
    floats = [cast(x, "float64") if exact else as_float(x) for x in tensors]
    widest = np.result_type(*(x.dtype for x in floats))
    terms = [_without_repeats(cast(x, widest), letters) for x, letters in zip(floats, inputs, strict=True)]
    y, letters = terms[0]
    for k, (x, others) in enumerate(terms[1:], start=2):
        kept = set(output).union(*(later for _, later in terms[k:]))
        y, letters = _multiplied(y, letters, x, others, kept)
    y, letters = _summed(y, letters, set(output))
    y = transpose(y, [letters.index(letter) for letter in output])
    return cast(y, np.result_type(*(x.dtype for x in tensors))) if exact else y


def _letters(subscripts: Any, count: int) -> tuple[list[str], str]:
    """The letters of each operand, and of the result."""
    text = subscripts.replace(" ", "") if isinstance(subscripts, str) else ""
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if not arrow:
        output = "".join(sorted(letter for letter, times in Counter("".join(inputs)).items() if times == 1))
    known = set("".join(inputs))
    plain = all(letter.isalpha() for letter in known | set(output))
    if (
        not text
        or not plain
        or len(inputs) != count
        or not set(output) <= known
        or len(set(output)) != len(output)
        or not count
    ):
        raise ShapeError(
            f'einsum: expected letters for the axes of {count} operands, such as "ij,jk->ik", got {subscripts!r}'
        )
    return inputs, output


def _without_repeats(x: Tensor, letters: str) -> tuple[Tensor, str]:
    """x with the diagonal in place of two axes of one letter."""
    if len(letters) != x.ndim:
        raise ShapeError(f"einsum: expected one letter for each axis of {x.aval}, got {letters!r}")
    for letter in letters:
        if letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            rest = [k for k in range(x.ndim) if k not in (first, second)]
            n = x.shape[first]
            if x.shape[second] != n:
                raise ShapeError(f"einsum: axis {letter!r} has lengths {n} and {x.shape[second]} in {x.aval}")
            square_first = reshape(transpose(x, [first, second, *rest]), (n * n, *(x.shape[k] for k in rest)))
            return _without_repeats(square_first[:: n + 1], letter + "".join(letters[k] for k in rest))
    return x, letters


def _summed(x: Tensor, letters: str, kept: set[str]) -> tuple[Tensor, str]:
    axes = tuple(k for k, letter in enumerate(letters) if letter not in kept)
    return sum(x, axes) if axes else x, "".join(letter for letter in letters if letter in kept)


def _multiplied(x: Tensor, left: str, y: Tensor, right: str, kept: set[str]) -> tuple[Tensor, str]:
    """The product of two operands, summed over the letters that nothing needs any more."""
    lengths = {letter: n for letter, n in zip(left + right, x.shape + y.shape, strict=True) if n != 1}
    (x, left), (y, right) = _summed(x, left, kept | set(right)), _summed(y, right, kept | set(left))
    x, y = (
        broadcast_to(one, [lengths.get(letter, 1) if letter in left and letter in right else n for letter, n in pairs])
        for one, pairs in ((x, [*zip(left, x.shape, strict=True)]), (y, [*zip(right, y.shape, strict=True)]))
    )
    result = "".join(letter for letter in dict.fromkeys(left + right) if letter in kept)
    return contraction.contract(x, y, f"{left},{right}->{result}"), result
