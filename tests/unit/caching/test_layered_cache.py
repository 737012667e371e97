"""What this process keeps before what all processes share."""

import pytest

from customerai.adapters.layered_cache import LayeredCache
from customerai.adapters.memory.cache import MemoryCache
from customerai.observability import cache_layers
from customerai.observability.plan import explaining
from customerai.ports import CacheWrite


class World:
    """Two processes' caches over a shared one, and the time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.shared = MemoryCache(clock=lambda: self.now)
        self.near = [MemoryCache(clock=lambda: self.now) for _ in range(2)]
        self.here, self.there = (
            LayeredCache("Things", near, self.shared, near_seconds=10) for near in self.near
        )


@pytest.fixture
def world() -> World:
    cache_layers.drained()
    return World()


async def test_what_one_process_sets_another_finds(world: World) -> None:
    await world.here.set("key", b"value", ttl=60)
    assert await world.there.get("key") == b"value"
    assert await world.near[1].get("key") == b"value"
    world.now = 61
    assert await world.here.get("key") is None


async def test_what_was_found_once_is_found_here_for_its_time_only(world: World) -> None:
    await world.shared.set("key", b"value", ttl=60)
    assert await world.here.get("key") == b"value"
    await world.shared.set("key", b"other", ttl=60)
    assert await world.here.get("key") == b"value"
    assert await world.here.get("key", fresh=True) == b"other"
    world.now = 11
    assert await world.here.get("key") == b"other"


async def test_only_what_is_missing_is_asked_for_further_on(world: World) -> None:
    await world.near[0].set("a", b"1", ttl=5)
    await world.shared.set_many({"a": b"far", "b": b"2"}, ttl=60)
    assert await world.here.get_many(["b", "a", "c", "b"]) == [b"2", b"1", None, b"2"]
    assert cache_layers.drained() == {
        "ThingsProcessHit": 1,
        "ThingsProcessMiss": 3,
        "ThingsSharedHit": 1,
        "ThingsSharedMiss": 1,
    }
    assert cache_layers.drained() == {}


async def test_a_plan_is_told_of_each_layer(world: World) -> None:
    await world.shared.set("key", b"value", ttl=60)
    with explaining() as plan:
        await world.here.get("key")
        await world.here.get("key")
    assert plan.caches == {
        "things.process": {"miss": 1, "hit": 1},
        "things.shared": {"hit": 1},
    }


async def test_a_short_life_is_not_made_longer_by_being_near(world: World) -> None:
    await world.here.set("key", b"value", ttl=2)
    world.now = 3
    assert await world.here.get("key") is None


async def test_what_is_deleted_is_gone_here_and_further_on(world: World) -> None:
    await world.here.set("key", b"value", ttl=60)
    await world.here.delete("key")
    assert await world.here.get("key") is None
    assert await world.there.get("key") is None


async def test_the_shared_one_decides_who_adds(world: World) -> None:
    assert await world.here.add({"a": b"1", "b": b"1"}, ttl=60) == {"a", "b"}
    assert await world.there.add({"b": b"2", "c": b"2"}, ttl=60) == {"c"}
    assert await world.here.get_many(["a", "b", "c"]) == [b"1", b"1", b"2"]


async def test_writes_of_all_kinds_are_near_as_far_as_they_were_set(world: World) -> None:
    await world.there.set("taken", b"2", ttl=60)
    writes = [
        CacheWrite("set", b"1", 60),
        CacheWrite("added", b"1", 60, adds=True),
        CacheWrite("taken", b"1", 60, adds=True),
    ]
    assert await world.here.write(writes) == {"set", "added"}
    assert await world.near[0].get_many(["set", "added", "taken"]) == [b"1", b"1", None]
    assert await world.there.get_many(["set", "added", "taken"]) == [b"1", b"1", b"2"]
    world.now = 11
    assert await world.near[0].get_many(["set", "added"]) == [None, None]


async def test_the_shared_one_counts(world: World) -> None:
    assert [await world.here.increment("n", 60), await world.there.increment("n", 60)] == [1, 2]
    assert await world.here.get("n") == b"2"
    assert await world.there.increment("n", 60) == 3


async def test_it_is_of_use_without_the_shared_one() -> None:
    nothing = MemoryCache(0)
    cache = LayeredCache("Things", MemoryCache(), nothing, near_seconds=10)
    await cache.set("key", b"value", ttl=60)
    assert cache.is_usable
    assert await cache.get("key") == b"value"
