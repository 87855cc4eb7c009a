"""Checks of arguments: one sentence that names the parameter, what is allowed, and what came."""

import difflib
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.errors import ArgumentError, ShapeError
from ..core.tensor import Tensor, as_tensor
from ..ops.elementwise import cast
from ..ops.movement import reshape


def expect(condition: bool, owner: str, name: str, allowed: str, value: Any) -> None:
    """Raise ArgumentError `owner: expected allowed for name, got value` unless the condition holds."""
    if not condition:
        raise ArgumentError(f"{owner}: expected {allowed} for {name}, got {value!r}")


def is_number(value: Any) -> bool:
    """Whether this is a finite real number (True and False are not)."""
    if type(value) is float:
        return math.isfinite(value)
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def expect_integer(owner: str, name: str, value: Any, low: int, high: float = math.inf) -> int:
    """`value` as an int; raises ArgumentError unless it is a whole number between low and high, both included."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not (whole and low <= value <= high):
        allowed = f"of at least {low}" if math.isinf(high) else f"between {low} and {high}"
        expect(False, owner, name, f"a whole number {allowed}", value)
    return int(value)


def expect_number(owner: str, name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a float; raises ArgumentError unless it is a number between low and high, both included."""
    if not (is_number(value) and low <= value <= high):
        lowest = f" of at least {low:g}" if math.isfinite(low) else ""
        allowed = f" between {low:g} and {high:g}" if math.isfinite(high) else lowest
        expect(False, owner, name, f"a number{allowed}", value)
    return float(value)


def choose(owner: str, name: str, value: Any, choices: Any) -> Any:
    """`value`; raises ArgumentError, with the list, unless it is among the choices."""
    if value not in tuple(choices):
        listed = ", ".join(map(repr, choices))
        raise ArgumentError(
            f"{owner}: expected one of {listed} for {name}, got {value!r}{did_you_mean(value, choices)}"
        )
    return value


def did_you_mean(value: Any, names: Iterable[Any]) -> str:
    """`; did you mean 'relu'?` for a value that resembles a name, whatever its case, else nothing."""
    known = {name.lower(): name for name in reversed([*names]) if isinstance(name, str)}
    close = difflib.get_close_matches(value.lower(), known, n=1) if isinstance(value, str) else []
    return f"; did you mean {known[close[0]]!r}?" if close else ""


def unknown(owner: str, expected: str, names: Iterable[str], value: Any) -> ArgumentError:
    """The error for a value that is none of these names; `expected` ends in words such as "one of"."""
    names = [*names]
    return ArgumentError(f"{owner}: expected {expected} {', '.join(names)}, got {value!r}{did_you_mean(value, names)}")


def expect_dtype(owner: str, value: Any, allowed: Sequence[str] = ("float32", "float64")) -> np.dtype:
    """`value` as an element type; raises ArgumentError unless it names one of those allowed."""
    try:
        name = np.dtype(value).name
    except TypeError:
        name = value
    choose(owner, "dtype", name, allowed)
    return np.dtype(name)


def labels_of(name: str, target: Any, output: Tensor, axis: int = -1) -> Tensor:
    """Class numbers as int32 of the shape of the output without its class axis, from (...) or (..., 1).

    Raises ShapeError for any other shape.
    """
    labels = cast(as_tensor(target), "int32")
    expected = tuple(n for k, n in enumerate(output.shape) if k != axis % output.ndim)
    if labels.shape not in (expected, (*expected, 1)):
        raise ShapeError(
            f"{name}: expected class numbers of shape {expected} for the output {output.aval}, got {labels.aval}"
        )
    return reshape(labels, expected)
