"""HTTP/1.1 on an asyncio protocol: what a request costs beside the model's time.

A framework's routing, scopes and middleware cost more than all of this server's own work on a
request (tests/performance/serving/transport.py measures it), so the wire is handled here, with
httptools' parser. One connection serves its requests one after the other, in order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, cast

import httptools

from models.serving.app import failure
from models.serving.errors import BodyTooLargeError, OverloadedError, RequestError
from models.serving.messages import Request, Response

logger = logging.getLogger(__name__)

_MOST_HEADER_BYTES = 64 * 1024
_MOST_PIPELINED = 16
_LINGER_SECONDS = 1.0
"""How long a refused client may go on sending, unread, so that it comes to see the answer."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class BadRequestError(RequestError):
    """This is not HTTP, or more of it than the server reads."""


class HeadersTooLargeError(RequestError):
    """The headers are larger than the server reads."""

    status = 431
    code = "HeadersTooLarge"


class ReceiveTimeoutError(RequestError):
    """The request did not come in completely in time."""

    status = 408
    code = "RequestTimeout"


class Handler(Protocol):
    """What answers requests."""

    draining: bool

    async def handle(self, request: Request) -> Response:
        """Return the response; called as a task, which is cancelled when the client goes."""


@dataclass(slots=True)
class Shared:
    """What all connections of a server share."""

    handler: Handler
    most_body_bytes: int
    most_connections: int
    connections: set[Connection] = field(default_factory=set)


@dataclass(slots=True)
class _Incoming:
    """A request that is being read, or waits for those before it."""

    accepted: bool
    began: float
    url: bytes = b""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)
    body_bytes: int = 0
    keep_alive: bool = True
    head_read: bool = False


class Connection(asyncio.Protocol):
    """One client's connection. httptools calls the methods that begin with `on_`."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parser = httptools.HttpRequestParser(self)
        self._incoming: _Incoming | None = None
        self._waiting: deque[_Incoming] = deque()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._client: Hashable = None
        self._unread_bytes = 0  # that came and were no body: a head's, or trailers after a body
        self._refused = False
        self._refusal: RequestError | None = None
        self._blocked = False
        self._unsent = 0
        self.active_at = 0.0
        """When something last happened."""

    @property
    def busy(self) -> bool:
        """Whether a request that was accepted has not been answered, to the last byte, yet."""
        begun = self._incoming
        coming = begun is not None and begun.head_read and begun.accepted
        unsent = self._transport.get_write_buffer_size() > 0
        return self._task is not None or bool(self._waiting) or coming or unsent

    # --- asyncio ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what a server gives
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else peer
        self.active_at = time.monotonic()
        if len(self._shared.connections) < self._shared.most_connections:
            self._shared.connections.add(self)
            return
        error = OverloadedError("too many connections; try again later")
        error.retry_seconds = 1
        self._refuse(error)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio gives it
        self._shared.connections.discard(self)
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self.active_at = time.monotonic()
        if self._refused:
            return
        self._unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing to upgrade to: the request was answered as it is, what follows is not read.
            self._refused = True
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            refusal = isinstance(cause, RequestError)
            self._refuse(cause if refusal else BadRequestError("request: not readable"))  # type: ignore[arg-type]
        except httptools.HttpParserError as error:
            self._refuse(BadRequestError(f"request: not valid HTTP ({error})"))
        else:
            if self._incoming is not None and self._unread_bytes > _MOST_HEADER_BYTES:
                self._refuse(_too_large_head())
        if len(self._waiting) >= _MOST_PIPELINED:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._blocked = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._blocked = False
        self._transport.resume_reading()
        self._start_next()

    # --- httptools --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._incoming = _Incoming(not self._shared.handler.draining, time.monotonic())

    def on_url(self, url: bytes) -> None:
        if self._incoming is not None:
            self._incoming.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._incoming is not None and not self._incoming.head_read:  # no trailers
            self._incoming.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        incoming = self._incoming
        if incoming is None:
            return
        incoming.head_read = True
        incoming.accepted = not self._shared.handler.draining
        incoming.method = self._parser.get_method().decode("ascii")
        incoming.keep_alive = self._parser.should_keep_alive()
        declared = incoming.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._shared.most_body_bytes:
            raise self._too_large()
        if incoming.headers.get("expect", "").lower() == "100-continue" and not self.busy_before:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        incoming = self._incoming
        if incoming is None:
            return
        self._unread_bytes = 0
        incoming.body_bytes += len(body)
        if incoming.body_bytes > self._shared.most_body_bytes:
            raise self._too_large()
        incoming.body.append(body)

    def on_message_complete(self) -> None:
        if self._incoming is not None:
            self._waiting.append(self._incoming)
            self._incoming = None
            self._unread_bytes = 0
            self._start_next()

    # --- one after the other ----------------------------------------------------------------------

    @property
    def busy_before(self) -> bool:
        """Whether an earlier request of this connection has not been answered yet."""
        return self._task is not None or bool(self._waiting)

    def _start_next(self) -> None:
        if self._task is None and self._waiting and not self._blocked:
            self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        """Answer what waits, in order."""
        try:
            while self._waiting and not self._blocked and not self._transport.is_closing():
                incoming = self._waiting.popleft()
                response = await self._shared.handler.handle(self._request(incoming))
                drained = self._shared.handler.draining and not self._waiting
                last = not incoming.keep_alive or drained
                self._write(response, incoming, last=last)
                if last:
                    self._waiting.clear()
                    self._refusal = None
                    self._transport.close()
        except asyncio.CancelledError:
            self._waiting.clear()
            self._transport.close()
        finally:
            self._task = None
            self.active_at = time.monotonic()
        if self._refused and not self._waiting:
            self._end_refused()
        elif not self._blocked and not self._transport.is_closing():
            self._transport.resume_reading()

    def _request(self, incoming: _Incoming) -> Request:
        path, _, query = incoming.url.partition(b"?")
        return Request(
            method=incoming.method,
            path=path.decode("latin-1"),
            query=query.decode("latin-1"),
            headers=incoming.headers,
            body=b"".join(incoming.body) if len(incoming.body) != 1 else incoming.body[0],
            client=self._client,
            source=id(self),
            arrived=incoming.began,
            accepted=incoming.accepted,
        )

    def _write(self, response: Response, incoming: _Incoming | None, *, last: bool) -> None:
        if self._transport.is_closing():
            return
        lines = [
            f"HTTP/1.1 {response.status} {_PHRASES[response.status]}",
            f"content-type: {response.media_type}",
            f"content-length: {len(response.body)}",
            *(f"{name}: {value}" for name, value in response.headers.items()),
        ]
        if last:
            lines.append("connection: close")
        body = b"" if incoming is not None and incoming.method == "HEAD" else response.body
        self._transport.write("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    # --- refusing and ending ----------------------------------------------------------------------

    def _refuse(self, error: RequestError) -> None:
        """Answer what cannot be read to its end, after what was asked before, and hang up."""
        self._refused = True
        self._refusal = error
        self._incoming = None
        if not self.busy_before:
            self._end_refused()

    def _end_refused(self) -> None:
        error, self._refusal = self._refusal, None
        if error is None or self._transport.is_closing():
            self._transport.close()
            return
        headers = {} if error.retry_seconds is None else {"retry-after": str(error.retry_seconds)}
        self._write(failure(error, str(error), headers), None, last=True)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._transport.close)

    def close_if_overdue(self, now: float, idle_seconds: float, receive_seconds: float) -> None:
        """Hang up on a client that sends nothing, or not all of its request, or reads nothing."""
        unsent = self._transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self.active_at = unsent, now
        if self._task is not None:
            return
        incoming = self._incoming
        if incoming is not None and now - incoming.began > receive_seconds:
            self._refuse(ReceiveTimeoutError("request: took too long to come in"))
        elif (incoming is None or unsent) and now - self.active_at > idle_seconds:
            # Closing waits until all is sent, which to such a client it never is.
            self._transport.abort() if unsent else self._transport.close()

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"body: must be at most {self._shared.most_body_bytes} bytes")


def _too_large_head() -> HeadersTooLargeError:
    return HeadersTooLargeError(f"headers: must be at most {_MOST_HEADER_BYTES} bytes")
