"""Frequency: how often a callback writes, once an epoch or every so many batches."""

from typing import Any

from ...functions.arguments import expect, expect_integer


class Frequency:
    """ "epoch", or a number of batches, counted on from one epoch to the next.

    Raises ArgumentError, in the name of the owner, for anything else.
    """

    def __init__(self, owner: str, name: str, value: Any):
        self.every_epoch = isinstance(value, str) and value == "epoch"
        if not self.every_epoch:
            is_text = isinstance(value, str)
            expect(not is_text, owner, name, 'a whole number of batches or "epoch"', value)
            self._batches = expect_integer(owner, name, value, 1)
        self._seen = 0

    def is_due(self) -> bool:
        """Count one batch, and say whether it is the time."""
        self._seen += 1
        if self._seen < self._batches:
            return False
        self._seen = 0
        return True
