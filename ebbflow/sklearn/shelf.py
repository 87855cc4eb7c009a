"""The shelf: the programs of one structure, compiled once for all networks that have it."""

import copy
import threading
from collections.abc import Callable
from typing import Any

from ..compile import Program
from ..core.variable import Variable
from ..training.compiled import CompiledRunner
from ..training.plan import Plan
from ..training.population.structure import variables_of
from ..training.thread_choice import ThreadChoice
from . import crew

MOST_PROGRAMS = 16  # of a structure, by numbers of rows
_compiling = threading.Lock()  # fits whose programs are there go on meanwhile


class Shelf:
    """Programs by what they were made for; whichever network needs one first has it compiled."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[Program, list[Variable]]] = {}

    def program(self, key: Any, model: Any, make: Callable[[], Program]) -> Program:
        """The program for this key, with the variables of this model in place of those that it was made with."""
        with _compiling:
            if key not in self._known:
                if len(self._known) >= MOST_PROGRAMS:
                    self._known.clear()
                self._known[key] = make(), variables_of(model)
            program, variables = self._known[key]
        own = dict(zip(variables, variables_of(model), strict=True))
        program = copy.copy(program)
        program.variables = {own.get(variable, variable): buffer for variable, buffer in program.variables.items()}
        return program


class ShelfRunner(CompiledRunner):
    """A runner with a program from the shelf, on one thread in a worker, since the other cores have other work."""

    def __init__(self, model: Any, plan: Plan, shelf: Shelf):
        self._shelf = shelf
        super().__init__(model, plan)

    def _begin(self) -> None:
        super()._begin()
        self._state.rewind()
        if crew.is_worker():
            self._threads = ThreadChoice(flops=0)
            self._threads.present = 1

    def _compile(self) -> Program:
        return self._shelf.program(self._key(), self._model, super()._compile)
