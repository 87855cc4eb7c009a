"""The memory of a native program: how it is kept equal to the model's variables, and how a step in it is undone."""

import time

import numpy as np

from ..compile import Program, view
from ..core.tensor import Tensor
from ..core.variable import Variable
from .runner import SELDOM

SNAPSHOT_SECONDS = 1.0


class State:
    """A program's memory, and how it is kept equal to the model's variables."""

    def __init__(self, program: Program, keeps_best: bool = False):
        self.program, self.keeps_best = program, keeps_best
        self.arena = program.new_arena(keeps_best)
        self.is_stored = False  # whether the variables have the values that the arena has
        self._seen: dict[Variable, Tensor] = {}
        self._first: tuple[np.ndarray, dict[Variable, Tensor]] | None = None

    def load(self) -> bool:
        """Take over variables that were assigned since they were last seen; returns whether there were any."""
        changed = False
        self.is_stored |= not self._seen
        for variable, buffer in self.program.variables.items():
            tensor = variable.held
            if self._seen.get(variable) is not tensor:
                buffer.layout.pack(tensor.numpy(), view(self.arena, buffer))
                self._seen[variable] = tensor
                changed = True
        return changed

    def load_again(self) -> None:
        """Go back to the variables' values."""
        self._seen.clear()
        self.load()

    def rewind(self) -> None:
        """Go back, in one copy, to the values that variables had when this was first called.

        `load` then takes over those that have others now. It is for fits whose end nobody stores in the variables.
        """
        kept = self.arena[: self.program.blueprint.kept]
        if self._first is None:
            self.load()
            self._first = kept.copy(), dict(self._seen)
        else:
            kept[:], self._seen = self._first[0], dict(self._first[1])
        self.is_stored = True

    def store(self) -> None:
        """Give the variables the values that the program has, but for those that were assigned meanwhile."""
        variables = self.program.variables.items()
        places = [(variable, buffer) for variable, buffer in variables if self._seen.get(variable) is variable.held]
        values = [(variable, buffer.layout.unpack(view(self.arena, buffer))) for variable, buffer in places]
        for variable, array in values:
            variable.swap(array)
            self._seen[variable] = variable.held
        self.is_stored = True

    def values(self, variables: list[Variable], shift: int = 0) -> list[np.ndarray]:
        """The values of these variables, or of the copy of them that lies `shift` bytes further on."""
        result = []
        for variable in variables:
            buffer = self.program.variables.get(variable)
            if buffer is None:
                result.append(variable.held.numpy().copy())
                continue
            assert buffer.offset is not None
            start = buffer.offset + shift
            memory = self.arena[start : start + buffer.nbytes].view(buffer.aval.dtype)
            result.append(buffer.layout.unpack(memory))
        return result


class Snapshot:
    """What lives on between steps, as it was at some time: not copied while the model's variables still hold it."""

    def __init__(self, state: State, table: np.ndarray):
        self._state, self._table = state, table
        self._kept: np.ndarray | None = None
        self._old = table.copy()
        self.until = time.perf_counter() + SNAPSHOT_SECONDS
        if not state.is_stored:
            self.renew()

    def renew(self) -> None:
        """Copy the present state; the longer that takes, the later it is done again."""
        start = time.perf_counter()
        kept = self._state.program.blueprint.kept
        if self._kept is None:
            self._kept = np.empty(kept, np.uint8)
        self._kept[:] = self._state.arena[:kept]
        self._old[:] = self._table
        now = time.perf_counter()
        self.until = now + max(SNAPSHOT_SECONDS, SELDOM * (now - start))

    def restore(self) -> None:
        """Bring it back, but for what belongs to the threads' meeting."""
        if self._kept is None:
            self._state.load_again()
        else:
            self._state.arena[: len(self._kept)] = self._kept
        self._table[32:] = self._old[32:]
