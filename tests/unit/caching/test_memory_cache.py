"""The bounds of the cache in this process; what it shares with Redis is in the contract's tests."""

from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.memory.cache import MemoryCache
from tests.unit.resilience.clock import Clock


async def test_the_one_used_longest_ago_is_forgotten_first() -> None:
    cache = MemoryCache(capacity=3)
    for key in "abc":
        await cache.set(key, key.encode(), ttl=60)
    assert await cache.get("a") == b"a"  # used
    await cache.set("b", b"new", ttl=60)  # and so is this
    await cache.set("d", b"d", ttl=60)
    assert await cache.get_many(["a", "b", "c", "d"]) == [b"a", b"new", None, b"d"]


async def test_a_value_is_over_at_its_time_and_takes_no_place_then() -> None:
    clock = Clock()
    cache = MemoryCache(clock=clock)
    await cache.set("key", b"value", ttl=10)
    clock.advance(9.99)
    assert await cache.get("key") == b"value"
    clock.advance(0.01)
    assert await cache.get("key") is None
    assert len(cache) == 0


@given(
    capacity=st.integers(1, 5),
    steps=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("sgdi"))),
)
async def test_it_never_holds_more_nor_anything_else(
    capacity: int, steps: list[tuple[str, str]]
) -> None:
    cache = MemoryCache(capacity)
    latest: dict[str, bytes] = {}
    for number, (key, step) in enumerate(steps):
        if step == "s":
            latest[key] = str(number).encode()
            await cache.set(key, latest[key], ttl=60)
        elif step == "d":
            latest.pop(key, None)
            await cache.delete(key)
        elif step == "i":
            held = await cache.get(key)
            count = await cache.increment(key, ttl=60)
            assert count == int(held or 0) + 1
            latest[key] = str(count).encode()
        else:
            assert await cache.get(key) in (None, latest.get(key))
        assert len(cache) <= capacity
