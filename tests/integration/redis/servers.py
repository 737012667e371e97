"""Redis servers that a test starts, holds and kills, and what may stand before one."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from functions._runner.lifeline import die_with
from functions._runner.platform import redis_binary

HOST = "127.0.0.1"


class Server:
    """The real server on a port of its own; a replica where it is given a primary."""

    def __init__(self, folder: Path, primary: "Server | None" = None) -> None:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self._command = [
            *(str(redis_binary()), "--bind", HOST, "--port", str(self.port)),
            *("--save", "", "--appendonly", "no", "--dir", str(folder)),
            *("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"),
        ]
        if primary is not None:
            self._command += ["--replicaof", HOST, str(primary.port)]
        self._process: subprocess.Popen[bytes] | None = None
        # An administrator's connection, apart from those that are tested.
        self.admin: Any = Redis(HOST, self.port)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.admin.close()
        self.kill()

    def start(self) -> None:
        here = os.getpid()
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, preexec_fn=lambda: die_with(here)
        )
        wait_for(self.answers)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """It keeps its connections and answers nothing, until it is let go."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except (RedisError, OSError):
            return False

    def calls(self, command: str) -> int:
        """How often the command was carried out since the server started."""
        stats = self.admin.info("commandstats").get(f"cmdstat_{command}", {})
        return int(stats.get("calls", 0))

    def clients(self) -> list[Any]:
        """Its connections, without the administrator's and its replicas'."""
        mine = self.admin.client_id()
        return [
            each
            for each in self.admin.client_list()
            if int(each["id"]) != mine and each["flags"] == "N"
        ]

    def follow(self, port: int) -> None:
        self.admin.replicaof(HOST, port)

    def is_linked(self) -> bool:
        return bool(self.admin.info("replication").get("master_link_status") == "up")


class Proxy:
    """Between a client and a server. While ``deaf`` it takes everything and passes nothing on.

    With a ``certificate``, which its key is with, clients speak TLS.
    """

    def __init__(self, port: int, certificate: Path | None = None) -> None:
        self._target = port
        self._tls = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(certificate)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.deaf = False
        self.accepted = 0
        self.received = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection(HOST, self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, back))
                both.create_task(self._pass(there, writer))
        finally:
            writer.close()
            back.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.received += len(data)
            if not self.deaf:
                writer.write(data)
        writer.close()


@contextlib.contextmanager
def unreachable() -> Iterator[str]:
    """The URL of a port whose connections are never completed, as behind a wrong firewall rule."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((HOST, 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):  # its queue is full, and nobody takes anything out
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"redis://{HOST}:{address[1]}/0"


async def until(condition: Callable[[], Awaitable[bool]], limit: float = 10.0) -> None:
    async with asyncio.timeout(limit):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)


def wait_for(condition: Callable[[], bool], limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
