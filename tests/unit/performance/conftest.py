"""Servers that answer what a test says, over sockets of the file system: no network is needed."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

Connect = Callable[[], socket.socket]
StartServer = Callable[[Callable[[bytes], bytes | None]], Connect]
"""Takes what a request is answered with (nothing: the connection is closed unanswered), returns how
to connect."""


def connect_to(path: Path) -> Connect:
    """Return how the client begins a connection to the socket `path`."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        connection.connect_ex(str(path))
        return connection

    return connect


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start servers that are stopped when the test ends."""
    stops: list[Callable[[], None]] = []

    def start(answer: Callable[[bytes], bytes | None]) -> Connect:
        # pytest's own folders can be too deep for the name of a socket.
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name) / "s"
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        listening.listen(64)
        threads: list[threading.Thread] = []
        open_connections: list[socket.socket] = []

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                while request := connection.recv(65_536):
                    response = answer(request)
                    if response is None:
                        return
                    connection.sendall(response)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    open_connections.append(connection)
                    threads.append(threading.Thread(target=serve, args=[connection]))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()

        def stop() -> None:
            listening.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            listening.close()
            for connection in open_connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
            folder.cleanup()

        stops.append(stop)
        return connect_to(path)

    yield start
    for stop in stops:
        stop()


@pytest.fixture
def nobody_listens() -> Iterator[Connect]:
    """How to connect to where a server was."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gone:
            gone.bind(str(path))
        yield connect_to(path)
