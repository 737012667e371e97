"""What a request costs beside the model: our transport, plain ASGI and Starlette on uvicorn.

`python -m tests.performance.serving.transport`: each answers the same body from the same handler,
which does nothing. Prints CPU microseconds a request in the server and in the client, which share
the machine. CPU time is counted, not the clock's, so other work on the machine distorts it little.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.serving.messages import Request, Response
from models.serving.transport import Connection, Shared

_TEXT = "The agent was kind but the parcel came two weeks late and the box was torn."
_BODY = b'{"texts":["%s"]}' % _TEXT.encode()
_ANSWER = (
    b'{"model":"none","results":[{"label":"negative","scores":'
    b'{"negative":0.75,"neutral":0.2,"positive":0.05}}]}'
)
_REQUEST = (
    b"POST /invocations HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY
_CONNECTIONS = 32
_REQUESTS = 20_000


async def _answer() -> bytes:
    """Come back on a later turn of the event loop, as an answer of a worker does."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bytes] = loop.create_future()
    loop.call_soon(future.set_result, _ANSWER)
    return await future


class _Nothing:
    draining = False

    async def handle(self, request: Request) -> Response:
        return Response(200, await _answer())


def _ours(port: int) -> None:
    import uvloop

    async def serve() -> None:
        shared = Shared(_Nothing(), 1_000_000, 1_000)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(shared), "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(serve())


def _asgi(port: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        body = await _answer()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    _uvicorn(app, port)


def _starlette(port: int) -> None:
    from starlette.applications import Starlette
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response as StarletteResponse
    from starlette.routing import Route

    async def invoke(request: StarletteRequest) -> StarletteResponse:
        await request.body()
        return StarletteResponse(await _answer(), media_type="application/json")

    _uvicorn(Starlette(routes=[Route("/invocations", invoke, methods=["POST"])]), port)


def _uvicorn(app: Any, port: int) -> None:
    import uvicorn

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="error",
    )


_SERVERS: dict[str, Callable[[int], None]] = {
    "ours": _ours,
    "asgi": _asgi,
    "starlette": _starlette,
}


async def _load(port: int, requests: int) -> None:
    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests // _CONNECTIONS):
            writer.write(_REQUEST)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.close()

    await asyncio.gather(*(one() for _ in range(_CONNECTIONS)))


def _cpu_seconds(process: int) -> float:
    """CPU time of a process so far, from Linux's accounting."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _measure(name: str, port: int) -> None:
    command = [sys.executable, "-m", "tests.performance.serving.transport", name, str(port)]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                await _load(port, _CONNECTIONS * 20)
                break
            except OSError:
                await asyncio.sleep(0.1)
        server, client = _cpu_seconds(process.pid), time.process_time()
        await _load(port, _REQUESTS)
        server, client = _cpu_seconds(process.pid) - server, time.process_time() - client
        each = 1e6 / _REQUESTS
        print(f"{name:10} server {server * each:6.1f} µs   client {client * each:6.1f} µs")
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


def main(arguments: list[str]) -> None:
    """Serve, where told what and on which port; else measure all."""
    if arguments:
        _SERVERS[arguments[0]](int(arguments[1]))
        return
    for index, name in enumerate(_SERVERS):
        asyncio.run(_measure(name, 18_300 + index))


if __name__ == "__main__":
    main(sys.argv[1:])
