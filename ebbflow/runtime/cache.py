"""Machine code kept on disk between processes.

An entry is a file named by the hash of what determines it (graphs or IR text, target, versions), holding a checksum and
the code, for a program with the blueprint of its memory before it.
A damaged or foreign entry is compiled again, never trusted; a directory that cannot be written is done without.
"""

import contextlib
import functools
import hashlib
import os
import struct
import tempfile
from pathlib import Path

from .. import version

MAGIC = b"ebbflow machine code 2\n"
LARGEST_BYTES = 256 << 20


def directory() -> Path | None:
    """EBBFLOW_CACHE if set (empty: no cache), else the user's cache directory."""
    chosen = os.environ.get("EBBFLOW_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".cache") / "ebbflow"
    except RuntimeError:  # no home directory
        return None


def key_of(*parts: str) -> str:
    digest = hashlib.sha256(version.__version__.encode())
    for part in parts:
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def _checksum(key: str, code: bytes) -> bytes:
    """Of the code under this key: a file that was renamed does not pass."""
    return hashlib.sha256(key.encode() + code).digest()


def load(key: str) -> bytes | None:
    """The code stored under a key, or None where there is none that can be trusted."""
    where = directory()
    if where is None:
        return None
    try:
        data = (where / key).read_bytes()
    except OSError:
        return None
    head = len(MAGIC) + 32
    code = data[head:]
    if not data.startswith(MAGIC) or _checksum(key, code) != data[len(MAGIC) : head]:
        return None
    with contextlib.suppress(OSError):  # a cache that cannot be written can still be read
        os.utime(where / key)
    return code


def store(key: str, code: bytes) -> None:
    """Keep code under a key, whole or not at all; a cache that cannot be written costs time later, nothing else."""
    where = directory()
    if where is None:
        return
    temporary = None
    try:
        where.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=where, prefix="new-")
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + _checksum(key, code) + code)
        os.replace(temporary, where / key)
        _trim(where)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def load_parts(key: str) -> list[bytes] | None:
    """The parts that `store_parts` kept."""
    data = load(key)
    if data is None:
        return None
    parts = []
    while data:
        (length,) = struct.unpack_from("<Q", data)
        parts.append(data[8 : 8 + length])
        data = data[8 + length :]
    return parts


def store_parts(key: str, parts: list[bytes]) -> None:
    """Keep several things under one key, whole or not at all."""
    store(key, b"".join(struct.pack("<Q", len(part)) + part for part in parts))


@functools.cache
def sources() -> str:
    """What tells one state of the compiler's own source from another, so that changing it makes new code."""
    package = Path(__file__).resolve().parents[1]
    files = [package / "compile.py"]
    for folder in ("core", "ops", "passes", "lowering", "backends", "runtime"):
        files += sorted((package / folder).rglob("*.py"))
    stats = [(str(file.relative_to(package)), file.stat()) for file in files]
    return repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])


def _trim(where: Path) -> None:
    """Remove the entries unused for longest until the cache fits its bound."""
    entries = []
    with os.scandir(where) as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError):  # another process removed it
                if entry.is_file():
                    entries.append((entry.stat(), entry.path))
    total = sum(stat.st_size for stat, _ in entries)
    for stat, path in sorted(entries, key=lambda e: e[0].st_mtime):
        if total <= LARGEST_BYTES:
            return
        Path(path).unlink(missing_ok=True)
        total -= stat.st_size
