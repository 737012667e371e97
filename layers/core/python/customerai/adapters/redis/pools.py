"""The connections to a primary that is written and a replica that is read."""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit
from uuid import uuid4

from customerai.adapters.redis.iam import IamCredentials
from customerai.adapters.redis.replica import ReplicaWatch
from customerai.domain.errors import UnavailableError
from customerai.resilience.refusal import RefusedError

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from customerai.adapters.redis.connections import Counts, Pool

T = TypeVar("T")

PART = "cache"
_COUNTERS = ("waits", "connects", "reconnects", "replica_reads", "replica_failures")
_BEAT_KEPT_SECONDS = 60
_BEAT_SECONDS = 1.0
"""A beat that takes longer has failed."""
_OPEN_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each of the two pools; times in seconds."""

    size: int = 4
    """Connections: as many as calls that the process has under way at once."""
    connect: float = 1.0
    """A connection is made within this time, TLS and authentication included, or given up."""
    idle: float = 30.0
    """A connection that was not used for longer is asked whether it is still there."""
    patience: float = 0.02
    """How long the replica, or a connection that is asked, has before another way is taken."""
    max_lag: float = 0.2
    """A replica that is further behind is not read."""


@dataclass(frozen=True, slots=True)
class _Nodes:
    """What belongs to one event loop. Without a replica the last three are None."""

    loop: asyncio.AbstractEventLoop
    failures: tuple[type[BaseException], ...]
    primary: "Redis"
    pools: "tuple[Pool, ...]"
    replica: "Redis | None" = None
    watch: ReplicaWatch | None = None


class CachePools:
    """Writes go to ``primary_url``, reads to ``reader_url`` while what is there is recent.

    Without a reader, or where both are the same, the primary is read. URLs are redis-py's
    (``redis://host:port/0``, ``rediss://`` for TLS). With an ``iam_name`` the URL's user connects
    as an IAM identity to the replication group of that name.

    Nobody waits for the first connection: until it is there, calls are refused at once and it is
    made meanwhile. ``warm`` makes it beforehand. After a change of event loop all is made anew.
    """

    def __init__(
        self,
        primary_url: str,
        reader_url: str = "",
        *,
        iam_name: str = "",
        region: str = "",
        limits: Limits = Limits(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._primary_url = _checked(primary_url)
        self._reader_url = _checked(reader_url) if reader_url not in ("", primary_url) else ""
        self._credentials = _credentials(primary_url, iam_name, region) if iam_name else None
        self._limits = limits
        self._clock = clock
        self._nodes: _Nodes | None = None
        self._left: list[_Nodes] = []
        self._counts: Counts | None = None
        self._opening: asyncio.Task[None] | None = None
        self._open_again_at = clock()
        self._beating: asyncio.Task[None] | None = None
        self._replica_reads = 0
        self._replica_failures = 0

    @property
    def is_open(self) -> bool:
        """Whether connections have been made, on whichever event loop."""
        return self._nodes is not None

    @property
    def may_answer(self) -> bool:
        """Not while the first connection is being made, or could not be made a moment ago."""
        return self._nodes is not None or self._clock() >= self._open_again_at

    async def warm(self) -> None:
        """Have redis-py imported, a connection made, and the replica measured.

        Raises ``UnavailableError`` where the primary does not answer within ``Limits.connect``.
        """
        try:
            nodes = self._open_nodes()
        except RefusedError:
            await asyncio.shield(self._start_opening())
            nodes = self._open_nodes()
        if nodes.watch is not None and nodes.watch.is_due():
            await self._beat(nodes, nodes.watch)

    async def write(self, command: "Callable[[Redis], Awaitable[T]]") -> T:
        """What ``command`` of the primary's client returns. Raises ``UnavailableError``."""
        nodes = self._open_nodes()
        return await _asked(nodes, command)

    async def read(self, command: "Callable[[Redis], Awaitable[T]]", *, fresh: bool = False) -> T:
        """What ``command`` returns, of the replica's client if that may be read.

        ``fresh``: of the primary's in any case. A replica that fails is given up for a while, and
        the primary asked instead. Raises ``UnavailableError``.
        """
        nodes = self._open_nodes()
        if nodes.watch is not None and nodes.replica is not None and not fresh:
            self._beat_when_due(nodes, nodes.watch)
            if nodes.watch.may_read():
                self._replica_reads += 1
                try:
                    async with asyncio.timeout(self._limits.patience):
                        return await command(nodes.replica)
                except nodes.failures:
                    self._replica_failures += 1
                    nodes.watch.suspect()
        return await _asked(nodes, command)

    def rebuild(self) -> None:
        """Leave all connections: the process goes on from a snapshot, or on another event loop.

        They are closed, and made anew, when the cache is asked again.
        """
        if self._nodes is not None:
            self._left.append(self._nodes)
        self._nodes = None
        for task in (self._opening, self._beating):
            if task is not None and not task.get_loop().is_closed():
                task.cancel()
        self._opening = self._beating = None
        self._open_again_at = self._clock()

    async def aclose(self) -> None:
        """Close all connections. Asking again makes new ones."""
        loop = asyncio.get_running_loop()
        tasks = [
            each for each in (self._opening, self._beating) if each and each.get_loop() is loop
        ]
        self.rebuild()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._drop_left()

    def gauges(self) -> dict[str, float]:
        """How it is now, and counts since the process began; both pools together.

        ``in_use`` (connections), ``waits`` (calls that found no free one), ``connects`` and
        ``reconnects``, ``replica_reads`` and ``replica_failures``. ``replica_lag_ms`` is absent
        while it is not known.
        """
        nodes, counts = self._nodes, self._counts
        values: dict[str, float] = {
            "in_use": sum(pool.in_use for pool in nodes.pools) if nodes else 0,
            "waits": counts.waits if counts else 0,
            "connects": counts.connects if counts else 0,
            "reconnects": counts.reconnects if counts else 0,
            "replica_reads": self._replica_reads,
            "replica_failures": self._replica_failures,
        }
        if nodes is not None and nodes.watch is not None and nodes.watch.lag is not None:
            values["replica_lag_ms"] = nodes.watch.lag * 1000
        return values

    def told(self) -> dict[str, float]:
        """``gauges`` for ``customerai.observability.gauges``."""
        values = self.gauges()
        told = {f"{name}_total": values[name] for name in _COUNTERS} | {"in_use": values["in_use"]}
        if "replica_lag_ms" in values:
            told["replica_lag_milliseconds"] = round(values["replica_lag_ms"], 3)
        return told

    def _open_nodes(self) -> _Nodes:
        """Raises ``RefusedError`` while there are none, and has them made."""
        loop = asyncio.get_running_loop()
        if self._nodes is not None and self._nodes.loop is not loop:
            self.rebuild()
        if self._nodes is not None:
            return self._nodes
        if self._clock() >= self._open_again_at:
            self._start_opening()
        raise RefusedError(PART)

    def _start_opening(self) -> "asyncio.Task[None]":
        """The one task that makes the connections, if need be a new one."""
        loop, opening = asyncio.get_running_loop(), self._opening
        if opening is None or opening.done() or opening.get_loop() is not loop:
            self._open_again_at = self._clock() + _OPEN_AGAIN_SECONDS
            opening = self._opening = loop.create_task(self._open())
            # Seen, even where nobody waits: the next call tries again.
            opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        return opening

    async def _open(self) -> None:
        # On a thread: it takes longer than anybody may be kept waiting.
        redis = await asyncio.to_thread(
            importlib.import_module, "customerai.adapters.redis.connections"
        )
        await self._drop_left()
        self._counts = self._counts or redis.Counts()

        def pool(url: str) -> "Pool":
            made: Pool = redis.Pool(
                url,
                self._counts,
                size=self._limits.size,
                connect=self._limits.connect,
                idle=self._limits.idle,
                patience=self._limits.patience,
                credentials=self._credentials,
                clock=self._clock,
            )
            return made

        loop, writers = asyncio.get_running_loop(), pool(self._primary_url)
        primary = redis.client(writers)
        if self._reader_url:
            readers = pool(self._reader_url)
            replica = redis.client(readers)
            watch = _watch(primary, replica, readers, self._limits.max_lag, self._clock)
            nodes = _Nodes(loop, redis.FAILURES, primary, (writers, readers), replica, watch)
        else:
            nodes = _Nodes(loop, redis.FAILURES, primary, (writers,))

        async def answer(client: "Redis") -> None:
            # Not the deadline of the request that happened to come first.
            async with asyncio.timeout(self._limits.connect):
                await client.ping()

        try:
            await _asked(nodes, answer)
        except BaseException:
            for each in nodes.pools:
                await each.drop()
            raise
        self._nodes = nodes

    async def _drop_left(self) -> None:
        while self._left:
            for pool in self._left.pop().pools:
                await pool.drop()

    def _beat_when_due(self, nodes: _Nodes, watch: ReplicaWatch) -> None:
        if (self._beating is None or self._beating.done()) and watch.is_due():
            self._beating = nodes.loop.create_task(self._beat(nodes, watch))

    async def _beat(self, nodes: _Nodes, watch: ReplicaWatch) -> None:
        with suppress(*nodes.failures):
            async with asyncio.timeout(_BEAT_SECONDS):
                await watch.beat()


async def _asked(nodes: _Nodes, command: "Callable[[Redis], Awaitable[T]]") -> T:
    try:
        return await command(nodes.primary)
    except nodes.failures as error:
        raise UnavailableError(PART) from error


def _watch(
    primary: "Redis",
    replica: "Redis",
    readers: "Pool",
    max_lag: float,
    clock: Callable[[], float],
) -> ReplicaWatch:
    # Of this process alone, also where several go on from one snapshot.
    key = f"customerai:heartbeat:{uuid4()}"

    async def read() -> list[bytes | None]:
        # Asked at the same time, each takes a connection of its own.
        asked = (replica.get(key) for _ in range(max(1, readers.ready)))
        return cast("list[bytes | None]", await asyncio.gather(*asked))

    return ReplicaWatch(
        lambda number: primary.set(key, number, ex=_BEAT_KEPT_SECONDS),
        read,
        max_lag=max_lag,
        clock=clock,
    )


def _checked(url: str) -> str:
    """Raises ``ValueError`` now, not when the cache is first asked."""
    address = urlsplit(url)
    if address.scheme not in ("redis", "rediss") or not address.hostname or address.port == 0:
        raise ValueError(f"not the address of a cache: {address.scheme}://{address.hostname}")
    return url


def _credentials(url: str, name: str, region: str) -> IamCredentials:
    """Raises ``ValueError`` where the URL does not say who connects, or no region is given."""
    address = urlsplit(url)
    if not address.username or not region:
        raise ValueError("connecting as an IAM identity takes a user in the URL, and a region")
    return IamCredentials(name, address.username, region)
