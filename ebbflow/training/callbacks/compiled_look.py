"""Looking at a sample of rows with native code, between the epochs of a compiled fit."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import numpy as np

from ...compile import Step, compile_program
from ...core.tensor import Tensor
from ..compiled import program_of, traced, type_of
from ..inference import NOTHING_LEFT, Batches

Figures = Callable[[Tensor, Tensor], dict[str, Tensor]]


def look(model: Any, figures: Figures, key: Hashable, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The figures of these rows by name; the program for it is kept with the model, under the key."""
    rows = {"x": np.ascontiguousarray(x), "y": np.ascontiguousarray(y)}
    kept = key, len(x), tuple(map(type_of, rows.values()))
    make: Any = partial(_Look, model, figures, rows)  # kept as programs are, for as long as the model is the same
    found: Any = program_of(model, kept, make)
    return found(*rows.values())


class _Look:
    """A program of one step, which leaves figures as its results."""

    def __init__(self, model: Any, figures: Figures, rows: dict[str, np.ndarray]):
        def step(x: Tensor, y: Tensor) -> list[Tensor]:
            found = figures(x, y)
            self.names = list(found)
            return list(found.values())

        count, types = len(rows["x"]), [array.dtype for array in rows.values()]
        self.program = compile_program({"look": Step(traced(step, rows, count, "look"), types)}, model.weights)
        self.batches = Batches(self.program, "look", count, 1, 0)

    def __call__(self, *arrays: np.ndarray) -> dict[str, float]:
        self.batches.state.load()
        self.batches.take(*arrays)
        self.batches.run(NOTHING_LEFT)
        values = self.program.results("look", self.batches.state.arena)
        return dict(zip(self.names, map(float, values), strict=True))
