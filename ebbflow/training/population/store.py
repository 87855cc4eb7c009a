"""The store: arrays of many members, in memory up to a bound, and beyond it in a file that needs no cleaning up."""

import os
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from threading import Lock
from typing import Any

import numpy as np

__all__ = ["Handle", "Store"]

Arrays = list[np.ndarray]
Likeness = tuple[tuple[np.dtype, tuple[int, ...]], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Handle:
    """Where arrays are: in memory, to be read again by a function, or from byte `start` of the file on."""

    likeness: Likeness
    arrays: Arrays | None = None
    reread: Callable[[], Arrays] | None = None
    start: int = 0

    @property
    def nbytes(self) -> int:
        """How many the arrays have."""
        return sum(dtype.itemsize * prod(shape) for dtype, shape in self.likeness)


class Store:
    """Lists of arrays, put away and read back bit for bit, by any thread.

    The file is a temporary one. It is gone with the store, and, having no name where the system allows that (POSIX),
    with the process, however that ends.

    Parameters: bound, bytes of arrays that may lie in memory.

    Attributes:
        in_memory: how many do; in_file: how many the file has, of which those that were freed are used again.
    """

    def __init__(self, bound: int):
        self.bound, self.in_memory, self.in_file = bound, 0, 0
        self._file: Any = None
        self._lock = Lock()
        self._free: dict[int, list[int]] = defaultdict(list)  # by length: starts of what may be written over
        self._likenesses: dict[Likeness, Likeness] = {}  # one for all members that are alike

    def put(self, arrays: Sequence[np.ndarray], reread: Callable[[], Arrays] | None = None) -> Handle:
        """Put arrays away; `reread` says how to read them where they lie already, which spares them the file.

        Raises OSError where the disk is full; what was put away before stays.
        """
        found = tuple((array.dtype, array.shape) for array in arrays)
        likeness = self._likenesses.setdefault(found, found)
        handle = Handle(likeness, arrays=list(arrays))
        with self._lock:
            if self.in_memory + handle.nbytes <= self.bound:
                self.in_memory += handle.nbytes
                return handle
            if reread is not None:
                return Handle(likeness, reread=reread)
            return Handle(likeness, start=self._write(b"".join(array.tobytes() for array in arrays)))

    def get(self, handle: Handle) -> Arrays:
        """The arrays, not to be changed: they may be the very ones that were put."""
        if handle.arrays is not None:
            return handle.arrays
        if handle.reread is not None:
            return handle.reread()
        with self._lock:
            data = b"".join(self._read(handle.start, handle.nbytes))
        return _split(data, handle.likeness)

    def free(self, handle: Handle) -> None:
        """Forget arrays; the handle must not be used again."""
        with self._lock:
            if handle.arrays is not None:
                self.in_memory -= handle.nbytes
            elif handle.reread is None:
                self._free[handle.nbytes].append(handle.start)

    def _write(self, data: bytes) -> int:
        """Write bytes where there is room for them; returns where."""
        free = self._free[len(data)]
        start = free[-1] if free else self.in_file
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=_folder(), buffering=0)  # noqa: SIM115 (open as long as the store)
                weakref.finalize(self, self._file.close)
            self._file.seek(start)
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise OSError(
                error.errno,
                f"Population: expected room for {self.in_file + len(data):,} bytes in a temporary file in {_folder()}, "
                f"got {error.strerror}; members that are done are kept; give more bytes as memory, or checkpoint, or "
                "set TMPDIR to a folder of a larger disk",
            ) from error
        if free:
            free.pop()
        else:
            self.in_file += len(data)
        return start

    def _read(self, start: int, length: int) -> Iterator[bytes]:
        while length > 0:
            if hasattr(os, "pread"):  # leaves the file's position alone, which forked processes share
                part = os.pread(self._file.fileno(), length, start)
            else:
                self._file.seek(start)
                part = self._file.read(length)
            assert part, "the file has what was written"
            yield part
            start, length = start + len(part), length - len(part)


def _split(data: bytes, likeness: Likeness) -> Arrays:
    """The arrays whose bytes follow each other."""
    found, start = [], 0
    for dtype, shape in likeness:
        found.append(np.frombuffer(data, dtype, prod(shape), start).reshape(shape).copy())
        start += found[-1].nbytes
    return found


def _folder() -> str:
    """Where large temporary files belong: the usual folder of Linux, /tmp, often lies in memory."""
    chosen = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    disk = "/var/tmp"
    return disk if not chosen and os.path.isdir(disk) and os.access(disk, os.W_OK) else tempfile.gettempdir()
