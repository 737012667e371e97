"""Requests and responses, apart from how they travel."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Header names are lower case; `path` has no query in it."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: Hashable = None
    """Whose share of the queue it is: the peer's address."""
    source: Hashable = None
    """The connection that it came on."""
    arrived: float = field(default_factory=time.monotonic)
    """When its first byte came, in seconds of `time.monotonic`."""
    accepted: bool = True
    """Whether it came before the server began to shut down."""


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
