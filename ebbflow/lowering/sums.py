"""The innermost loops of a product: for every row of a tile, a sum of products kept in a register of 16 lanes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from .index import LANE, LANES, Index, Variable
from .kernels import Frame
from .layout import Buffer
from .loops import Value

UNROLL = 2


@dataclass
class Meanwhile:
    """What is done beside the products.

    Attributes:
        turn: called in turns of the innermost loop, with the state that it returns anew.
        state: what it begins with, later what it came to.
        left: in how many turns; None for all.
    """

    turn: Callable[[list[Value]], list[Value]]
    state: list[Value]
    left: int | None = None

    def take(self, passes: int, turns: int) -> int:
        """In how many of the innermost loop's turns it is called, in each of its passes; they are counted off."""
        if self.left is None:
            return turns
        taken = min(turns, self.left // passes)
        self.left -= passes * taken
        return taken


@dataclass
class Operand:
    """How one operand is addressed: a pointer per row of the tile, or one with constant distances, and steps per k."""

    buffer: Buffer
    vector: bool
    aligned: bool
    bases: list[Index]  # per row of the tile, without the summed variables
    strides: list[int]  # per summed variable


def separate(offsets: list[Index], variables: list[Variable]) -> tuple[Any, Any]:
    """Addresses as bases and the summed variables' strides; (None, None) where they are not affine."""
    strides = [offsets[0].coefficient(v) for v in variables]
    bases = []
    for offset in offsets:
        if [offset.coefficient(v) for v in variables] != strides:
            return None, None
        base = Index({v: c for v, c in offset.terms.items() if v not in variables}, offset.constant)
        hidden = [v for v in base.terms if hasattr(v, "index")]
        if any(_mentions(v, variables) or Index({v: 1}).uses_lane for v in hidden):
            return None, None
        bases.append(base)
    return bases, strides


def _mentions(variable: Any, variables: list[Variable]) -> bool:
    return any(v in variables or (hasattr(v, "index") and _mentions(v, variables)) for v in variable.index.terms)


def turns_of(counts: Sequence[int], unroll: int) -> int:
    """How many turns the innermost loop makes in all."""
    kept = [count for count in counts if count > 1] or [1]
    turns = kept[-1] // min(unroll, kept[-1])
    for count in kept[:-1]:
        turns *= count
    return turns


class ProductLoops:
    """The nest of loops over the summed variables: pointers are carried, rows are constant distances apart.

    Parameters:
        operands: the two factors, with as many bases as the tile has rows.
        counts: how often each of the nested loops turns.
        unroll: how many products a turn of the innermost loop adds to each row.
        meanwhile: what is done beside the products, if anything.
    """

    def __init__(
        self,
        frame: Frame,
        operands: Sequence[Operand],
        counts: Sequence[int],
        unroll: int = UNROLL,
        meanwhile: Meanwhile | None = None,
    ):
        kept = [k for k, count in enumerate(counts) if count > 1] or [len(counts) - 1][: len(counts)]
        self.frame, self.b, self.unroll, self.meanwhile = frame, frame.b, unroll, meanwhile
        self.counts = [counts[k] for k in kept]
        self.strides = [[operand.strides[k] for k in kept] for operand in operands]
        self.operands = operands
        self.pointers: list[Value] = []
        self.rows = [self._rows_of(operand) for operand in operands]

    def add(self, sums: list[Value]) -> list[Value]:
        """The sums with all products added in the order of the loops."""
        state = self.meanwhile.state if self.meanwhile else []
        result = self._nest(0, self.pointers, [*sums, *state], len(sums))
        if self.meanwhile:
            self.meanwhile.state = result[len(sums) :]
        return result[: len(sums)]

    def _rows_of(self, operand: Operand) -> list[tuple[int, int]]:
        """Per row: which of the pointers, and the distance from it."""
        rows: list[tuple[int, int]] = []
        heads: list[tuple[Index, int]] = []
        for base in operand.bases:
            base = base - (Index({LANE: 1}) if operand.vector else 0)
            near = next(((h, base - i) for i, h in heads if not (base - i).terms), None)
            if near is None:
                heads.append((base, len(self.pointers)))
                pointer = self.frame.access.pointer(operand.buffer)
                self.pointers.append(self.b.at(pointer, operand.buffer.dtype, self.b.position(base)))
                rows.append((heads[-1][1], 0))
            else:
                rows.append((near[0], near[1].constant))
        return rows

    def _nest(self, k: int, at: list[Value], values: list[Value], height: int) -> list[Value]:
        """The loops from the k-th on; values: the sums, then the state."""
        if k == len(self.counts):
            return [*self._step(at, values[:height]), *values[height:]]
        innermost = k == len(self.counts) - 1
        unroll = min(self.unroll, self.counts[k]) if innermost else 1
        whole, tail = divmod(self.counts[k], unroll)

        def turns(low: int, high: int, values: list[Value], meanwhile: Meanwhile | None = None) -> list[Value]:
            def turn(_: Any, *carried: Value) -> list[Value]:
                here, totals = list(carried[: len(at)]), list(carried[len(at) :])
                for q in range(unroll):
                    totals = self._nest(k + 1, self._advance(here, k, q), totals, height)
                if meanwhile:
                    totals[height:] = meanwhile.turn(totals[height:])
                return [*self._advance(here, k, unroll), *totals]

            return self.b.loop(low, high, 1, turn, values, name="k")

        meanwhile = self.meanwhile if innermost else None
        busy = meanwhile.take(prod(self.counts[:-1]), whole) if meanwhile else 0
        carried = turns(busy, whole, turns(0, busy, [*at, *values], meanwhile))
        at, values = list(carried[: len(at)]), list(carried[len(at) :])
        for q in range(tail):
            values = self._nest(k + 1, self._advance(at, k, q), values, height)
        return values

    def _advance(self, at: list[Value], k: int, times: int) -> list[Value]:
        """The pointers after so many turns of the k-th loop."""
        result = list(at)
        for operand, strides, rows in zip(self.operands, self.strides, self.rows, strict=True):
            for which in {row[0] for row in rows}:
                result[which] = self.b.at(at[which], operand.buffer.dtype, strides[k] * times)
        return result

    def _step(self, at: list[Value], sums: list[Value]) -> list[Value]:
        """One product added to every row's sum."""
        known: dict[tuple[int, int, int], Value] = {}
        result = []
        for r, total in enumerate(sums):
            factors = []
            for k, (operand, rows) in enumerate(zip(self.operands, self.rows, strict=True)):
                key = (k, *rows[r])
                if key not in known:
                    known[key] = self._fetch(operand, at[rows[r][0]], rows[r][1])
                factors.append(known[key])
            result.append(self.b.fma(factors[0], factors[1], total))
        return result

    def _fetch(self, operand: Operand, pointer: Value, distance: int) -> Value:
        at = self.b.at(pointer, operand.buffer.dtype, distance)
        if operand.vector:
            return self.b.load(at, operand.buffer.dtype, LANES, operand.aligned)
        return self.b.splat(self.b.load(at, operand.buffer.dtype))
