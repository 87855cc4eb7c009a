"""Sums of products over shared axes: the matrix product and all that its derivatives need, as one primitive.

`contract(a, b, "bi,io->bo")` names the axes of a, of b and of the result. A letter that the result lacks is summed.
Because the letters of the result may stand in any order, the derivative of a contraction is a contraction again.
"""

from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Contraction, Primitive, register
from ..core.tensor import Tensor, bind
from .common import FLOATS, arrays, several


def split_labels(labels: str) -> tuple[str, str, str]:
    """'bi,io->bo' as ('bi', 'io', 'bo')."""
    inputs, _, output = labels.partition("->")
    left, _, right = inputs.partition(",")
    return left, right, output


def _shape(a: Aval, b: Aval, labels: str) -> Aval:
    left, right, output = split_labels(labels)
    if not (len(left) == a.ndim and len(right) == b.ndim):
        raise ShapeError(f"contract: labels {labels!r} do not fit {a} and {b}; one letter an axis")
    if not (a.dtype == b.dtype and a.dtype in FLOATS):
        raise ShapeError(f"contract: expected floats of one type, got {a} and {b}")
    lengths: dict[str, int] = {}
    for label, n in zip(left + right, a.shape + b.shape, strict=True):
        if lengths.setdefault(label, n) != n:
            raise ShapeError(f"contract: axis {label!r} of {labels!r} has lengths {lengths[label]} and {n}")
    for part in (left, right, output):
        if len(set(part)) != len(part):
            raise ShapeError(f"contract: a letter stands twice in {part!r} of {labels!r}")
    if not (set(output) <= set(left) | set(right)):
        raise ShapeError(f"contract: the result of {labels!r} has an axis that no input has")
    if not (set(left) ^ set(right) <= set(output)):
        raise ShapeError(f"contract: an axis of {labels!r} stands in one input alone and not in the result")
    return Aval(tuple(lengths[label] for label in output), a.dtype)


def _vjp_left(g: Any, y: Any, a: Any, b: Any, labels: str) -> Any:
    left, right, output = split_labels(labels)
    return contract(g, b, f"{output},{right}->{left}")


def _vjp_right(g: Any, y: Any, a: Any, b: Any, labels: str) -> Any:
    left, right, output = split_labels(labels)
    return contract(a, g, f"{left},{output}->{right}")


_contract = register(
    Primitive(
        "contract",
        _shape,
        lambda a, b, labels: np.einsum(labels, a, b, optimize=True),
        (_vjp_left, _vjp_right),
        Contraction(),
        several(
            arrays((5, 7), (7, 3), labels="bi,io->bo"),
            arrays((33, 18), (18, 35), labels="bi,io->bo"),
            arrays((6, 20), (6, 17), labels="bi,bo->io"),
            arrays((6, 20), (17, 20), labels="bo,io->bi"),
            arrays((2, 5, 4), (4, 19), labels="tbi,io->tbo"),
            arrays((3, 5, 4), (3, 4, 6), labels="nbi,nio->nbo"),
            arrays((5,), (5,), labels="i,i->"),
            arrays((5,), (3,), labels="i,j->ij"),
            arrays((3, 5), (5,), labels="bi,i->b"),
        ),
        cost=1000,
    )
)


def contract(a: Tensor, b: Tensor, labels: str) -> Tensor:
    """sum of a * b over every label that the result lacks."""
    return bind(_contract, a, b, labels=labels)
