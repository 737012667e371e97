"""Servers on loopback that answer HTTP as a test tells them to, byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[["Exchange"], Awaitable[None]]


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Exchange:
    """One request, and the way back; ``number`` counts within its connection, from 0."""

    number: int
    head: str
    body: bytes
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes, pause: float = 0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if pause:
                await asyncio.sleep(pause)

    def end(self) -> None:
        self.writer.close()


async def _answer(exchange: Exchange) -> None:
    await exchange.send(answer())


@dataclass
class Server:
    script: Script = _answer
    url: str = ""
    connections: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has_received(self, requests: int) -> None:
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.exchanges) >= requests)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        try:
            for number in range(1_000):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = int(
                    head.lower().partition("content-length: ")[2].partition("\r\n")[0] or 0
                )
                exchange = Exchange(
                    number, head, await reader.readexactly(int(length or 0)), writer
                )
                async with self._arrived:
                    self.exchanges.append(exchange)
                    self._arrived.notify_all()
                await self.script(exchange)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()


@asynccontextmanager
async def serving(
    script: Script = _answer, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    server = Server(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
        for writer in server.writers:
            writer.transport.abort()
        await asyncio.sleep(0)
