"""HTTP on the wire: real bytes over a real socket, with a handler that says what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from models.serving.messages import Request, Response
from models.serving.transport import Connection, Shared


class Echo:
    """Answers with the body; a path of /hold waits for the gate."""

    def __init__(self) -> None:
        self.draining = False
        self.gate = asyncio.Event()
        self.seen: list[Request] = []
        self.cancelled = asyncio.Event()
        self.started = asyncio.Event()
        self.answered = asyncio.Event()

    async def handle(self, request: Request) -> Response:
        self.seen.append(request)
        if request.path == "/hold":
            self.started.set()
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        asyncio.get_running_loop().call_soon(self.answered.set)
        return Response(200, request.body or b"{}")


class Client:
    """One connection, read and written byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def ended(self) -> bool:
        return await self.reader.read() == b""


@asynccontextmanager
async def talking(
    folder: Path, handler: Echo, *, most_body_bytes: int = 1000, most_connections: int = 10
) -> AsyncIterator[tuple[Client, Shared]]:
    shared = Shared(handler, most_body_bytes, most_connections)
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: Connection(shared), folder / "socket")
    async with server:
        reader, writer = await asyncio.open_unix_connection(folder / "socket")
        yield Client(reader, writer), shared
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        for connection in list(shared.connections):
            connection.close()
        await asyncio.sleep(0)


def post(body: bytes, path: bytes = b"/", *headers: bytes) -> bytes:
    lines = [b"POST %s HTTP/1.1" % path, b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join((*lines, b"", body))


async def test_a_connection_serves_one_request_after_another(tmp_path: Path) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, _):
        for number in (b"1", b"2"):
            client.send(post(number, b"/a?model=b", b"X-Thing: Value"))
            status, headers, body = await client.answer()
            assert (status, body) == (200, number)
            assert headers["content-type"] == "application/json"
    first = handler.seen[0]
    assert (first.method, first.path, first.query) == ("POST", "/a", "model=b")
    assert first.headers["x-thing"] == "Value"
    assert first.source == handler.seen[1].source


async def test_requests_in_one_packet_and_packets_of_one_byte_are_the_same(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo()) as (client, _):
        client.send(post(b"one", b"/hold").replace(b"/hold", b"/x") + post(b"two"))
        assert [(await client.answer())[2] for _ in range(2)] == [b"one", b"two"]
        for byte in post(b"three"):
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.answer())[2] == b"three"


async def test_a_request_arrives_with_its_first_byte(tmp_path: Path) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, _):
        client.send(post(b"before", b"/hold") + b"P")
        await handler.started.wait()
        await asyncio.sleep(0.02)
        gone_on = time.monotonic()
        handler.gate.set()
        client.send(post(b"whole")[1:])
        assert [(await client.answer())[2] for _ in range(2)] == [b"before", b"whole"]
    assert handler.seen[1].arrived < gone_on


async def test_answers_keep_the_order_of_the_requests(tmp_path: Path) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, _):
        client.send(post(b"slow", b"/hold") + post(b"quick"))
        await handler.started.wait()
        handler.gate.set()
        assert [(await client.answer())[2] for _ in range(2)] == [b"slow", b"quick"]


async def test_a_body_in_chunks_is_read(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo()) as (client, _):
        client.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert (await client.answer())[2] == b"abcde"


async def test_a_client_that_asks_first_is_told_to_go_on(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo()) as (client, _):
        head, _, body = post(b"body", b"/", b"Expect: 100-continue").partition(b"\r\n\r\n")
        client.send(head + b"\r\n\r\n")
        assert (await client.answer())[0] == 100
        client.send(body)
        assert (await client.answer())[2] == b"body"


@pytest.mark.parametrize(
    ("request_bytes", "closes"),
    [
        (post(b"", b"/", b"Connection: close"), True),
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
    ],
)
async def test_the_connection_ends_when_the_client_wants_that(
    tmp_path: Path, request_bytes: bytes, closes: bool
) -> None:
    async with talking(tmp_path, Echo()) as (client, _):
        client.send(request_bytes)
        _, headers, _ = await client.answer()
        assert (headers.get("connection") == "close") is closes
        if closes:
            assert await client.ended()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_a_413_whether_declared_or_not(
    tmp_path: Path, declared: bool
) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, _):
        if declared:
            client.send(post(b" " * 1001))
        else:
            client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.send((b"1f4\r\n" + b" " * 500 + b"\r\n") * 3)
        status, headers, body = await client.answer()
        assert status == 413
        assert headers["connection"] == "close"
        assert b'"message":"body: ' in body
        assert await client.ended()
    assert handler.seen == []


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X-Large: %s\r\n" % (b"x" * 8000) * 10, 431),
    ],
)
async def test_what_is_not_http_is_refused(
    tmp_path: Path, request_bytes: bytes, expected: int
) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, _):
        client.send(request_bytes)
        assert (await client.answer())[0] == expected
        assert await client.ended()
    assert handler.seen == []


async def test_an_upgrade_is_not_taken_up_but_answered(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo()) as (client, _):
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert (await client.answer())[0] == 200


async def test_work_stops_when_the_client_goes(tmp_path: Path) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, shared):
        client.send(post(b"", b"/hold"))
        await handler.started.wait()
        assert any(connection.busy for connection in shared.connections)
        client.writer.transport.abort()
        await handler.cancelled.wait()
        await asyncio.sleep(0.01)
        assert not shared.connections


async def test_a_request_whose_head_is_there_counts_as_accepted(tmp_path: Path) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, shared):
        head, _, body = post(b"body", b"/", b"Expect: 100-continue").partition(b"\r\n\r\n")
        client.send(head + b"\r\n\r\n")
        await client.answer()
        handler.draining = True
        assert any(connection.busy for connection in shared.connections)
        client.send(body)
        _, headers, answer = await client.answer()
        assert answer == b"body"
        assert headers["connection"] == "close"
    assert handler.seen[0].accepted


async def test_one_connection_too_many_is_told_to_come_back(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo(), most_connections=1) as (client, _):
        client.send(post(b"first"))
        await client.answer()
        reader, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        status, headers, _ = await Client(reader, writer).answer()
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
        writer.close()
        await writer.wait_closed()
        client.send(post(b"still"))
        assert (await client.answer())[2] == b"still"


async def test_who_sends_nothing_or_never_ends_is_hung_up_on(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo()) as (client, shared):
        client.send(b"POST / HTTP/1.1\r\nContent-Le")
        await asyncio.sleep(0.01)
        (connection,) = shared.connections
        connection.close_if_overdue(connection.active_at + 5.0, 1.0, 10.0)
        connection.close_if_overdue(connection.active_at + 11.0, 1.0, 10.0)
        assert (await client.answer())[0] == 408
    async with talking(tmp_path, Echo()) as (client, shared):
        client.send(post(b"x"))
        await client.answer()
        (connection,) = shared.connections
        connection.close_if_overdue(connection.active_at + 2.0, 1.0, 10.0)
        assert await client.ended()


@pytest.mark.parametrize(("bad", "status"), [(b"nonsense\r\n\r\n", 400), (post(b" " * 1001), 413)])
@pytest.mark.parametrize("path", [b"/", b"/hold"])
async def test_what_follows_a_good_request_is_refused_after_its_answer(
    tmp_path: Path, path: bytes, bad: bytes, status: int
) -> None:
    handler = Echo()
    async with talking(tmp_path, handler) as (client, _):
        client.send(post(b"good", path) + bad)
        await asyncio.sleep(0.01)
        handler.gate.set()
        assert (await client.answer())[::2] == (200, b"good")
        refused, headers, _ = await client.answer()
        assert (refused, headers["connection"]) == (status, "close")
        assert await client.ended()


async def test_nothing_follows_an_answer_that_ends_the_connection(tmp_path: Path) -> None:
    async with talking(tmp_path, Echo()) as (client, _):
        client.send(post(b"good", b"/", b"Connection: close") + b"nonsense\r\n\r\n")
        assert (await client.answer())[0] == 200
        assert await client.ended()


async def test_trailers_are_no_headers_and_have_an_end(tmp_path: Path) -> None:
    handler = Echo()
    start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    async with talking(tmp_path, handler) as (client, _):
        client.send(start + b"X-Late: 1\r\n\r\n")
        assert (await client.answer())[0] == 200
        assert "x-late" not in handler.seen[0].headers
        client.send(start)
        for number in range(20):
            client.send(b"X-%d: %s\r\n" % (number, b"y" * 8000))
            await asyncio.sleep(0)
        assert (await client.answer())[0] == 431
    assert len(handler.seen) == 1


async def test_a_client_that_reads_nothing_is_waited_for_and_then_hung_up_on(
    tmp_path: Path,
) -> None:
    handler = Echo()
    async with talking(tmp_path, handler, most_body_bytes=10**7) as (client, shared):
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        client.send(post(b"x" * 4_000_000) + post(b"y"))
        await handler.answered.wait()
        (connection,) = shared.connections
        assert connection.busy
        now = connection.active_at
        connection.close_if_overdue(now, 1.0, 10.0)
        connection.close_if_overdue(now + 0.9, 1.0, 10.0)
        assert shared.connections
        connection.close_if_overdue(now + 1.1, 1.0, 10.0)
        await asyncio.sleep(0)
        assert not shared.connections
