"""Search: settings that look bad after a few epochs are dropped, and the others go on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...functions.arguments import expect_integer, expect_number

__all__ = ["Bracket", "Hyperband", "SuccessiveHalving"]


@dataclass(frozen=True)
class Bracket:
    """Settings, by number, that compete, and the numbers of epochs after which all but the best are dropped."""

    settings: Sequence[int]
    rungs: Sequence[int]


class SuccessiveHalving:
    """After min_epochs keep the best 1/factor of the settings, after factor times as many again, and so to the end.

    A setting is judged by the mean of the monitored number over its seeds and folds, in the epoch before it is judged.

    Parameters:
        factor: above 1.
        min_epochs: after which settings are judged first; by default so late that one setting reaches the end.

    Raises ArgumentError for a bad argument.
    Source: Jamieson, Talwalkar (2016), "Non-stochastic Best Arm Identification and Hyperparameter Optimization".
    """

    def __init__(self, factor: float = 3, min_epochs: int | None = None):
        owner = type(self).__name__
        self.factor = expect_number(owner, "factor", factor, low=1.0 + 1e-9)
        self.min_epochs = None if min_epochs is None else expect_integer(owner, "min_epochs", min_epochs, 1)

    def kept(self, count: int) -> int:
        """How many of so many settings go on."""
        return max(math.ceil(count / self.factor - 1e-9), 1)

    def brackets(self, settings: int, epochs: int) -> list[Bracket]:
        """Who competes with whom, when there are so many settings and epochs."""
        rounds = math.ceil(math.log(max(settings, 1)) / math.log(self.factor) - 1e-9)
        first = self.min_epochs or max(round(epochs / self.factor**rounds), 1)
        return [Bracket(range(settings), self.rungs(first, epochs))]

    def rungs(self, first: int, epochs: int) -> list[int]:
        """first, factor times as many, ..., and the last epoch."""
        found, rung = [], float(first)
        while round(rung) < epochs:
            found.append(round(rung))
            rung *= self.factor
        return [*dict.fromkeys(found), epochs]


class Hyperband(SuccessiveHalving):
    """Successive halving in several brackets: in the first, many settings are judged early; in the last, few, and late.

    So settings that begin slowly have a chance too. Settings are dealt to the brackets in the order that they have.

    Parameters:
        factor: above 1, also that by which the brackets differ.
        min_epochs: after which the first bracket is judged, by default 1.

    Raises ArgumentError for a bad argument.
    Source: Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar (2018), "Hyperband: A Novel Bandit-Based Approach to
    Hyperparameter Optimization".
    """

    def brackets(self, settings: int, epochs: int) -> list[Bracket]:
        least = self.min_epochs or 1
        most = int(math.log(max(epochs / least, 1.0)) / math.log(self.factor) + 1e-9)
        shares = np.array([(most + 1) / (s + 1) * self.factor**s for s in range(most, -1, -1)])
        ends = np.round(np.cumsum(shares) / shares.sum() * settings).astype(int)
        found, begin = [], 0
        for s, end in zip(range(most, -1, -1), ends, strict=True):
            if end > begin:
                first = max(round(epochs / self.factor**s), least)
                found.append(Bracket(range(begin, int(end)), self.rungs(first, epochs)))
            begin = int(end)
        return found
