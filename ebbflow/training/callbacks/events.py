"""Event files: what TensorBoard reads, written by hand.

A file is a sequence of records (the TFRecord format), each with its length n before and checksums between:

    record = n (uint64)  mask(crc(n)) (uint32)  n bytes  mask(crc(bytes)) (uint32),      all little-endian,
    mask(c) = ((c >> 15) | (c << 17)) + 0xa282ead8  modulo 2^32,

where crc is CRC-32C, the remainder modulo the polynomial 0x1edc6f41 of Castagnoli, bits reflected. The bytes are an
Event in the wire format of protocol buffers: each field is its key, the varint 8 number + kind, then a varint (kind 0),
8 bytes (kind 1), 4 bytes (kind 5), or a varint of the length and as many bytes (kind 2). Its messages:

    Event      1 wall_time double    2 step int64    3 file_version string    5 summary Summary
    Summary    1 value Value, repeated
    Value      1 tag string    2 simple_value float    5 histo Histogram    8 tensor Tensor    9 metadata Metadata
    Histogram  1 min  2 max  3 num  4 sum  5 sum_squares, doubles    6 bucket_limit  7 bucket, packed doubles
    Tensor     1 dtype enum (7 is string)    2 tensor_shape message    8 string_val bytes
    Metadata   1 plugin_data { 1 plugin_name string    2 content bytes }

Sources: TensorFlow's event.proto, summary.proto, tensor.proto and record_writer.h; Castagnoli, Braeuer, Herrmann
(1993), "Optimization of Cyclic Redundancy-Check Codes with 24 and 32 Parity Bits".
"""

import itertools
import os
import socket
import struct
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_counter = itertools.count()
HISTOGRAM_BINS = 30
_STRING = 7


class EventFile:
    """One event file of a folder, which begins with the first events; each call of `add` appends them whole."""

    def __init__(self, folder: Path):
        host, process = socket.gethostname(), os.getpid()
        name = f"events.out.tfevents.{int(time.time()):010d}.{host}.{process}.{next(_counter)}.v2"
        self.path = folder / name

    def add(self, values: Iterable[bytes], step: int) -> None:
        """Append one event with these values, made by `scalar`, `histogram` or `keras_model`."""
        records = [] if self.path.exists() else [record(_event(text(3, "brain.Event:2")))]
        summary = b"".join(message(1, value) for value in values)
        records.append(record(_event(varint(2, step) + message(5, summary))))
        with self.path.open("ab", buffering=0) as file:
            file.write(b"".join(records))


def scalar(tag: str, value: float) -> bytes:
    """A Value that is a number."""
    return text(1, tag) + _key(2, 5) + struct.pack("<f", value)


def histogram(tag: str, array: np.ndarray) -> bytes:
    """A Value that says how the finite numbers of an array are distributed, in bins of equal width."""
    numbers = np.asarray(array, np.float64).ravel()
    numbers = numbers[np.isfinite(numbers)]
    counts, edges = np.histogram(numbers, HISTOGRAM_BINS) if numbers.size else (np.zeros(1), np.zeros(2))
    sums = [numbers.min(initial=np.inf), numbers.max(initial=-np.inf)] if numbers.size else [0.0, 0.0]
    sums += [float(numbers.size), numbers.sum(), (numbers * numbers).sum()]
    fields = b"".join(double(k, value) for k, value in enumerate(sums, 1))
    fields += message(6, edges[1:].astype("<f8").tobytes()) + message(7, counts.astype("<f8").tobytes())
    return text(1, tag) + message(5, fields)


def keras_model(tag: str, json: str) -> bytes:
    """A Value that is a model's description, from which TensorBoard draws its graph."""
    tensor = varint(1, _STRING) + message(2, b"") + text(8, json)
    plugin = text(1, "graph_keras_model") + message(2, b"1")
    return text(1, tag) + message(8, tensor) + message(9, message(1, plugin))


# the wire format


def varint(number: int, value: int) -> bytes:
    """A field with a whole number."""
    return _key(number, 0) + _varint(value)


def double(number: int, value: float) -> bytes:
    """A field with a float64."""
    return _key(number, 1) + struct.pack("<d", value)


def message(number: int, content: bytes) -> bytes:
    """A field with bytes: a message, or packed numbers."""
    return _key(number, 2) + _varint(len(content)) + content


def text(number: int, content: str) -> bytes:
    """A field with a text."""
    return message(number, content.encode())


def _event(fields: bytes) -> bytes:
    return double(1, time.time()) + fields


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; all bytes but the last have their highest bit set."""
    value &= (1 << 64) - 1  # a negative number as its two's complement
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


# records


def record(content: bytes) -> bytes:
    """Bytes as a record."""
    length = struct.pack("<Q", len(content))
    checks = [struct.pack("<I", masked(crc32c(part))) for part in (length, content)]
    return length + checks[0] + content + checks[1]


def masked(crc: int) -> int:
    """A checksum of what may itself hold checksums."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_table_entry(byte) for byte in range(256)]


def crc32c(content: bytes) -> int:
    """The remainder, a byte at a time: c = T[(c ^ byte) & 255] ^ (c >> 8), from all ones, inverted at the end."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
