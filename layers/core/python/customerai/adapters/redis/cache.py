"""Values that can be had elsewhere, kept where all processes find them."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from customerai.adapters.redis.pools import PART, CachePools
from customerai.domain.errors import UnavailableError
from customerai.observability import gauges
from customerai.ports import CacheWrite
from customerai.resilience import deadline
from customerai.resilience.breaker import CircuitBreaker, State
from customerai.resilience.refusal import RefusedError

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

TIMEOUT_SECONDS = 0.05
MAX_VALUE_BYTES = 256 * 1024
WAIT_AGAIN_SECONDS = 30.0

# One command for all: redis-py packs and parses each command of a pipeline by itself.
_WRITE = """
local done = {}
for i, key in ipairs(KEYS) do
    local what, value, ttl = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
    done[i] = 0
    if what == 'set' then
        redis.call('SET', key, value, 'PX', ttl)
        done[i] = 1
    elseif what == 'add' then
        if redis.call('SET', key, value, 'PX', ttl, 'NX') then done[i] = 1 end
    else
        redis.call('DEL', key)
    end
end
return done
"""
"""For each key what to do, a value and milliseconds; 1 for each that was set."""


@dataclass(slots=True)
class CacheCounts:
    """Since the process began. Hits and misses are keys, the others calls."""

    hits: int = 0
    misses: int = 0
    failures: int = 0
    """Calls that Redis did not answer in time, or refused."""
    bypassed: int = 0
    """Calls that Redis was not asked: the circuit was open, or no connection made yet."""
    oversized: int = 0
    """Values that were not stored for their size."""


class RedisCache:
    """``customerai.ports.Cache``. Whatever happens to Redis, no call raises or takes longer than
    ``timeout`` seconds.

    A read that fails has found nothing, a write that fails has done nothing. After a few failures
    the breaker leaves Redis alone, and calls cost nothing until a probe finds it well.
    """

    def __init__(
        self,
        pools: CachePools,
        *,
        timeout: float = TIMEOUT_SECONDS,
        max_value_bytes: int = MAX_VALUE_BYTES,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self._pools = pools
        self._timeout = timeout
        self._max_value_bytes = max_value_bytes
        self._breaker = breaker or CircuitBreaker(
            PART,
            failure_rate=0.5,
            minimum_calls=5,
            window=10.0,
            open_seconds=2.0,
            on_change=gauges.breaker_of(PART),
        )
        self._wait_again_at = time.monotonic()
        self.counts = CacheCounts()
        gauges.watch("cache_calls", self._told)

    @property
    def is_usable(self) -> bool:
        """Whether a call would go through, if only to try."""
        return self._breaker.state is not State.OPEN and self._pools.may_answer

    async def ready(self) -> None:
        """Wait for the first connection, for as long as making one may take.

        Where that was in vain, nobody waits again for ``WAIT_AGAIN_SECONDS``.
        """
        if self._pools.is_open or time.monotonic() < self._wait_again_at:
            return
        try:
            async with deadline.timeout(PART):
                await self._pools.warm()
        except UnavailableError:
            self._wait_again_at = time.monotonic() + WAIT_AGAIN_SECONDS

    async def get(self, key: str, *, fresh: bool = False) -> bytes | None:
        """``fresh``: as the primary has it; else it may be older by the replica's lag."""
        [value] = await self.get_many([key], fresh=fresh)
        return value

    async def get_many(self, keys: Sequence[str], *, fresh: bool = False) -> list[bytes | None]:
        """The value of each key, in order; None where there is none."""
        if not keys:
            return []
        nothing: list[bytes | None] = [None] * len(keys)

        async def command(client: "Redis") -> list[bytes | None]:
            found = [await client.get(keys[0])] if len(keys) == 1 else await client.mget(keys)
            return cast("list[bytes | None]", found)

        values = await self._ask(lambda: self._pools.read(command, fresh=fresh), nothing)
        missing = values.count(None)
        self.counts.misses += missing
        self.counts.hits += len(keys) - missing
        return values

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep it for ``ttl`` seconds, in whole milliseconds, one at the least.

        A value that is too long is not stored, and what was there before is deleted.
        """
        if len(value) > self._max_value_bytes:
            await self.write([CacheWrite(key, value, ttl)])
            return

        async def command(client: "Redis") -> None:
            await client.set(key, value, px=_milliseconds(ttl))

        await self._ask(lambda: self._pools.write(command), None)

    async def set_many(self, mapping: Mapping[str, bytes], ttl: float) -> None:
        """``set`` of each, in one exchange."""
        await self.write([CacheWrite(key, value, ttl) for key, value in mapping.items()])

    async def add(self, mapping: Mapping[str, bytes], ttl: float) -> frozenset[str]:
        """Set each key that has no value yet, in one exchange; those that were set.

        One that is too long leaves what is there. Of what was not answered in time some may have
        been set all the same.
        """
        return await self.write(
            [CacheWrite(key, value, ttl, adds=True) for key, value in mapping.items()]
        )

    async def write(self, writes: Sequence[CacheWrite]) -> frozenset[str]:
        """``set`` or ``add`` each, in one exchange; the keys that were set."""
        too_long = {each.key for each in writes if len(each.value) > self._max_value_bytes}
        self.counts.oversized += len(too_long)
        sent = [each for each in writes if not (each.adds and each.key in too_long)]
        if not sent:
            return frozenset()
        arguments: list[str | bytes] = [each.key for each in sent]
        for key, value, ttl, adds in sent:
            if key in too_long:
                arguments += (b"delete", b"", b"")
            else:
                arguments += (b"add" if adds else b"set", value, b"%d" % _milliseconds(ttl))

        async def command(client: "Redis") -> frozenset[str]:
            done = await client.eval(_WRITE, len(sent), *arguments)
            return frozenset(each.key for each, was_set in zip(sent, done, strict=True) if was_set)

        nothing: frozenset[str] = frozenset()
        return await self._ask(lambda: self._pools.write(command), nothing)

    async def delete(self, *keys: str) -> None:
        if not keys:
            return

        async def command(client: "Redis") -> None:
            await client.delete(*keys)

        await self._ask(lambda: self._pools.write(command), None)

    async def increment(self, key: str, ttl: float) -> int:
        """Count one up from 0; the count. It is forgotten ``ttl`` seconds after its first time.

        0 where it could not be counted.
        """

        async def command(client: "Redis") -> int:
            async with client.pipeline(transaction=True) as pipeline:
                pipeline.set(key, 0, px=_milliseconds(ttl), nx=True)
                pipeline.incr(key)
                _, count = await pipeline.execute()
                return int(count)

        return await self._ask(lambda: self._pools.write(command), 0)

    def _told(self) -> dict[str, float]:
        counts = self.counts
        return {
            "failed_total": counts.failures,
            "bypassed_total": counts.bypassed,
            "oversized_total": counts.oversized,
        }

    async def _ask(self, call: Callable[[], Awaitable[T]], otherwise: T) -> T:
        async def attempt() -> T:
            async with deadline.timeout(PART, self._timeout):
                return await call()

        try:
            if deadline.remaining() > self._timeout:
                return await self._breaker.call(attempt)
            # The request's own deadline comes first, and then tells nothing of Redis.
            async with deadline.timeout(PART):
                return await self._breaker.call(call)
        except RefusedError:
            self.counts.bypassed += 1
        except UnavailableError:
            self.counts.failures += 1
        return otherwise


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
