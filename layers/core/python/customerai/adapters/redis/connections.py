"""redis-py's connection pool, with connections that are checked before use and made aside.

The one module here that imports redis-py: whoever needs it imports it late.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import (
    AbstractConnection,
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    parse_url,
)
from redis.connection import HiredisRespSerializer
from redis.exceptions import RedisError

from customerai.adapters.redis.iam import IamCredentials

FAILURES = (RedisError, OSError)
"""All that a server, its network or a time-out makes redis-py raise."""


@dataclass(slots=True)
class Counts:
    """Since the process began."""

    waits: int = 0
    """Calls that found every connection of the pool in use."""
    connects: int = 0
    reconnects: int = 0
    """Of the connects: those that stood in for a connection that was lost or did not answer."""


class _Packing:
    """Commands become bytes in C, which redis-py does for its blocking connections only."""

    _serializer = HiredisRespSerializer()

    def pack_command(self, *args: Any) -> list[bytes]:
        packed: list[bytes] = self._serializer.pack(*args)
        return packed


class _Plain(_Packing, Connection):
    pass


class _Encrypted(_Packing, SSLConnection):
    pass


class Pool(BlockingConnectionPool):
    """Up to ``size`` connections to one server, for one event loop.

    A connection that has lain idle for ``idle`` seconds must answer a PING within ``patience``
    before it is used, else it is made anew. Who waits for a connection to be made may stop waiting:
    it is made all the same, within ``connect`` seconds, and the next one finds it.
    """

    def __init__(
        self,
        url: str,
        counts: Counts,
        *,
        size: int,
        connect: float,
        idle: float,
        patience: float,
        credentials: IamCredentials | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options: dict[str, Any] = dict(parse_url(url))
        encrypted = options.get("connection_class") is SSLConnection
        options["connection_class"] = _Encrypted if encrypted else _Plain
        if credentials is not None:
            options.pop("username", None)
            options["credential_provider"] = credentials
        super().__init__(
            max_connections=size,
            timeout=None,  # whoever asks brings a time-out for the whole of a call
            socket_timeout=None,
            socket_connect_timeout=connect,
            protocol=2,  # saves a HELLO
            driver_info=None,  # CLIENT SETINFO is newer than 6.2
            **options,
        )
        self._counts = counts
        self._connect_seconds = connect
        self._idle = idle
        self._patience = patience
        self._clock = clock
        self._used_at: dict[AbstractConnection, float] = {}
        self._connecting: dict[AbstractConnection, asyncio.Task[None]] = {}

    @property
    def in_use(self) -> int:
        return len(self._in_use_connections)

    @property
    def ready(self) -> int:
        """Connections that lie idle and are connected, as far as is known."""
        return sum(each.is_connected for each in self._available_connections)

    async def get_connection(self, *_: object, **__: object) -> AbstractConnection:
        if not self.can_get_connection():
            self._counts.waits += 1
        connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]
        return connection

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        connecting = self._connecting.get(connection)
        if connecting is None:
            if connection.is_connected:
                if await self._is_sound(connection):
                    self._used_at[connection] = self._clock()
                    return
                await connection.disconnect(nowait=True)
            connecting = asyncio.create_task(self._establish(connection))
            self._connecting[connection] = connecting
            connecting.add_done_callback(lambda task: self._established(connection, task))
        await asyncio.shield(connecting)

    async def drop(self) -> None:
        """Close all connections at once. Calls that are under way fail."""
        for connecting in list(self._connecting.values()):
            connecting.cancel()
        for connection in [*self._available_connections, *self._in_use_connections]:
            # RuntimeError: the loop that it belongs to is closed.
            with suppress(RuntimeError, *FAILURES):
                await connection.disconnect(nowait=True)

    async def _establish(self, connection: AbstractConnection) -> None:
        try:
            async with asyncio.timeout(self._connect_seconds):
                await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._counts.connects += 1
        self._counts.reconnects += connection in self._used_at
        self._used_at[connection] = self._clock()

    def _established(self, connection: AbstractConnection, task: "asyncio.Task[None]") -> None:
        self._connecting.pop(connection, None)
        if not task.cancelled():
            task.exception()  # seen, even where nobody waits any more

    async def _is_sound(self, connection: AbstractConnection) -> bool:
        """Whether it is still open, holds no answer to somebody else, and answers if long idle."""
        try:
            if await connection.can_read():
                return False
            if self._clock() - self._used_at[connection] < self._idle:
                return True
            async with asyncio.timeout(self._patience):
                await connection.send_command("PING", check_health=False)
                return bool(await connection.read_response() == b"PONG")
        except FAILURES:
            return False


def client(pool: Pool) -> "Redis":
    return Redis(connection_pool=pool)
