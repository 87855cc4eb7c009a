"""The file format of models: a zip of `ebbflow.json` and `weights.safetensors`, with a checksum of every byte.

Nothing in it is code. The zip is stored, not compressed, and its comment ends with the SHA-256 of all bytes before
these 64 hexadecimal digits. The same model gives the same bytes.
"""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModelFileError
from ..core.files import atomic_write
from ..version import __version__

VERSION = 1
DOCUMENT, ARRAYS = "ebbflow.json", "weights.safetensors"
_DIGITS = 64
_COMMENT = b"ebbflow model, sha256 of all bytes before these digits: "


def write_model_file(path: str | os.PathLike[str], document: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a document of JSON values and named arrays; the file appears complete or not at all."""
    from safetensors.numpy import save

    text = json.dumps({"version": VERSION, "ebbflow": __version__, **document}, indent=1)
    contiguous = {name: np.array(array, order="C") for name, array in arrays.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((DOCUMENT, text.encode()), (ARRAYS, save(contiguous))):
            # A fixed date: what is equal is equal in every byte.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
        archive.comment = _COMMENT + b"0" * _DIGITS
    body = buffer.getvalue()[:-_DIGITS]
    atomic_write(path, body + _checksum(body))


def read_model_file(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The document and the arrays of a model file.

    Raises ModelFileError if it is not a model file, is truncated or altered in any byte, or is of a newer version, and
    OSError as `open` does.
    """
    from safetensors.numpy import load

    data = Path(path).read_bytes()
    if not data.startswith(b"PK\x03\x04") or DOCUMENT.encode() not in data[:256]:
        raise ModelFileError(f"{path}: expected a model written by ebbflow, got some other file, or a damaged one")
    if data[-_DIGITS:] != _checksum(data[:-_DIGITS]):
        raise ModelFileError(f"{path}: is truncated or was altered since it was saved; take another copy of it")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        document = json.loads(archive.read(DOCUMENT))
        if document["version"] > VERSION:
            raise ModelFileError(
                f"{path}: was written by ebbflow {document['ebbflow']} in format {document['version']}, but this is "
                f"ebbflow {__version__}, which reads formats up to {VERSION}; install a newer ebbflow"
            )
        return document, load(archive.read(ARRAYS))


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
