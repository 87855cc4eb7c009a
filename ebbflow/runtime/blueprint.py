"""What a program's memory is like: all that is needed to run its machine code, as plain data that is kept beside it."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.aval import Aval
from ..lowering.layout import Buffer, Layout


@dataclass(frozen=True)
class Blueprint:
    """Where everything lies in the arena of a program.

    Attributes:
        variables: the buffers of the variables, in the order in which the steps first name them.
        outputs: for each step, where its results are afterwards.
        constants: buffers with the arrays that they must hold.
        flops: multiplications and additions of the products in each step.
        nbytes: the size of the arena; kept: how much of it, from its start, lives on between steps.
        weights: (offset, bytes) of the variables that are the model's weights.
        best: offset of a copy of them, behind all else, for whoever keeps the best ones.
    """

    variables: list[Buffer]
    outputs: dict[str, list[Buffer]]
    constants: list[tuple[Buffer, np.ndarray]]
    flops: dict[str, int]
    nbytes: int
    kept: int
    weights: tuple[int, int]
    best: int

    def to_bytes(self) -> bytes:
        """As JSON."""
        document = {
            "variables": [_describe(buffer) for buffer in self.variables],
            "outputs": {name: [_describe(buffer) for buffer in buffers] for name, buffers in self.outputs.items()},
            "constants": [
                [_describe(buffer), base64.b64encode(value.tobytes()).decode()] for buffer, value in self.constants
            ],
            "flops": self.flops,
            "sizes": [self.nbytes, self.kept, *self.weights, self.best],
        }
        return json.dumps(document).encode()


def from_bytes(data: bytes) -> Blueprint:
    """The blueprint that `to_bytes` described."""
    document = json.loads(data)
    nbytes, kept, start, length, best = document["sizes"]
    constants = []
    for described, text in document["constants"]:
        buffer = _buffer(described)
        constants.append((buffer, np.frombuffer(base64.b64decode(text), buffer.aval.dtype).reshape(buffer.aval.shape)))
    return Blueprint(
        variables=[_buffer(described) for described in document["variables"]],
        outputs={name: [_buffer(one) for one in described] for name, described in document["outputs"].items()},
        constants=constants,
        flops=document["flops"],
        nbytes=nbytes,
        kept=kept,
        weights=(start, length),
        best=best,
    )


def _describe(buffer: Buffer) -> list[Any]:
    layout = buffer.layout
    return [buffer.name, buffer.kind, buffer.dtype, layout.shape, layout.lane_axis, layout.panels, buffer.offset]


def _buffer(described: list[Any]) -> Buffer:
    name, kind, dtype, shape, lane_axis, panels, offset = described
    shape = tuple(shape)
    buffer = Buffer(name, Aval(shape, np.dtype(dtype)), Layout(shape, lane_axis, panels), kind)
    buffer.offset = offset
    return buffer
