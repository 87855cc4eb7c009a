"""What is known of a tensor before it has a value: its shape and its element type."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .errors import ArgumentError

DTYPES = tuple(np.dtype(name) for name in ("bool", "uint8", "int32", "uint32", "int64", "float32", "float64"))
_floatx = np.dtype("float32")


@dataclass(frozen=True)
class Aval:
    """An abstract value, printed as `float32[64,10]`."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        count = 1
        for n in self.shape:
            count *= n
        return count

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype.kind == "f"

    def __str__(self) -> str:
        return f"{dtype_name(self.dtype)}[{','.join(map(str, self.shape))}]"


@cache
def dtype_name(dtype: Any) -> str:
    """The name of an element type, of which NumPy makes a new text whenever it is asked."""
    return str(np.dtype(dtype))


def aval_of(array: np.ndarray) -> Aval:
    return Aval(array.shape, array.dtype)


def floatx() -> np.dtype:
    """The element type of new weights and of Python floats, float32 unless `set_floatx` said otherwise."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Make `float32` or `float64` the element type of everything built from here on."""
    global _floatx
    if str(dtype) not in ("float32", "float64"):
        raise ArgumentError(f"set_floatx: expected 'float32' or 'float64', got {dtype!r}")
    _floatx = np.dtype(dtype)
