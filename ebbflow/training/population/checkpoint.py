"""Checkpoints: members that are done are kept in a folder; a population that was killed goes on with the others."""

import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ModelFileError
from ...core.files import atomic_write
from ..modelfile import read_model_file, write_model_file
from .desk import Outcome
from .roster import Roster

__all__ = ["Checkpoint"]


class Checkpoint:
    """A folder with a file for each member that is done.

    Parameters:
        path: the folder, made if it does not exist.
        roster: of the population; its members, rows and work must be those of the folder.

    Raises ArgumentError for a folder of another population.
    """

    def __init__(self, path: str | os.PathLike[str], roster: Roster):
        self._folder = Path(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        likeness, mark = _likeness(roster), self._folder / "population.json"
        if not mark.exists():
            atomic_write(mark, json.dumps({"population": likeness}).encode())
        elif json.loads(mark.read_text()).get("population") != likeness:
            raise ArgumentError(
                f"fit: expected checkpoint={str(path)!r} to hold members of this population, got those of one with "
                "other settings, seeds, rows or epochs; give another folder, or delete it"
            )

    def done(self) -> Iterator[tuple[int, Outcome]]:
        """The members in the folder; a damaged file is as none."""
        for path in sorted(self._folder.glob("member-*.ebb")):
            try:
                document, arrays = read_model_file(path)
            except ModelFileError:
                continue  # the member is trained again
            told = document["member"]
            weights = [arrays[f"weights/{k}"] for k in range(told["weights"])] if told["weights"] is not None else None
            names = tuple(told["names"])
            yield (
                told["number"],
                Outcome(told["status"], told["epochs"], told["epoch"], names, arrays["history"], weights),
            )

    def keep(self, number: int, outcome: Outcome) -> None:
        """Write a member down; the file appears complete or not at all."""
        arrays = {f"weights/{k}": weight for k, weight in enumerate(outcome.weights or [])}
        told = {
            "number": number,
            "status": outcome.status,
            "epochs": outcome.epochs,
            "epoch": outcome.epoch,
            "names": list(outcome.names),
            "weights": None if outcome.weights is None else len(outcome.weights),
        }
        path = self._folder / f"member-{number:06d}.ebb"
        write_model_file(path, {"member": told, "arrays": {}}, arrays | {"history": outcome.history})


def _likeness(roster: Roster) -> str:
    """A digest of all that decides what becomes of the members, but for the code of `build`."""
    work = roster.work
    stopping = None if work.stopping is None else {k: v for k, v in vars(work.stopping).items() if _is_plain(v)}
    told: list[Any] = [work.batch_size, work.validation_batch_size, work.epochs, work.shuffle, stopping]
    for rows in (work.data, work.held or {}):
        told.append([(name, str(array.dtype), array.shape, _sum(array)) for name, array in rows.items()])
    for number, member in enumerate(roster.members):
        fold = roster.fold(number)
        rows = [None if chosen is None else _sum(chosen) for chosen in (fold.train, fold.validation)]
        setting = {name: _told(value) for name, value in roster.settings[member.setting].items()}
        told.append([setting, member.seed, rows])
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _told(value: Any) -> str:
    """A value in words that are the same in every process."""
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, type(None)))


def _sum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data) if array.size else 0
