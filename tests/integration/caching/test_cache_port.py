"""What caching relies on, of the cache in memory and of the real one."""

import asyncio

import pytest

from customerai.adapters.memory.cache import MemoryCache
from customerai.adapters.redis import RedisCache
from tests.integration.caching.conftest import Start
from tests.integration.redis.servers import Server, until

Cache = MemoryCache | RedisCache


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest, start: Start) -> Cache:
    return MemoryCache() if request.param == "memory" else await start()


async def test_what_is_there_is_not_added(cache: Cache) -> None:
    await cache.set("b", b"old", ttl=60)
    assert await cache.add({"a": b"1", "b": b"2", "c": b"3"}, ttl=60) == {"a", "c"}
    assert await cache.get_many(["a", "b", "c"]) == [b"1", b"old", b"3"]
    assert await cache.add({}, ttl=60) == frozenset()


async def test_one_of_many_adds_it(cache: Cache) -> None:
    added = await asyncio.gather(*(cache.add({"lock": b"1"}, ttl=60) for _ in range(20)))
    assert sum(each == {"lock"} for each in added) == 1


async def test_what_was_added_lives_as_long_as_it_was_told(cache: Cache) -> None:
    assert await cache.add({"lock": b"1"}, ttl=0.05)

    async def is_free() -> bool:
        return bool(await cache.add({"lock": b"2"}, ttl=60))

    await until(is_free)
    assert await cache.get("lock") == b"2"


async def test_what_is_too_long_is_not_added(cache: Cache) -> None:
    assert await cache.add({"long": b"x" * 300_000, "short": b"1"}, ttl=60) == {"short"}
    assert await cache.get("long") is None


async def test_one_that_answers_is_usable_and_ready(cache: Cache) -> None:
    await cache.ready()
    assert cache.is_usable
    assert await cache.add({"key": b"1"}, ttl=60)


async def test_a_first_write_waits_for_the_connection_where_it_must(start: Start) -> None:
    cold = await start(is_cold=True)
    await cold.set("key", b"lost", ttl=60)
    other = await start(is_cold=True)
    await other.ready()
    await other.set("key", b"kept", ttl=60)
    assert await (await start()).get("key") == b"kept"


async def test_nobody_waits_twice_for_one_that_is_away(primary: Server, start: Start) -> None:
    primary.kill()
    cold = await start(is_cold=True)
    await cold.ready()
    primary.start()
    await cold.ready()
    assert not cold._pools.is_open


async def test_one_that_is_away_is_not_usable_until_it_may_be_tried(
    primary: Server, start: Start
) -> None:
    cache = await start()
    primary.kill()
    for _ in range(3):
        await cache.get("key")
    assert not cache.is_usable
    assert await cache.add({"key": b"1"}, ttl=60) == frozenset()
    primary.start()

    async def answers() -> bool:
        return cache.is_usable and bool(await cache.add({"key": b"1"}, ttl=60))

    await until(answers)


async def test_one_without_a_connection_is_tried_once_in_a_while(
    primary: Server, start: Start
) -> None:
    primary.kill()
    cold = await start(is_cold=True)
    assert cold.is_usable
    await cold.get("key")
    assert not cold.is_usable
    primary.start()

    async def is_found() -> bool:
        return cold.is_usable and bool(await cold.add({"key": b"1"}, ttl=60))

    await until(is_found)
