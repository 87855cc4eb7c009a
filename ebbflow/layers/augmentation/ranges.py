"""Range: from where to where a factor is drawn, as an attribute of a layer."""

from collections.abc import Sequence
from typing import Any

from ...functions.arguments import expect, is_number
from ...functions.hyperparameter import Hyperparameter, number


def _is_part(factor: float) -> bool:
    return -1.0 <= factor <= 1.0


class Range:
    """An attribute that is set to a number f, for -f to f, or to two numbers, and read as (lower, upper).

        height_factor = Range()

    Each end is a hyperparameter, which a compiled program reads when it runs: here `height_lower` and `height_upper`.

    Parameters:
        optional: whether None is allowed, too, which is read as None.

    Setting it raises ArgumentError for what is not between -1 and 1.
    """

    def __init__(self, optional: bool = False):
        self._optional = optional

    def __set_name__(self, owner: type, name: str) -> None:
        stem = name.removesuffix("factor").rstrip("_")
        self.name, self.ends = name, tuple(f"{stem}_{end}".lstrip("_") for end in ("lower", "upper"))
        for end in self.ends:
            parameter = Hyperparameter("a number between -1 and 1", _is_part, self._optional)
            parameter.__set_name__(owner, end)
            setattr(owner, end, parameter)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        ends = [getattr(instance, end) for end in self.ends]
        return None if any(end is None for end in ends) else tuple(map(number, ends))

    def __set__(self, instance: Any, value: Any) -> None:
        for end, one in zip(self.ends, self._ends_of(type(instance).__name__, value), strict=True):
            setattr(instance, end, one)

    def _ends_of(self, owner: str, value: Any) -> Sequence[float | None]:
        if value is None and self._optional:
            return None, None
        several = isinstance(value, (list, tuple))
        given = value if several else [value]
        valid = len(given) == (2 if several else 1) and all(is_number(one) and _is_part(one) for one in given)
        allowed = "a number between -1 and 1, or a list of two of them" + (", or None," if self._optional else "")
        expect(valid, owner, self.name, allowed, value)
        return sorted(given if several else (-value, value))


def describe_ranges(instance: Any) -> dict[str, list[float] | None]:
    """The ranges of a layer by name, as plain JSON values."""
    names = [name for cls in type(instance).__mro__ for name, one in vars(cls).items() if isinstance(one, Range)]
    values = {name: getattr(instance, name) for name in names}
    return {name: None if value is None else list(value) for name, value in values.items()}
