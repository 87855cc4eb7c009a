"""Random tensors: `ebbflow.random.normal` and its like; all follow from `set_random_seed`."""

from .functions.random import (
    SeedGenerator,
    dropout,
    normal,
    permutation,
    set_random_seed,
    truncated_normal,
    uniform,
)

__all__ = ["SeedGenerator", "dropout", "normal", "permutation", "set_random_seed", "truncated_normal", "uniform"]
