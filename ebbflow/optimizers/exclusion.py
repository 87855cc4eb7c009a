"""Exclusion: the weights that do not decay."""

import re
from collections.abc import Iterable
from typing import Any

from ..core.variable import Variable

__all__ = ["Exclusion"]

_KEY = "exclude_from_weight_decay"


class Exclusion:
    """A set of weights: those listed, and those in whose name one of the patterns is found.

    In a file the listed ones become patterns of their whole names, since there are no other weights to point at.
    """

    def __init__(self, listed: frozenset[Variable] = frozenset(), patterns: tuple[str, ...] = ()):
        self._listed, self._patterns = listed, patterns

    @classmethod
    def of(cls, variables: Iterable[Variable], patterns: Iterable[str]) -> "Exclusion":
        return cls(frozenset(variables), tuple(patterns))

    def __contains__(self, variable: Variable) -> bool:
        return variable in self._listed or any(re.search(pattern, variable.name) for pattern in self._patterns)

    def get_config(self) -> dict[str, Any]:
        """One entry, or none where nothing is excluded."""
        patterns = [*self._patterns, *sorted(f"^{re.escape(variable.name)}$" for variable in self._listed)]
        return {_KEY: patterns} if patterns else {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Exclusion":
        """What `get_config` returned, taken out of the configuration of an optimizer."""
        return cls(patterns=tuple(config.pop(_KEY, ())))
