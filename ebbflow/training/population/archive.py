"""The archive: what became of each member, a few words and numbers in memory, its arrays in a store."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .checkpoint import Checkpoint
from .desk import Outcome, Paused
from .store import Handle, Store

__all__ = ["Archive", "Record"]


@dataclass(frozen=True)
class Record:
    """What stays in memory of an outcome, whose attributes the first four are.

    Attributes:
        logs: the logged numbers of the epoch that its weights are of; NaN if there is none.
        parts: where its history, its weights, and where it paused are, as far as there are any.
    """

    status: str
    epochs: int
    epoch: int
    names: tuple[str, ...]
    logs: tuple[float, ...]
    parts: Mapping[str, Handle]


class Archive(Mapping[int, Record]):
    """The records of members, by number.

    Parameters:
        memory: bytes of arrays that may lie in memory.
        folder: where members are kept, too; what memory has no room for is read from there.
    """

    def __init__(self, memory: int, folder: Checkpoint | None = None):
        self._store, self._folder = Store(memory), folder
        self._records: dict[int, Record] = {}

    def __getitem__(self, number: int) -> Record:
        return self._records[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def take_up(self, numbers: Iterable[int]) -> None:
        """Put away what the folder has of these members."""
        if self._folder is not None:
            for number, outcome in self._folder.members(numbers):
                self._put(number, outcome)

    def put(self, number: int, outcome: Outcome) -> None:
        """Put away what became of a member; raises OSError where the disk is full, and then has what it had before."""
        if self._folder is not None:
            self._folder.keep(number, outcome)
        self._put(number, outcome)

    def _put(self, number: int, outcome: Outcome) -> None:
        told = outcome.history[outcome.epoch].tolist() if outcome.epoch >= 0 else [math.nan] * len(outcome.names)
        parts: dict[str, Handle] = {}
        try:
            for name, arrays in _arrays(outcome).items():
                parts[name] = self._store.put(arrays, self._again(number, name))
        except OSError:
            self._free(parts)
            raise
        before = self._records.get(number)
        self._records[number] = Record(outcome.status, outcome.epochs, outcome.epoch, outcome.names, tuple(told), parts)
        if before is not None:
            self._free(before.parts)

    def _again(self, number: int, part: str) -> Callable[[], list[np.ndarray]] | None:
        """How to read a part from the folder: no histories, which a search reads often, from files that are checked."""
        return None if self._folder is None or part == "history" else partial(self._folder.part, number, part)

    def _free(self, parts: Mapping[str, Handle]) -> None:
        for handle in parts.values():
            self._store.free(handle)

    def history(self, number: int) -> np.ndarray:
        """As of Outcome."""
        return self._store.get(self._records[number].parts["history"])[0]

    def weights(self, number: int) -> list[np.ndarray] | None:
        """As of Outcome; copies, which may be changed."""
        arrays = self._part(number, "weights")
        return None if arrays is None else [array.copy() for array in arrays]

    def paused(self, number: int) -> Paused:
        """Where a member paused."""
        return Paused(*self._store.get(self._records[number].parts["paused"]))

    def outcome(self, number: int) -> Outcome:
        """All of it."""
        record = self._records[number]
        paused = self.paused(number) if "paused" in record.parts else None
        parts = self.history(number), self._part(number, "weights"), paused
        return Outcome(record.status, record.epochs, record.epoch, record.names, *parts)

    def _part(self, number: int, name: str) -> list[np.ndarray] | None:
        handle = self._records[number].parts.get(name)
        return None if handle is None else self._store.get(handle)

    def __getstate__(self) -> dict[str, Any]:
        """Another process has files of its own."""
        return {"memory": self._store.bound, "outcomes": {number: self.outcome(number) for number in self}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._store, self._folder, self._records = Store(state["memory"]), None, {}
        for number, outcome in state["outcomes"].items():
            self._put(number, outcome)


def _arrays(outcome: Outcome) -> dict[str, Sequence[np.ndarray]]:
    """What of an outcome is put away."""
    parts: dict[str, Any] = {"history": [outcome.history], "weights": outcome.weights, "paused": outcome.paused}
    return {name: arrays for name, arrays in parts.items() if arrays is not None}
