"""Kept: the native code of populations, for later ones of the same kind, which need not trace and link it again.

Code is only kept if all that it was traced from is ebbflow's own. A portrait tells functions apart by what is written
in them, not by the global names that they read, and classes not by what their methods do: of a user's, both may be
different by the time of the next population. What is kept must know no model, data or variable, and suit all threads.
"""

import os
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, TypeVar

import numpy as np

from ...core.aval import Aval
from ..steps import Same

__all__ = ["MOST", "forget", "is_own", "kept"]

Made = TypeVar("Made")

MOST = 16
PLAIN = {bool, int, float, str, bytes, type(None), Aval}
STANDARD = {"abc", "builtins", "enum", "functools", "numpy", "types", "typing"}  # where classes are as they came
PACKAGE = f"{Path(__file__).parents[2]}{os.sep}"  # as the interpreter names the files of its modules

# By key, those used last at the end. Each operation on it is one of the interpreter's, so it needs no lock, which a
# forked child might inherit closed; two threads that look for the same at once may both make it.
_kept: dict[Hashable, Any] = {}


def kept(key: Hashable, make: Callable[[], Made]) -> Made:
    """What was made for an equal key, or is made now; of `MOST` + 1, the one unused for longest is forgotten."""
    made = _kept.pop(key, None)
    if made is None:
        made = make()
    _kept[key] = made
    for old in list(_kept)[:-MOST]:
        _kept.pop(old, None)
    return made


def forget() -> None:
    """Keep nothing of what was made so far."""
    _kept.clear()


def is_own(portrait: Hashable) -> bool:
    """Whether every class and function that a portrait has met is ebbflow's own, as it came."""
    classes: set[type] = set()
    for part in _parts(portrait):
        if isinstance(part, type):
            classes.update(part.__mro__)
        elif not _is_fixed(part):
            return False
    return all(one.__module__.partition(".")[0] in STANDARD or _is_own_class(one) for one in classes)


def _parts(portrait: Hashable) -> Iterator[Any]:
    """What a portrait has at its leaves, without numbers and texts."""
    parts = portrait if isinstance(portrait, tuple) else (portrait,)
    for part in parts:
        if isinstance(part, tuple):
            yield from _parts(part)
        elif type(part) not in PLAIN:
            yield part.value if isinstance(part, Same) else part


def _is_fixed(part: Any) -> bool:
    """Whether a part that is no class always means the same."""
    if isinstance(part, CodeType):
        return part.co_filename.startswith(PACKAGE)
    if isinstance(part, frozenset):
        return all(type(one) in PLAIN for one in part)
    return isinstance(part, np.dtype) or type(part) in PLAIN


def _is_own_class(one: type) -> bool:
    """Whether a class is ebbflow's, and nobody gave it another method."""
    return _is_own_module(one.__module__) and all(
        _is_own_module(method.__globals__["__name__"])
        for method in vars(one).values()
        if isinstance(method, FunctionType)
    )


def _is_own_module(name: str) -> bool:
    return name.startswith("ebbflow.")
