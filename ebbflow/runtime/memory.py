"""Aligned memory for native code."""

import numpy as np

PAGE = 4096


def allocate(nbytes: int) -> np.ndarray:
    """Zeroed bytes that start at a multiple of a page."""
    raw = np.zeros(nbytes + PAGE, np.uint8)
    start = -raw.ctypes.data % PAGE
    return raw[start : start + nbytes]
