"""Random bits as a function of a key and a counter: Philox 4x32-10.

Source: Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3".
"""

from typing import Any

import numpy as np

from ..core.aval import Aval
from ..core.errors import ShapeError
from ..core.primitive import Elementwise, Primitive, Sample, register
from ..core.tensor import Tensor, bind

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WORDS = 4  # of a block, made from one counter
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)


def philox(counter: Any, key: Any) -> list[np.ndarray]:
    """Four words of 32 random bits for each counter.

    Parameters:
        counter: four uint32 arrays of one shape.
        key: two uint32 numbers.
    """
    low = np.uint64(0xFFFFFFFF)
    c = [np.asarray(word).astype(np.uint64) for word in counter]
    k = [int(word) for word in key]
    for _ in range(ROUNDS):
        p0, p1 = c[0] * np.uint64(MULTIPLIERS[0]), c[2] * np.uint64(MULTIPLIERS[1])
        c = [
            (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            p1 & low,
            (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            p0 & low,
        ]
        k = [(word + step) & 0xFFFFFFFF for word, step in zip(k, KEY_STEPS, strict=True)]
    return [word.astype(np.uint32) for word in c]


def _numpy(state: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    blocks = np.arange(-(-count // 4), dtype=np.uint32)
    seed, member, purpose, step = state
    same = np.ones_like(blocks)
    words = philox((blocks, same * purpose, same * step, same * np.uint32(0)), (seed, member))
    return np.stack(words, axis=-1).reshape(-1)[:count].reshape(shape)


def _shape(state: Aval, shape: tuple[int, ...]) -> Aval:
    if state != Aval((4,), np.dtype("uint32")):
        raise ShapeError(f"random_bits: expected a state of seed, member, purpose and step as uint32[4], got {state}")
    return Aval(shape, np.dtype("uint32"))


def _load(b: Any, index: Any, load: Any, state: Aval, shape: tuple[int, ...]) -> Any:
    seed, member, purpose, step = (load(0, (b.index(k),)) for k in range(4))
    return b.philox(b.flat_index(index, shape), seed, member, purpose, step)


def _samples(rng: np.random.Generator) -> Any:
    for shape in ((37,), (5, 3), (4, 20), (3, 8)):
        yield Sample((rng.integers(0, 2**32, 4, dtype=np.uint32),), {"shape": shape})


_random_bits = register(
    Primitive("random_bits", _shape, _numpy, (None,), Elementwise(_load, WORDS), _samples, cost=150)
)


def random_bits(state: Tensor, shape: tuple[int, ...]) -> Tensor:
    """32 random bits per element, a function of state = (seed, member, purpose, step) and the element's position."""
    return bind(_random_bits, state, shape=tuple(shape))
