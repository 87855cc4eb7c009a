"""Columns: how the values of metrics lie in a row of numbers, and how logs are made of such a row again."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.tensor import Tensor

Logged = float | np.ndarray  # the value of a metric: a number, or an array where it has several


class Columns:
    """The columns of a table of logs: one for each number of each metric.

    Parameters:
        shapes: by the name of each metric, the shape of its value.

    Attributes:
        metrics: the names of the metrics.
        names: one a column, `f1_score[0]`, `f1_score[1]`, ... for a metric of several numbers.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]):
        self._shapes, self.metrics = dict(shapes), tuple(shapes)
        self._is_plain = not any(self._shapes.values())
        self.names = tuple(name for metric, shape in self._shapes.items() for name in _names(metric, shape))

    def __len__(self) -> int:
        return len(self.names)

    def logs(self, numbers: Sequence[float] | np.ndarray, prefix: str = "") -> dict[str, Any]:
        """The values by name, out of a row of numbers; each name with a prefix."""
        if self._is_plain:
            return {prefix + name: float(number) for name, number in zip(self.names, numbers, strict=True)}
        row, start, found = np.array(numbers, np.float64), 0, {}
        assert len(row) == len(self)
        for name, shape in self._shapes.items():
            part = row[start : start + math.prod(shape)]
            found[prefix + name] = part.reshape(shape) if shape else float(part[0])
            start += len(part)
        return found


def columns_of(values: Mapping[str, Tensor]) -> tuple[Columns, list[Tensor]]:
    """The columns for the values of metrics, and the tensors of one number that stand in them."""
    numbers: list[Tensor] = []
    for value in values.values():
        flat = value.reshape(-1) if value.shape else None
        numbers += [value] if flat is None else [flat[k] for k in range(flat.shape[0])]
    return Columns({name: value.shape for name, value in values.items()}), numbers


def logged_value(value: Tensor) -> Logged:
    """The value of a metric as it stands in logs."""
    return np.array(value.numpy(), np.float64) if value.shape else float(value.numpy())


def _names(metric: str, shape: tuple[int, ...]) -> list[str]:
    places = (", ".join(map(str, place)) for place in np.ndindex(shape))
    return [f"{metric}[{place}]" for place in places] if shape else [metric]
