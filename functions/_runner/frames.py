"""JSON messages between the runner and a worker: four bytes of length, then the text."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, Protocol

_LENGTH = struct.Struct(">I")


class Readable(Protocol):
    """A blocking stream that returns fewer bytes than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


def encode(message: Any) -> bytes:
    """One frame. Raises TypeError or ValueError for what JSON cannot say."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return _LENGTH.pack(len(body)) + body


def read(stream: Readable) -> Iterator[Any]:
    """Frames from a blocking stream, until it ends."""
    while len(header := stream.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(header)
        body = stream.read(length)
        if len(body) < length:
            return
        yield json.loads(body)


class Decoder:
    """Frames from pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield json.loads(body)
