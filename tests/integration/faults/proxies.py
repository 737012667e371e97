"""What stands between the functions and a part that they need, and what can happen there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self

HOST = "127.0.0.1"
_FLAP_SECONDS = 0.15

Read = Callable[[asyncio.StreamReader], Awaitable[bytes]]
Meddle = Callable[[], Awaitable[bytes | None]]
"""Asked for each request: an answer in the part's place, or None to pass the request on."""


async def whatever_comes(reader: asyncio.StreamReader) -> bytes:
    """For protocols whose requests need not be told apart."""
    data = await reader.read(65_536)
    if not data:
        raise EOFError
    return data


async def http_request(reader: asyncio.StreamReader) -> bytes:
    """A whole one, with a body of a stated length or none."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


class Proxy:
    """Before the part that listens on ``target``; it is good until something meddles."""

    def __init__(self, target: int, read: Read) -> None:
        self._target = target
        self._read = read
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.meddle: Meddle = _nothing
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go()

    async def listen(self) -> None:
        """On the same port as before."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go(self) -> None:
        """Connections end, and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of ours: one of asyncio's own complains when it is cancelled.
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, writer, back))
                both.create_task(_pump(there, writer))
        except* (OSError, EOFError, _EndedError):
            pass  # one side has gone, so the other one goes too
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while True:
            request = await self._read(reader)
            answer = await self.meddle()
            if answer is None:
                back.write(request)
                await back.drain()
            else:
                writer.write(answer)
                await writer.drain()


class _EndedError(Exception):
    """The part has closed its connection."""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    raise _EndedError


async def _nothing() -> bytes | None:
    return None


Fault = Callable[[Proxy], contextlib.AbstractAsyncContextManager[None]]
"""Holds for as long as the block runs."""


def _meddling(meddle: Meddle) -> Fault:
    @contextlib.asynccontextmanager
    async def fault(proxy: Proxy) -> AsyncIterator[None]:
        proxy.meddle = meddle
        try:
            yield
        finally:
            proxy.meddle = _nothing

    return fault


def hanging() -> Fault:
    """Everything is accepted, and nothing is ever answered."""

    async def meddle() -> bytes | None:
        await asyncio.Event().wait()
        return None

    return _meddling(meddle)


def late(seconds: float) -> Fault:
    async def meddle() -> bytes | None:
        await asyncio.sleep(seconds)
        return None

    return _meddling(meddle)


def answering(status: str, content: Mapping[str, Any], **headers: str) -> Fault:
    """The same answer to every HTTP request; underscores in headers' names stand for hyphens."""
    body = json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = "\r\n".join([*lines, "", ""]).encode() + body

    async def meddle() -> bytes | None:
        return answer

    return _meddling(meddle)


@contextlib.asynccontextmanager
async def down(proxy: Proxy) -> AsyncIterator[None]:
    """Connections are refused."""
    await proxy.go()
    try:
        yield
    finally:
        await proxy.listen()


@contextlib.asynccontextmanager
async def flapping(proxy: Proxy) -> AsyncIterator[None]:
    """It goes and comes back all the time."""

    async def flap() -> None:
        while True:
            async with down(proxy):
                await asyncio.sleep(_FLAP_SECONDS)
            await asyncio.sleep(_FLAP_SECONDS)

    task = asyncio.create_task(flap())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
