"""Random words for a tile of a product, made beside its sums: each turn of their innermost loop does one round."""

from __future__ import annotations

from ..core.graph import Node
from ..ops.random import ROUNDS, WORDS
from .evaluate import Evaluator
from .index import LANES, Index, flatten
from .kernels import Position
from .loops import Value
from .numerics import next_philox_key, philox_counter, philox_round
from .sums import Meanwhile


class TileNoise:
    """The words of a node for all rows of a tile, where every four rows share a block of the generator.

    Parameters:
        evaluator: of the tile, which is told the words.
        node: of the primitive random_bits.
        positions: of the tile's rows.
        blocks: as `blocks_of` finds them.
    """

    def __init__(self, evaluator: Evaluator, node: Node, positions: list[Position], blocks: list[Index]):
        self.evaluator, self.b, self.node, self.positions = evaluator, evaluator.b, node, positions
        seed, member, purpose, step = self._state()
        own = [self.b.cast(self.b.splat(word), "int64") for word in (purpose, step)]
        counters = [word for block in blocks for word in philox_counter(self.b, block, *own)]
        keys = [self.b.cast(word, "int64") for word in (seed, member)]
        self.rounds = Meanwhile(self._round, [*keys, *counters], ROUNDS)

    def _state(self) -> list[Value]:
        """The four numbers of the node's state, read once, before all loops."""
        b, access, storage = self.b, self.evaluator.access, self.evaluator.storage
        with b.outermost():
            b.lanes = 1
            reader = Evaluator(b, access, storage, set())
            words = [reader.value(self.node.inputs[0], (Index({}, k),)) for k in range(4)]
            b.lanes = LANES
        return words

    def _round(self, state: list[Value]) -> list[Value]:
        """The state after one more round of all blocks."""
        keys, counters = state[:2], state[2:]
        own = [self.b.splat(key) for key in keys]
        blocks = [counters[k : k + WORDS] for k in range(0, len(counters), WORDS)]
        rounded = [word for block in blocks for word in philox_round(self.b, block, own)]
        return [*next_philox_key(self.b, keys), *rounded]

    def tell(self) -> None:
        """Do the rounds that are left, and tell the evaluator the words."""
        state = self.rounds.state
        for _ in range(self.rounds.left or 0):
            state = self._round(state)
        for position, word in zip(self.positions, state[2:], strict=True):
            self.evaluator.preset(self.node, position, self.b.cast(word, "uint32"))


def blocks_of(node: Node, positions: list[Position]) -> list[Index] | None:
    """The block of each four rows, whose words are theirs in turn in every lane; None where rows lie otherwise."""
    if len(positions) % WORDS:
        return None
    elements = [flatten(position, node.aval.shape) for position in positions]
    blocks = [element // WORDS for element in elements[::WORDS]]
    fits = all(e // WORDS == blocks[k // WORDS] and e % WORDS == Index({}, k % WORDS) for k, e in enumerate(elements))
    return blocks if fits else None
