"""HTTP/1.1 to one origin over kept connections, on asyncio's transports and httptools' parser.

Why not a client from a library: `tests/performance/api` compares what one call costs.
"""

import asyncio
import select
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from typing import cast
from urllib.parse import urlsplit

import httptools

from customerai.adapters.aws.errors import TransportError


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections lead; ``host`` is what the Host header says."""

    address: str
    port: int
    secure: bool
    host: str

    @classmethod
    def of(cls, url: str) -> "Origin":
        """The origin of an http or https URL. Raises ValueError for any other."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no http or https URL")
        secure = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if secure else 80), secure, parts.netloc)


@dataclass(slots=True)
class Answer:
    """Header names are in lower case; ``body`` is whole."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class PoolGauges:
    """What a pool has done and holds; the counters only grow."""

    in_use: int = 0
    most_in_use: int = 0
    """Since the process began."""
    waits: int = 0
    """Calls that found every connection in use."""
    opened: int = 0
    reopened: int = 0
    """Of the opened ones, those in the place of one that had gone."""

    def told(self) -> dict[str, float]:
        """For ``customerai.observability.gauges``."""
        return {
            "most_in_use": self.most_in_use,
            "waits_total": self.waits,
            "connects_total": self.opened,
            "reconnects_total": self.reopened,
        }


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, except for ``connections``."""

    connections: int
    connect: float
    idle: float = 45.0
    """A connection that was not used for so long is not used again: its other end closes soon."""
    trusted: float = 1.0
    """One that was used within so long is used again without a look at its socket."""


@dataclass(slots=True)
class Pool:
    """Connections to one origin: as many as ``limits`` allows, the one used last first.

    It belongs to the event loop that it is first used on. On another one, as in a process that was
    restored from a snapshot, it begins anew.
    """

    origin: Origin
    limits: Limits
    gauges: PoolGauges = field(default_factory=PoolGauges)
    _loop: asyncio.AbstractEventLoop | None = None
    _idle: "deque[_Connection]" = field(default_factory=deque)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def ask(self, request: bytes, seconds: float) -> Answer:
        """The answer to a whole request, within so many ``seconds`` from now, whatever hangs.

        Raises ``TransportError``, and asks nothing where no time is left. A kept connection that
        turns out to have been closed, before any byte of an answer, is replaced once by a new one.
        """
        if seconds <= 0:
            raise TransportError(f"no time is left to ask {self.origin.host}")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        try:
            async with asyncio.timeout(seconds):
                if self._free.locked():
                    self.gauges.waits += 1
                async with self._free:
                    self.gauges.in_use += 1
                    if self.gauges.in_use > self.gauges.most_in_use:
                        self.gauges.most_in_use = self.gauges.in_use
                    try:
                        return await self._exchange(request, loop)
                    finally:
                        self.gauges.in_use -= 1
        except TimeoutError:
            raise TransportError(f"{self.origin.host} did not answer in time") from None

    def forget(self) -> None:
        """Close what is kept; the next call opens anew."""
        while self._idle:
            self._idle.pop().close()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._idle.clear()  # their loop is gone, and their sockets go with them
        self._loop = loop
        self._free = asyncio.Semaphore(self.limits.connections)

    async def _exchange(self, request: bytes, loop: asyncio.AbstractEventLoop) -> Answer:
        connection = self._kept()
        if connection is not None:
            try:
                return await self._over(connection, request)
            except _ClosedBeforeAnswerError:
                self.gauges.reopened += 1
        return await self._over(await self._open(loop), request)

    async def _over(self, connection: "_Connection", request: bytes) -> Answer:
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            rested = time.monotonic() - connection.used_at
            if rested < self.limits.idle and connection.alive(look=rested > self.limits.trusted):
                return connection
            connection.close()
            self.gauges.reopened += 1
        return None

    async def _open(self, loop: asyncio.AbstractEventLoop) -> "_Connection":
        origin = self.origin
        context = _tls() if origin.secure else None
        try:
            async with asyncio.timeout(self.limits.connect):
                transport, connection = await loop.create_connection(
                    lambda: _Connection(loop),
                    origin.address,
                    origin.port,
                    ssl=context,
                    server_hostname=origin.address if context else None,
                )
        except TimeoutError:
            raise TransportError(f"{origin.host} can't be reached in time") from None
        except OSError as error:  # refused, no such name, or no trust in its certificate
            raise TransportError(f"{origin.host} can't be reached: {error}") from error
        kept: socket.socket = transport.get_extra_info("socket")
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.gauges.opened += 1
        return connection


class _ClosedBeforeAnswerError(TransportError):
    """The connection ended before anything of an answer came."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._begun = False
        self.reusable = False
        self.used_at = 0.0

    async def ask(self, request: bytes) -> Answer:
        assert self._transport is not None  # noqa: S101 - made by create_connection
        self._waiting = self._loop.create_future()
        self._headers, self._parts, self._begun = {}, [], False
        self._transport.write(request)
        return await self._waiting

    def alive(self, *, look: bool) -> bool:
        """Whether it can be used. With ``look`` the socket is asked: what the other end did while
        the loop stood still shows there first."""
        if self._transport is None or self._transport.is_closing():
            return False
        if not look:
            return True
        kept: socket.socket = self._transport.get_extra_info("socket")
        poll = select.poll()
        poll.register(kept.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
        return not poll.poll(0)  # nothing was asked, so there is nothing to read but its end

    def close(self) -> None:
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody has asked: the next one must not take it for its answer
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(TransportError(f"not an answer in HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._begun:
            self._fail(TransportError("the connection ended in the middle of an answer"))
        else:
            self._fail(
                _ClosedBeforeAnswerError(f"the connection was closed: {exc or 'at its end'}")
            )

    # --- httptools' parser ---

    def on_message_begin(self) -> None:
        if self._waiting is None or self._waiting.done():  # behind the answer, in the same bytes
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        status: int = self._parser.get_status_code()
        if 100 <= status < 200:  # such as 100 Continue: the answer proper follows
            self._headers, self._parts = {}, []
            return
        self.reusable = bool(self._parser.should_keep_alive())
        self.used_at = time.monotonic()
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(status, body, self._headers))

    def _fail(self, error: Exception) -> None:
        self.reusable = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


@cache
def _tls() -> ssl.SSLContext:
    """One context for all, since loading the authorities takes longer than most calls."""
    import os

    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
