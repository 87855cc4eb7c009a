"""Checks of arguments: one sentence that names the parameter, what is allowed, and what came."""

import math
import numbers
from typing import Any

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
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def expect_integer(owner: str, name: str, value: Any, low: int) -> int:
    """`value` as an int; raises ArgumentError unless it is a whole number of at least `low`."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    expect(whole and value >= low, owner, name, f"a whole number of at least {low}", value)
    return int(value)


def expect_number(owner: str, name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a float; raises ArgumentError unless it is a number between low and high, both included."""
    limits = {(True, True): f"between {low:g} and {high:g}", (True, False): f"of at least {low:g}", (False, False): ""}
    allowed = f"a number {limits[math.isfinite(low), math.isfinite(high)]}".strip()
    expect(is_number(value) and low <= value <= high, owner, name, allowed, value)
    return float(value)


def choose(owner: str, name: str, value: Any, choices: Any) -> Any:
    """`value`; raises ArgumentError, with the list, unless it is among the choices."""
    expect(value in tuple(choices), owner, name, f"one of {', '.join(map(repr, choices))}", value)
    return value


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
