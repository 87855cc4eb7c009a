"""Names and flags: what constructors take that is no number, and how the name of a class becomes one of a thing."""

import functools
import numbers
import re
from typing import Any

import numpy as np

from .arguments import expect


@functools.cache
def snake_case(name: str) -> str:
    """KLDivergence -> kl_divergence, MeanSquaredError -> mean_squared_error, R2Score -> r2_score."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def expect_name(owner: str, value: Any) -> str | None:
    """`value`; raises ArgumentError unless it is a text or None."""
    expect(value is None or isinstance(value, str), owner, "name", "a text", value)
    return value


def expect_flag(owner: str, name: str, value: Any) -> bool:
    """`value` as True or False, for which 1 and 0 are taken too; raises ArgumentError for anything else.

    Any object has a truth in Python, that of "False" for one is True; so what is no flag is a mistake.
    """
    if type(value) is bool:
        return value
    valid = isinstance(value, (numbers.Integral, np.bool_)) and value in (0, 1)
    expect(valid, owner, name, "True or False", value)
    return bool(value)
