"""Clipping: gradients made shorter, so that one bad batch cannot throw the weights far away."""

from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from ..functions import array

__all__ = ["clipped_by_norm", "clipped_by_value", "global_norm", "scaled_to_norm"]


def clipped_by_value(gradients: Sequence[Tensor], limit: Any) -> list[Tensor]:
    """min(max(g, -limit), limit) of each element."""
    limits = [array.cast(limit, g.dtype) for g in gradients]
    return [array.clip(g, -most, most) for g, most in zip(gradients, limits, strict=True)]


def clipped_by_norm(gradients: Sequence[Tensor], limit: Any) -> list[Tensor]:
    """g limit / max(|g|, limit), where |g| is the norm of one weight's gradient."""
    return [g * _factor(array.sqrt(array.sum(array.square(g))), limit, g) for g in gradients]


def scaled_to_norm(gradients: Sequence[Tensor], limit: Any) -> list[Tensor]:
    """g limit / max(|G|, limit), where |G| is the norm of all gradients together."""
    norm = global_norm(gradients)
    return [g * _factor(norm, limit, g) for g in gradients]


def global_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The root of the sum of the squares of all elements of all gradients."""
    total = array.sum(array.square(gradients[0]))
    for gradient in gradients[1:]:
        total = total + array.sum(array.square(gradient))
    return array.sqrt(total)


def _factor(norm: Tensor, limit: Any, like: Tensor) -> Tensor:
    norm = array.cast(norm, "float64")
    return array.cast(limit / array.maximum(norm, limit), like.dtype)
