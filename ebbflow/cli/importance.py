"""What mattered: how the figure of a setting depends on each of its hyperparameters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 12  # settings, below which nothing can be said
MOST_VALUES = 6  # distinct ones; more are sorted into ranges
RANGES = 4


@dataclass(frozen=True)
class Importance:
    """share: of the variance of the figure's ranks that this hyperparameter explains, 0 to 1. correlation: of the
    ranks of both, -1 to 1. best: the value, or the range from ... to ..., with the lowest median figure."""

    share: float
    correlation: float
    best: tuple[float, ...]


def importance(values: Sequence[float], scores: Sequence[float]) -> Importance | None:
    """How `scores`, the smaller the better, depend on `values`; None if there are too few to say.

    With ranks r in groups g of equal value (or of the quarters of the values): share = 1 - (SSE / (n - k)) /
    (SST / (n - 1)), not below 0. It sees a best value in the middle too, of which the correlation knows nothing.
    Sources: Kelley (1935), "An unbiased correlation ratio measure"; Spearman (1904), "The proof and measurement of
    association between two things".
    """
    x, y = np.asarray(values, np.float64), np.asarray(scores, np.float64)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if len(y) < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    ranks, groups = _ranks(y), _groups(x)
    numbers = np.unique(groups)
    within = sum(np.sum((ranks[groups == g] - ranks[groups == g].mean()) ** 2) for g in numbers)
    total = np.sum((ranks - ranks.mean()) ** 2)
    share = 1 - (within / (len(y) - len(numbers))) / (total / (len(y) - 1))
    best = x[groups == min(numbers, key=lambda g: np.median(y[groups == g]))]
    ends = (float(best.min()), float(best.max()))
    return Importance(
        share=max(0.0, float(share)),
        correlation=float(np.corrcoef(_ranks(x), ranks)[0, 1]),
        best=ends[:1] if math.isclose(*ends) else ends,
    )


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 0; equal values share their mean rank."""
    distinct, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[places]


def _groups(values: np.ndarray) -> np.ndarray:
    distinct, places = np.unique(values, return_inverse=True)
    if len(distinct) <= MOST_VALUES:
        return places
    return (_ranks(values) * RANGES / len(values)).astype(int)
