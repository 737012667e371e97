"""The server's life: listen, serve, and on SIGTERM finish what was accepted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import time

from models.serving.app import Application
from models.serving.settings import ServerSettings
from models.serving.transport import Connection, Shared

logger = logging.getLogger(__name__)

_SWEEP_SECONDS = 1.0
_POLL_SECONDS = 0.02
_BACKLOG = 1024


async def serve(app: Application, settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT; return when what was accepted is answered.

    Raises:
        OSError: the port is taken.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    shared = Shared(app, settings.most_body_bytes, settings.most_connections)
    listener = await loop.create_server(
        lambda: Connection(shared), settings.host, settings.port, backlog=_BACKLOG
    )
    app.start()
    async with contextlib.AsyncExitStack() as stack:
        if settings.grpc_port is not None:
            from models.serving.rpc.service import serving  # grpcio is optional

            await stack.enter_async_context(serving(app, settings, settings.grpc_port))
        sweeper = loop.create_task(_sweep(shared, settings))
        # What is loaded by now stays: the collector need not look at it again and again.
        gc.freeze()
        gc.enable()
        _say(f"serving on http://{settings.host}:{settings.port}")
        await stop.wait()
        app.drain(settings.drain_seconds)
        _say("shutting down")
        await _drained(shared, app.drained_by)
        sweeper.cancel()
    listener.close()
    for connection in list(shared.connections):
        connection.close()
    await asyncio.sleep(0)
    app.close()


async def _drained(shared: Shared, ends: float) -> None:
    """Wait until no accepted request is left, or the time is up."""
    while any(connection.busy for connection in shared.connections):
        if time.monotonic() > ends:
            left = sum(connection.busy for connection in shared.connections)
            logger.error("%d requests were not answered in time", left)
            return
        await asyncio.sleep(_POLL_SECONDS)


async def _sweep(shared: Shared, settings: ServerSettings) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        now = time.monotonic()
        for connection in list(shared.connections):
            connection.close_if_overdue(now, settings.idle_seconds, settings.receive_seconds)


def _say(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
