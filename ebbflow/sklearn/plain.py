"""What scikit-learn's helpers would say of plain arguments, told in microseconds; all else, and every error, is theirs.

They look at types, names and signatures of whatever might come, which takes longer than a small network takes to train.
"""

import threading
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

LARGEST = float(np.finfo(np.float32).max)
FLOATS = (np.float64, np.float32)
_MOST_VALID = 10_000
_valid: set[Any] = set()
_PLAIN = frozenset((bool, int, float, str, tuple, type(None)))


def is_table(X: Any) -> bool:
    """Whether X is an array (rows, features) of floats that are finite, also in float32."""
    if type(X) is not np.ndarray or X.dtype not in FLOATS or X.ndim != 2 or not X.size:
        return False
    return bool(X.max() <= LARGEST and X.min() >= -LARGEST)  # NaN is neither


def is_column(y: Any, rows: int) -> bool:
    """Whether y is an array (rows,) of booleans, whole numbers, or finite floats."""
    if type(y) is not np.ndarray or y.shape != (rows,):
        return False
    return y.dtype.kind in "biu" or (y.dtype.kind == "f" and bool(np.isfinite(y).all()))


def key_of(kind: type, parameters: tuple[Any, ...]) -> Any:
    """What estimators of a class with equal parameters of equal types have in common (True == 1 == 1.0); None where
    there is a parameter that equality does not tell all about.
    """
    types = tuple(map(type, parameters))
    inside = tuple(type(part) for value in parameters if type(value) is tuple for part in value)
    is_plain = _PLAIN.issuperset(types) and _PLAIN.issuperset(inside) and tuple not in inside
    return (kind, parameters, types, inside) if is_plain else None


def was_valid(key: Any) -> bool:
    """Whether `note_valid` was told of parameters with this key."""
    return key is not None and key in _valid


def note_valid(key: Any) -> None:
    """Remember that the parameters with this key are as they may be."""
    if key is not None and len(_valid) < _MOST_VALID:
        _valid.add(key)


class _Thread(threading.local):
    """The generator of a thread, made when it is first needed."""

    def __init__(self) -> None:
        self.draws = np.random.RandomState()


_thread = _Thread()


def random_state(given: Any) -> np.random.RandomState:
    """As check_random_state, but for a number the thread's own generator seeded anew, good until the next call.

    To make one asks the system for random bytes that the seed then replaces: 70 times the work of seeding one.
    """
    if not isinstance(given, Integral):
        return check_random_state(given)
    _thread.draws.seed(int(given))
    return _thread.draws
