"""A cache that is away, slow, or comes and goes: never an error, never long, never wrong."""

import asyncio
import time

import pytest

from customerai.adapters.redis import RedisCache
from customerai.adapters.redis.pools import Limits
from customerai.resilience import deadline
from customerai.resilience.breaker import CircuitBreaker, State
from customerai.resilience.refusal import RefusedError
from tests.integration.redis.conftest import Open
from tests.integration.redis.servers import Proxy, Server, unreachable, until

TIMEOUT = 0.05
SLACK = 0.5
"""What a busy machine may add to a call that must take no time."""


def quick_breaker() -> CircuitBreaker:
    return CircuitBreaker("cache", minimum_calls=3, open_seconds=0.2)


async def use_everything(cache: RedisCache) -> None:
    """Each operation finds and does nothing, in time."""
    before = time.monotonic()
    assert await cache.get("key") is None
    assert await cache.get_many(["a", "b"]) == [None, None]
    await cache.set("key", b"value", ttl=60)
    await cache.set_many({"a": b"1"}, ttl=60)
    assert await cache.add({"a": b"1"}, ttl=60) == frozenset()
    await cache.delete("key")
    assert await cache.increment("n", ttl=60) == 0
    assert time.monotonic() - before < 7 * TIMEOUT + SLACK


async def counts(cache: RedisCache) -> bool:
    return await cache.increment("n", ttl=60) > 0


async def test_a_server_that_ends_is_missed_then_left_alone_then_found_again(
    primary: Server, opened: Open
) -> None:
    pools = opened(primary.url)
    await pools.warm()
    breaker = quick_breaker()
    cache = RedisCache(pools, timeout=TIMEOUT, breaker=breaker)
    await cache.set("key", b"value", ttl=60)
    assert await cache.get("key") == b"value"

    primary.kill()
    for _ in range(3):
        await use_everything(cache)
    assert breaker.state is State.OPEN
    assert cache.counts.bypassed > 0
    failures = cache.counts.failures
    assert failures <= 4  # as many as it took to know, and none since

    primary.start()  # it is empty, as after every start
    await asyncio.sleep(0.25)
    assert await cache.get("key") is None
    await cache.set("key", b"new", ttl=60)
    assert await cache.get("key") == b"new"
    assert (cache.counts.failures, breaker.state.value) == (failures, "closed")
    assert pools.gauges()["reconnects"] >= 1


async def test_a_server_that_hangs_costs_its_timeout_a_few_times(
    primary: Server, opened: Open
) -> None:
    pools = opened(primary.url)
    await pools.warm()
    cache = RedisCache(pools, timeout=TIMEOUT, breaker=quick_breaker())
    with primary.held():
        for _ in range(3):
            await use_everything(cache)
        assert cache.counts.bypassed > cache.counts.failures
        before = time.monotonic()
        with deadline.within(60):
            for _ in range(200):
                await cache.get("key")
        assert time.monotonic() - before < 200 * TIMEOUT / 4


async def test_a_late_answer_is_nobody_elses(primary: Server, opened: Open) -> None:
    pools = opened(primary.url, limits=Limits(size=1))
    await pools.warm()
    cache = RedisCache(pools, timeout=TIMEOUT, breaker=CircuitBreaker("cache", minimum_calls=99))
    await cache.set_many({"a": b"of a", "b": b"of b"}, ttl=60)
    with primary.held():
        assert await cache.get("a") is None
    async with asyncio.timeout(10):
        while (found := await cache.get("b")) is None:
            pass
    assert found == b"of b"
    assert await cache.get_many(["b", "a"]) == [b"of b", b"of a"]


async def test_nobody_waits_for_the_first_connection(primary: Server, opened: Open) -> None:
    pools = opened(primary.url)
    cache = RedisCache(pools, timeout=5.0)
    assert await cache.get("key") is None
    assert (cache.counts.bypassed, primary.calls("get")) == (1, 0)
    await until(lambda: counts(cache))
    assert cache.counts.failures == 0


async def test_a_server_that_is_not_there_from_the_start(primary: Server, opened: Open) -> None:
    primary.kill()
    cache = RedisCache(opened(primary.url), timeout=TIMEOUT)
    await use_everything(cache)
    with pytest.raises(RefusedError):
        await cache._pools.read(lambda client: client.get("key"))
    primary.start()
    await until(lambda: counts(cache))


async def test_a_connection_that_is_never_completed(opened: Open) -> None:
    with unreachable() as url:
        cache = RedisCache(opened(url, limits=Limits(connect=0.2)), timeout=TIMEOUT)
        for _ in range(10):
            await use_everything(cache)
            await asyncio.sleep(0.02)


async def test_a_reconnection_that_is_never_completed(opened: Open, primary: Server) -> None:
    async with Proxy(primary.port) as proxy:
        pools = opened(proxy.url, limits=Limits(connect=0.3))
        await pools.warm()
        cache = RedisCache(pools, timeout=TIMEOUT, breaker=quick_breaker())
        proxy.deaf = True
        for _ in range(5):
            await use_everything(cache)
        proxy.deaf = False
        await until(lambda: counts(cache))


async def test_an_open_circuit_sends_nothing(opened: Open, primary: Server) -> None:
    async with Proxy(primary.port) as proxy:
        pools = opened(proxy.url)
        await pools.warm()
        breaker = CircuitBreaker("cache", minimum_calls=3, open_seconds=60)
        cache = RedisCache(pools, timeout=TIMEOUT, breaker=breaker)
        proxy.deaf = True
        await use_everything(cache)
        assert breaker.state is State.OPEN
        before = (proxy.accepted, proxy.received)
        for _ in range(5):
            await use_everything(cache)
        assert (proxy.accepted, proxy.received) == before


async def test_a_client_in_a_hurry_tells_nothing_about_the_server(
    opened: Open, primary: Server
) -> None:
    pools = opened(primary.url)
    await pools.warm()
    breaker = quick_breaker()
    cache = RedisCache(pools, timeout=5.0, breaker=breaker)
    with primary.held():
        for _ in range(10):
            with deadline.within(0.005):
                assert await cache.get("key") is None
    assert breaker.state is State.CLOSED
    await cache.set("key", b"value", ttl=60)
    assert await cache.get("key") == b"value"


async def test_flapping_never_gives_a_wrong_value(opened: Open, primary: Server) -> None:
    pools = opened(primary.url)
    await pools.warm()
    cache = RedisCache(pools, timeout=TIMEOUT, breaker=quick_breaker())
    stop = asyncio.Event()

    async def use(number: int) -> int:
        found = 0
        key, value = f"k{number}", f"v{number}".encode()
        while not stop.is_set():
            await cache.set(key, value, ttl=60)
            got = await cache.get_many([key, "missing"])
            assert got in ([value, None], [None, None])
            found += got[0] is not None
            await asyncio.sleep(0.001)
        return found

    users = [asyncio.create_task(use(number)) for number in range(8)]
    for turn in range(4):
        await asyncio.sleep(0.1)
        if turn % 2:
            with primary.held():
                await asyncio.sleep(0.15)
        else:
            primary.kill()
            await asyncio.sleep(0.1)
            await asyncio.to_thread(primary.start)
    await asyncio.sleep(0.3)
    stop.set()
    assert all(found > 0 for found in await asyncio.gather(*users))
    assert pools.gauges()["in_use"] == 0
