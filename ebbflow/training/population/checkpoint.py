"""Checkpoints: members that are done or pause are kept in a folder; a population that was killed goes on from there."""

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ArgumentError, ModelFileError
from ...core.files import atomic_write
from ..modelfile import read_model_file, write_model_file
from .desk import Outcome, Paused
from .roster import Roster

__all__ = ["Checkpoint"]


class Checkpoint:
    """A folder with a file for each member that is done, and one for each that pauses.

    Parameters:
        path: the folder, made if it does not exist.
        roster: of the population; its members, rows and work must be those of the folder.
        search, monitor: by what members are dropped, if any are; the same holds for them.

    Raises ArgumentError for a folder of another population.
    """

    def __init__(self, path: str | os.PathLike[str], roster: Roster, search: Any = None, monitor: str = ""):
        self._folder = Path(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        likeness, mark = _likeness(roster, search, monitor), self._folder / "population.json"
        if not mark.exists():
            atomic_write(mark, json.dumps({"population": likeness}).encode())
        elif json.loads(mark.read_text()).get("population") != likeness:
            raise ArgumentError(
                f"fit: expected checkpoint={str(path)!r} to hold members of this population, got those of one with "
                "other settings, seeds, rows, epochs or search; give another folder, or delete it"
            )

    def members(self, numbers: Iterable[int]) -> Iterator[tuple[int, Outcome]]:
        """Those of these members that are in the folder, as they were last; a damaged file is as none."""
        for number in numbers:
            for path in (self._path(number, False), self._path(number, True)):
                try:
                    yield _read(path)
                except (FileNotFoundError, ModelFileError):
                    continue  # the member is trained again
                break

    def keep(self, number: int, outcome: Outcome) -> None:
        """Write a member down; the file appears complete or not at all."""
        arrays = {f"weights/{k}": weight for k, weight in enumerate(outcome.weights or [])}
        arrays |= {f"paused/{k}": array for k, array in enumerate(outcome.paused or [])}
        told = {
            "number": number,
            "status": outcome.status,
            "epochs": outcome.epochs,
            "epoch": outcome.epoch,
            "names": list(outcome.names),
            "weights": None if outcome.weights is None else len(outcome.weights),
            "paused": None if outcome.paused is None else len(outcome.paused),
        }
        document = {"member": told, "arrays": {}}
        write_model_file(
            self._path(number, outcome.paused is not None), document, arrays | {"history": outcome.history}
        )
        if outcome.paused is None:
            self._path(number, True).unlink(missing_ok=True)

    def part(self, number: int, name: str) -> list[np.ndarray]:
        """The weights of a member that was kept, or where it paused; raises ArgumentError if they are there no more."""
        path = self._path(number, name == "paused")
        try:
            _, outcome = _read(path if path.exists() else self._path(number, True))
        except (OSError, ModelFileError) as error:
            raise ArgumentError(
                f"Population: expected member {number} in its checkpoint, where fit put it, got {error}; fit again "
                "with that checkpoint, which trains what is missing"
            ) from error
        return list(getattr(outcome, name))

    def _path(self, number: int, paused: bool) -> Path:
        return self._folder / f"{'paused' if paused else 'member'}-{number:06d}.ebb"


def _read(path: Path) -> tuple[int, Outcome]:
    """The member of a file: (number, what became of it)."""
    document, arrays = read_model_file(path)
    told = document["member"]

    def parts(name: str) -> list[np.ndarray] | None:
        return None if told.get(name) is None else [arrays[f"{name}/{k}"] for k in range(told[name])]

    paused = parts("paused")
    outcome = Outcome(
        told["status"],
        told["epochs"],
        told["epoch"],
        tuple(told["names"]),
        arrays["history"],
        parts("weights"),
        None if paused is None else Paused(*paused),
    )
    return told["number"], outcome


def _likeness(roster: Roster, search: Any, monitor: str) -> str:
    """A digest of all that decides what becomes of the members, but for the code of `build`."""
    work = roster.work
    stopping = None if work.stopping is None else _plain(work.stopping)
    told: list[Any] = [work.batch_size, work.validation_batch_size, work.epochs, work.shuffle, stopping]
    if search is not None:
        told.append([type(search).__name__, _plain(search), monitor])
    for rows in (work.data, work.held or {}):
        told.append([(name, str(array.dtype), array.shape, _sum(array)) for name, array in rows.items()])
    for number, member in enumerate(roster.members):
        fold = roster.fold(number)
        chosen = [None if one is None else _sum(one) for one in (fold.train, fold.validation)]
        setting = {name: _told(value) for name, value in roster.settings[member.setting].items()}
        told.append([setting, member.seed, chosen])
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _plain(value: Any) -> dict[str, Any]:
    """The public attributes that are plain values."""
    plain = (bool, int, float, str, type(None))
    return {name: one for name, one in vars(value).items() if isinstance(one, plain) and not name.startswith("_")}


def _told(value: Any) -> str:
    """A value in words that are the same in every process."""
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)


def _sum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data) if array.size else 0
