"""Reads from a real replica, while its link holds and while it does not."""

import asyncio

import pytest

from customerai.adapters.redis import CachePools, RedisCache
from customerai.adapters.redis.pools import Limits
from tests.integration.redis.conftest import Open
from tests.integration.redis.servers import Proxy, Server, until, wait_for

MAX_LAG = 0.5
DEAD_PORT = 1


@pytest.fixture
async def pools(primary: Server, replica: Server, opened: Open) -> CachePools:
    pools = opened(primary.url, replica.url, limits=Limits(max_lag=MAX_LAG, patience=0.1))
    await pools.warm()
    return pools


@pytest.fixture
async def cache(pools: CachePools) -> RedisCache:
    """Of a replica that is read already."""
    cache = RedisCache(pools, timeout=10.0)
    await beats(cache, pools, read=True)
    return cache


async def beats(cache: RedisCache, pools: CachePools, *, read: bool) -> None:
    """Read until the replica is, or is no longer, what is read."""
    async with asyncio.timeout(10):
        while True:
            before = pools.gauges()["replica_reads"]
            await cache.get("any")
            if (pools.gauges()["replica_reads"] > before) == read:
                return
            await asyncio.sleep(0.02)


async def test_the_primary_is_written_and_the_replica_read(
    cache: RedisCache, pools: CachePools, primary: Server, replica: Server
) -> None:
    await cache.set("key", b"value", ttl=60)
    wait_for(lambda: replica.admin.get("key") == b"value")
    written, read = primary.calls("set"), replica.calls("get")
    asked = primary.calls("get")
    for _ in range(10):
        assert await cache.get("key") == b"value"
    assert replica.calls("get") >= read + 10
    assert primary.calls("get") == asked
    assert await cache.get("key", fresh=True) == b"value"
    assert primary.calls("get") == asked + 1
    await cache.set("key", b"new", ttl=60)
    assert primary.calls("set") >= written + 1
    gauges = pools.gauges()
    assert 0 <= gauges["replica_lag_ms"] <= MAX_LAG * 1000
    assert gauges["replica_failures"] == 0


async def test_a_replica_whose_link_is_cut_is_not_read_until_it_has_caught_up(
    cache: RedisCache, pools: CachePools, primary: Server, replica: Server
) -> None:
    await cache.set("key", b"old", ttl=60)
    wait_for(lambda: replica.admin.get("key") == b"old")
    assert await cache.get("key") == b"old"

    replica.follow(DEAD_PORT)
    await cache.set("key", b"new", ttl=60)
    assert replica.admin.get("key") == b"old"  # it still answers, wrongly
    await beats(cache, pools, read=False)
    for _ in range(20):
        assert await cache.get("key") == b"new"
    async with asyncio.timeout(10):
        while pools.gauges()["replica_lag_ms"] < 1500:  # told as it grows
            await cache.get("key")
            await asyncio.sleep(0.02)

    replica.follow(primary.port)
    await beats(cache, pools, read=True)
    assert replica.admin.get("key") == b"new"
    assert await cache.get("key") == b"new"
    assert pools.gauges()["replica_lag_ms"] <= MAX_LAG * 1000


async def test_a_link_that_passes_nothing_on_is_a_link_that_is_cut(
    primary: Server, replica: Server, opened: Open
) -> None:
    """The replica takes it for up: only what it shows tells."""
    async with Proxy(primary.port) as link:
        await asyncio.to_thread(replica.follow, link.port)
        await until(lambda: asyncio.to_thread(replica.is_linked))
        pools = opened(primary.url, replica.url, limits=Limits(max_lag=MAX_LAG, patience=0.1))
        cache = RedisCache(pools, timeout=10.0)
        await pools.warm()
        await beats(cache, pools, read=True)
        link.deaf = True
        await cache.set("key", b"new", ttl=60)
        assert await asyncio.to_thread(replica.is_linked)
        await beats(cache, pools, read=False)
        assert await cache.get("key") == b"new"


async def test_a_replica_that_ends_costs_nobody_an_answer(
    cache: RedisCache, pools: CachePools, replica: Server
) -> None:
    await cache.set("key", b"value", ttl=60)
    replica.kill()
    for _ in range(5):
        assert await cache.get("key") == b"value"
    assert pools.gauges()["replica_failures"] >= 1
    assert "replica_lag_ms" not in pools.gauges()
    assert cache.counts.failures == 0
    replica.start()
    wait_for(replica.is_linked)
    await beats(cache, pools, read=True)
    assert await cache.get("key") == b"value"


async def test_a_replica_that_hangs_costs_a_moment_and_is_left(
    cache: RedisCache, pools: CachePools, replica: Server
) -> None:
    await cache.set("key", b"value", ttl=60)
    with replica.held():
        for _ in range(5):
            assert await cache.get("key") == b"value"
        assert pools.gauges()["replica_failures"] == 1
    await beats(cache, pools, read=True)


async def test_a_replica_that_was_never_there(primary: Server, opened: Open) -> None:
    pools = opened(primary.url, f"redis://127.0.0.1:{DEAD_PORT}")
    await pools.warm()
    cache = RedisCache(pools, timeout=10.0)
    await cache.set("key", b"value", ttl=60)
    assert await cache.get("key") == b"value"
    assert pools.gauges()["replica_reads"] == 0


async def test_the_same_address_twice_is_no_replica(primary: Server, opened: Open) -> None:
    pools = opened(primary.url, primary.url)
    await pools.warm()
    await RedisCache(pools).get("key")
    assert primary.calls("set") == 0  # nothing to measure
    assert "replica_lag_ms" not in pools.gauges()
