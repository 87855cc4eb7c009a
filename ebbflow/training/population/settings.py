"""Settings: the hyperparameters that a member is built with, from lists, grids and distributions."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.errors import ArgumentError
from ...functions.arguments import expect, expect_integer, expect_number

__all__ = ["Choice", "Integers", "LogUniform", "Setting", "Uniform", "settings_of"]


class Setting(Mapping[str, Any]):
    """Hyperparameters by name, read as setting.width or setting["width"], which cannot be changed."""

    def __init__(self, values: Mapping[str, Any]):
        self.__dict__.update(values)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"this setting has no {name}; it has {', '.join(self) or 'nothing'}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a setting cannot be changed; make a member with another {name}")

    def __repr__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.items()) or "no hyperparameters"


class Uniform:
    """Numbers of equal probability in [low, high). Raises ArgumentError unless low < high."""

    def __init__(self, low: float, high: float):
        owner = type(self).__name__
        self.low, self.high = expect_number(owner, "low", low), expect_number(owner, "high", high)
        expect(self.low < self.high, owner, "high", f"a number above low ({low:g})", high)

    def draw(self, generator: np.random.Generator) -> Any:
        return float(generator.uniform(self.low, self.high))


class LogUniform(Uniform):
    """Numbers in [low, high) whose logarithms have equal probability. Raises ArgumentError unless 0 < low < high."""

    def __init__(self, low: float, high: float):
        super().__init__(low, high)
        expect(self.low > 0.0, "LogUniform", "low", "a number above 0", low)

    def draw(self, generator: np.random.Generator) -> Any:
        return math.exp(generator.uniform(math.log(self.low), math.log(self.high)))


class Integers:
    """Whole numbers of equal probability from low to high, both included. Raises ArgumentError unless low <= high."""

    def __init__(self, low: int, high: int):
        self.low = expect_integer("Integers", "low", low, -(2**53), 2**53)
        self.high = expect_integer("Integers", "high", high, self.low, 2**53)

    def draw(self, generator: np.random.Generator) -> Any:
        return int(generator.integers(self.low, self.high, endpoint=True))


class Choice:
    """One of these values, each of equal probability. Raises ArgumentError for none."""

    def __init__(self, values: Sequence[Any]):
        expect(isinstance(values, (list, tuple)) and len(values) > 0, "Choice", "values", "a list of values", values)
        self.values = list(values)

    def draw(self, generator: np.random.Generator) -> Any:
        return self.values[int(generator.integers(len(self.values)))]


def settings_of(grid: Any, random: Any, members: Any, seed: int) -> list[Setting]:
    """The settings that a Population was asked for: one without hyperparameters where it was asked for none."""
    given = [name for name, value in (("grid", grid), ("random", random), ("members", members)) if value is not None]
    if len(given) > 1:
        raise ArgumentError(f"Population: expected one of grid, random and members, got {' and '.join(given)}")
    if grid is not None:
        return _of_grid(grid)
    if random is not None:
        return _of_random(random, seed)
    if members is not None:
        good = isinstance(members, (list, tuple)) and members and all(isinstance(one, Mapping) for one in members)
        expect(bool(good), "Population", "members", "a list of dicts of hyperparameters", members)
        return [Setting(one) for one in members]
    return [Setting({})]


def _of_grid(grid: Any) -> list[Setting]:
    """Every combination, the last hyperparameter changing fastest."""
    expect(isinstance(grid, Mapping), "Population", "grid", "a dict of lists", grid)
    for name, values in grid.items():
        good = isinstance(values, (list, tuple, range, np.ndarray)) and len(values) > 0
        expect(good, "Population", f"grid[{name!r}]", "a list of values", values)
    return [Setting(dict(zip(grid, values, strict=True))) for values in itertools.product(*grid.values())]


def _of_random(random: Any, seed: int) -> list[Setting]:
    pair = isinstance(random, (tuple, list)) and len(random) == 2 and isinstance(random[0], Mapping)
    expect(pair, "Population", "random", "a dict of distributions and how many settings to draw", random)
    distributions, count = random
    count = expect_integer("Population", "random[1]", count, 1)
    generator = np.random.default_rng(seed)
    return [Setting({name: _drawn(name, one, generator) for name, one in distributions.items()}) for _ in range(count)]


def _drawn(name: str, distribution: Any, generator: np.random.Generator) -> Any:
    """One value: of a distribution of ours, of SciPy's (`rvs`), or of a list."""
    if isinstance(distribution, (list, tuple)):
        distribution = Choice(distribution)
    if hasattr(distribution, "draw"):
        return distribution.draw(generator)
    if hasattr(distribution, "rvs"):
        value = distribution.rvs(random_state=generator)
        return value.item() if isinstance(value, np.generic) else value
    raise ArgumentError(
        f"Population: expected random[0][{name!r}] to be a list or a distribution such as LogUniform(1e-4, 1e-2), got "
        f"{distribution!r}"
    )
