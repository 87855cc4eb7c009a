"""What `ebbflow tune` searches: hyperparameters, their ranges, and the settings that are drawn from them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ebbflow.cli.memory import free_memory, needed_memory
from ebbflow.core.errors import ArgumentError
from ebbflow.population import Choice, LogUniform

WIDTHS, DEPTHS = (16, 32, 64, 128, 256), (1, 2, 3)
DIGITS = 3  # of a rate: more would only be harder to read and to type again

Setting = dict[str, Any]
Space = Mapping[str, Any]


def default_space(features: int, outputs: int, rows: int, batch_size: int, networks: int) -> Space:
    """Ranges around what works on most tables; widths only as large as the memory for so many networks at once allows.

    width and depth: of the hidden layers. dropout: share of hidden units, next to nothing at its lower end.
    weight_decay: of AdamW. batch_size: half and twice the usual one.
    Raises ArgumentError if not even the smallest width fits.
    """
    batches = sorted({min(rows, max(16, batch_size // 2)), min(rows, 2 * batch_size)})
    free = free_memory()
    widths = [w for w in WIDTHS if networks * needed_memory((features, w, w, w, outputs), batches[-1]) <= free]
    if not widths:
        raise ArgumentError(
            f"table: {features:,} encoded columns need more than the free memory for {networks} networks of width "
            f"{WIDTHS[0]} at once; use fewer --threads, or leave columns out"
        )
    return {
        "width": Choice(widths),
        "depth": Choice(DEPTHS),
        "learning_rate": LogUniform(3e-4, 2e-2),
        "dropout": LogUniform(0.01, 0.5),
        "weight_decay": LogUniform(1e-4, 1.0),
        "batch_size": Choice(batches),
    }


def draw_settings(space: Space, seed: int) -> Iterator[Setting]:
    """Settings without end, the same for the same seed."""
    generator = np.random.default_rng(seed)
    while True:
        yield {name: _rounded(distribution.draw(generator)) for name, distribution in space.items()}


def describe_space(space: Space) -> list[str]:
    """One line for each hyperparameter."""
    lines = []
    for name, one in space.items():
        drawn_from = ", ".join(map(str, one.values)) if isinstance(one, Choice) else f"{one.low:g} to {one.high:g}"
        lines.append(f"{name:<14} {drawn_from}")
    return lines


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
