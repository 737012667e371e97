"""What a cache promises, of the one in memory and of the real one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.redis import CachePools, RedisCache
from customerai.ports import CacheWrite
from tests.integration.redis.conftest import Open
from tests.integration.redis.servers import until

Cache = MemoryCache | RedisCache


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest, opened: Open) -> AsyncIterator[Cache]:
    if request.param == "memory":
        yield MemoryCache(max_value_bytes=1000)
        return
    pools: CachePools = opened(request.getfixturevalue("primary").url)
    await pools.warm()
    yield RedisCache(pools, timeout=5.0, max_value_bytes=1000)


async def gone(cache: Cache, key: str) -> None:
    async def is_gone() -> bool:
        return await cache.get(key) is None

    await until(is_gone)


@pytest.mark.parametrize("value", [b"", b"text", bytes(range(256)), b"1\r\n$-1\r\n", b"x" * 1000])
async def test_what_was_set_is_got(cache: Cache, value: bytes) -> None:
    assert await cache.get("key") is None
    await cache.set("key", value, ttl=60)
    assert await cache.get("key") == value
    assert await cache.get("key", fresh=True) == value
    assert await cache.get("KEY") is None


async def test_the_last_value_counts(cache: Cache) -> None:
    await cache.set("key", b"old", ttl=60)
    await cache.set("key", b"new", ttl=60)
    assert await cache.get("key") == b"new"


async def test_keys_may_hold_anything(cache: Cache) -> None:
    for key in ("a b", "ключ", "a\r\nb", "{x}:*", ""):
        await cache.set(key, key.encode(), ttl=60)
        assert await cache.get(key) == key.encode()


async def test_a_value_lives_as_long_as_it_was_told(cache: Cache) -> None:
    await cache.set("short", b"1", ttl=0.05)
    await cache.set("long", b"2", ttl=60)
    await gone(cache, "short")
    assert await cache.get("long") == b"2"


@pytest.mark.parametrize("ttl", [0.0, -5.0, 0.0001])
async def test_what_is_over_already_is_soon_gone(cache: Cache, ttl: float) -> None:
    await cache.set("key", b"old", ttl=60)
    await cache.set("key", b"new", ttl=ttl)
    await gone(cache, "key")


async def test_many_come_in_order(cache: Cache) -> None:
    await cache.set_many({f"k{n}": str(n).encode() for n in range(100)}, ttl=60)
    keys = ["k7", "missing", "k3", "k7"]
    assert await cache.get_many(keys) == [b"7", None, b"3", b"7"]
    assert await cache.get_many([]) == []
    await cache.set_many({}, ttl=60)


async def test_many_live_as_long_as_they_were_told(cache: Cache) -> None:
    await cache.set_many({"a": b"1", "b": b"2"}, ttl=0.05)
    await gone(cache, "a")
    await gone(cache, "b")


async def test_deleted_is_deleted(cache: Cache) -> None:
    await cache.set_many({"a": b"1", "b": b"2", "c": b"3"}, ttl=60)
    await cache.delete("a", "c", "missing")
    assert await cache.get_many(["a", "b", "c"]) == [None, b"2", None]
    await cache.delete()


async def test_what_is_too_long_is_not_stored_and_no_longer_true(cache: Cache) -> None:
    await cache.set("key", b"old", ttl=60)
    await cache.set("key", b"x" * 1001, ttl=60)
    assert await cache.get("key") is None
    await cache.set_many({"key": b"y" * 1001, "other": b"z"}, ttl=60)
    assert await cache.get_many(["key", "other"]) == [None, b"z"]


async def test_writes_of_all_kinds_are_one_exchange(cache: Cache) -> None:
    await cache.set_many({"old": b"old", "taken": b"old", "long": b"old", "both": b"old"}, ttl=60)
    written = await cache.write(
        [
            CacheWrite("old", b"new", 60),
            CacheWrite("taken", b"new", 60, adds=True),
            CacheWrite("absent", b"new", 60, adds=True),
            CacheWrite("long", b"x" * 1001, 60),
            CacheWrite("both", b"x" * 1001, 60, adds=True),
        ]
    )
    assert written == {"old", "absent"}
    found = await cache.get_many(["old", "taken", "absent", "long", "both"])
    assert found == [b"new", b"old", b"new", None, b"old"]
    assert await cache.write([]) == frozenset()


async def test_each_of_several_writes_lives_as_long_as_it_was_told(cache: Cache) -> None:
    await cache.write(
        [
            CacheWrite("short", b"1", 0.05),
            CacheWrite("added", b"2", 0.05, adds=True),
            CacheWrite("long", b"3", 60),
        ]
    )
    await gone(cache, "short")
    await gone(cache, "added")
    assert await cache.get("long") == b"3"


@pytest.mark.parametrize("value", [b"", bytes(range(256)), b"1\r\n$-1\r\n"])
async def test_values_written_at_once_may_hold_anything(cache: Cache, value: bytes) -> None:
    await cache.write([CacheWrite("a b\r\n", value, 60), CacheWrite("ключ", value, 60, adds=True)])
    assert await cache.get_many(["a b\r\n", "ключ"]) == [value, value]


async def test_counting(cache: Cache) -> None:
    assert [await cache.increment("n", ttl=60) for _ in range(3)] == [1, 2, 3]
    assert await cache.get("n") == b"3"
    assert await cache.increment("m", ttl=60) == 1


async def test_a_count_ends_with_its_first_times_ttl(cache: Cache) -> None:
    assert await cache.increment("n", ttl=0.2) == 1
    assert await cache.increment("n", ttl=60) == 2
    await gone(cache, "n")
    assert await cache.increment("n", ttl=60) == 1


async def test_all_counts_count(cache: Cache) -> None:
    counts = await asyncio.gather(*(cache.increment("n", ttl=60) for _ in range(50)))
    assert sorted(counts) == list(range(1, 51))
