"""Positions as affine sums of loop variables, so that addresses are known to the compiler, not only to the machine.

    index = constant + sum of coefficient * variable

The variable LANE is the position within a vector: its coefficient in an address says how a vector is loaded (1: in one
piece, 0: one element for all lanes, else lane by lane).
"""

from collections.abc import Iterable
from typing import Any

LANES = 16


class Variable:
    """A loop variable: 0 <= value < size at run time; uses_lane: whether its value is another one in each lane."""

    __slots__ = ("name", "size", "uses_lane", "value")

    def __init__(self, name: str, size: int, value: Any = None, uses_lane: bool = False):
        self.name, self.size, self.value, self.uses_lane = name, size, value, uses_lane

    def __repr__(self) -> str:
        return self.name


class Quotient(Variable):
    """floor(index / divisor) or index mod divisor, where the compiler cannot simplify it."""

    __slots__ = ("divisor", "index", "remainder")

    def __init__(self, index: "Index", divisor: int, remainder: bool):
        size = divisor if remainder else index.maximum // divisor + 1
        super().__init__(f"({index} {'mod' if remainder else 'div'} {divisor})", size, uses_lane=index.uses_lane)
        self.index, self.divisor, self.remainder = index, divisor, remainder

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quotient) and (self.index, self.divisor, self.remainder) == (
            other.index,
            other.divisor,
            other.remainder,
        )

    def __hash__(self) -> int:
        return hash((self.index, self.divisor, self.remainder))


class Clamp(Variable):
    """index held between 0 and size - 1."""

    __slots__ = ("index",)

    def __init__(self, index: "Index", size: int):
        super().__init__(f"clamp({index}, {size})", size, uses_lane=index.uses_lane)
        self.index = index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clamp) and (self.index, self.size) == (other.index, other.size)

    def __hash__(self) -> int:
        return hash((self.index, self.size))


LANE = Variable("lane", LANES, uses_lane=True)


class Index:
    """An affine sum, immutable and hashable."""

    __slots__ = ("_hash", "constant", "terms")

    def __init__(self, terms: dict[Variable, int] | None = None, constant: int = 0):
        self.terms = {v: c for v, c in terms.items() if c != 0 and v.size > 1} if terms else {}
        self.constant = constant
        self._hash: int | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self.constant == other.constant and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((frozenset(self.terms.items()), self.constant))
        return self._hash

    def __repr__(self) -> str:
        parts = [v.name if c == 1 else f"{c}*{v.name}" for v, c in self.terms.items()]
        return " + ".join(parts + ([str(self.constant)] if self.constant or not parts else []))

    @property
    def maximum(self) -> int:
        return self.constant + sum(c * (v.size - 1) for v, c in self.terms.items() if c > 0)

    @property
    def minimum(self) -> int:
        return self.constant + sum(c * (v.size - 1) for v, c in self.terms.items() if c < 0)

    def coefficient(self, variable: Variable) -> int:
        return self.terms.get(variable, 0)

    def __add__(self, other: "Index | int") -> "Index":
        return _sum(self.terms, self.constant + other) if isinstance(other, int) else weighted([(self, 1), (other, 1)])

    def __sub__(self, other: "Index | int") -> "Index":
        return self + (-other) if isinstance(other, int) else weighted([(self, 1), (other, -1)])

    def __mul__(self, factor: int) -> "Index":
        return weighted([(self, factor)])

    def _split(self, divisor: int) -> "tuple[Index, Index] | None":
        """(quotient, remainder) when the terms that divisor does not divide stay within [0, divisor)."""
        whole: dict[Variable, int] = {}
        others: dict[Variable, int] = {}
        for v, c in self.terms.items():
            if c % divisor:
                others[v] = c
            else:
                whole[v] = c // divisor
        rest = _sum(others, self.constant % divisor)
        if rest.minimum >= 0 and rest.maximum < divisor:
            return _sum(whole, self.constant // divisor), rest
        return None

    def __divmod__(self, divisor: int) -> "tuple[Index, Index]":
        if divisor == 1:
            return self, Index()
        split = self._split(divisor)
        return split or (Index({Quotient(self, divisor, False): 1}), Index({Quotient(self, divisor, True): 1}))

    def __floordiv__(self, divisor: int) -> "Index":
        return divmod(self, divisor)[0]

    def __mod__(self, divisor: int) -> "Index":
        return divmod(self, divisor)[1]

    def clamped(self, size: int) -> "Index":
        """This index where it is within [0, size), else the nearest end."""
        return self if self.minimum >= 0 and self.maximum < size else Index({Clamp(self, size): 1})

    def at_lane(self, lane: int) -> "Index":
        """The index of one lane."""
        result = Index({}, self.constant)
        for v, c in self.terms.items():
            if v is LANE:
                result += lane * c
            elif isinstance(v, Quotient):
                inner = v.index.at_lane(lane)
                result += ((inner % v.divisor) if v.remainder else (inner // v.divisor)) * c
            elif isinstance(v, Clamp):
                result += v.index.at_lane(lane).clamped(v.size) * c
            else:
                result += Index({v: c})
        return result

    @property
    def uses_lane(self) -> bool:
        return any(v.uses_lane for v in self.terms)

    @property
    def is_affine(self) -> bool:
        return not any(isinstance(v, (Quotient, Clamp)) for v in self.terms)


def _sum(terms: dict[Variable, int], constant: int) -> Index:
    """An index of terms that are known to count."""
    index = Index.__new__(Index)
    index.terms, index.constant, index._hash = terms, constant, None
    return index


def weighted(parts: Iterable[tuple[Index, int]]) -> Index:
    """The sum of all index * weight."""
    terms: dict[Variable, int] = {}
    constant = 0
    for index, weight in parts:
        constant += index.constant * weight
        for v, c in index.terms.items():
            terms[v] = terms.get(v, 0) + c * weight
    return _sum(terms if all(terms.values()) else {v: c for v, c in terms.items() if c}, constant)


def variable_index(variable: Variable) -> Index:
    return Index({variable: 1})


def flatten(index: tuple[Index, ...], shape: tuple[int, ...]) -> Index:
    """The row-major position of an element."""
    weights = [1]
    for n in reversed(shape[1:]):
        weights.append(weights[-1] * n)
    return weighted(zip(index, reversed(weights[: len(shape)]), strict=True))


def unflatten(flat: Index, shape: tuple[int, ...]) -> tuple[Index, ...]:
    """The element at a row-major position."""
    result: list[Index] = []
    for n in reversed(shape[1:]):
        flat, inside = divmod(flat, n)
        result.append(inside)
    return tuple([flat, *reversed(result)]) if shape else ()


def reindex(index: tuple[Index, ...], shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[Index, ...]:
    """Where the element `index` of an array of `shape` lies when it is reshaped to `target`.

    Groups of axes with equal products are handled apart, so that axes that a reshape leaves alone stay themselves.
    """
    result: list[Index] = []
    i = j = 0
    while i < len(shape) or j < len(target):
        here, there = shape[i : i + 1], target[j : j + 1]
        if not here or (there and there == (1,) and here != (1,)):
            result.append(Index())
            j += 1
            continue
        if not there or (here == (1,) and there != (1,)):
            i += 1
            continue
        a, b, m, n = i + 1, j + 1, here[0], there[0]
        while m != n:
            if m < n:
                m *= shape[a]
                a += 1
            else:
                n *= target[b]
                b += 1
        group = index[i:a]
        result += group if shape[i:a] == target[j:b] else unflatten(flatten(group, shape[i:a]), target[j:b])
        i, j = a, b
    return tuple(result)
