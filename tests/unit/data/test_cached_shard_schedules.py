"""How long a schedule that was read stands in for the stored one, and at what price."""

from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.cached_shard_schedules import REFRESH_SECONDS, CachedShardSchedules
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.errors import UnavailableError
from customerai.domain.shards import MOST_STALE, SINGLE, Raise, Schedule

TWO = Schedule((Raise(datetime(2026, 6, 1, tzinfo=UTC), 2),))
MOST_STALE_SECONDS = MOST_STALE / timedelta(seconds=1)


class Store(MemoryShardSchedules):
    """Counts who asks, and may be down."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.down, self.now = list[str](), False, 1_000_000.0
        self.cached = CachedShardSchedules(self, capacity=2, clock=lambda: self.now)

    async def of(self, tenant: str) -> Schedule:
        self.asked.append(tenant)
        if self.down:
            raise UnavailableError("store")
        return await super().of(tenant)


@pytest.fixture
def store() -> Store:
    return Store()


async def test_that_there_is_none_is_kept_as_well(store: Store) -> None:
    for _ in range(100):
        assert await store.cached.of("acme") == SINGLE
    assert store.asked == ["acme"]


async def test_a_raise_is_known_when_the_refresh_is_due_and_no_sooner(store: Store) -> None:
    await store.cached.of("acme")
    store.stored["acme"] = TWO
    store.now += REFRESH_SECONDS - 0.1
    assert await store.cached.of("acme") == SINGLE
    store.now += 0.1
    assert await store.cached.of("acme") == TWO
    assert store.asked == ["acme"] * 2


async def test_an_old_one_serves_while_the_store_is_down(store: Store) -> None:
    await store.cached.of("acme")
    store.down = True
    store.now += REFRESH_SECONDS
    for _ in range(100):
        assert await store.cached.of("acme") == SINGLE
    assert len(store.asked) == 2  # not every call waits for a store that is down
    store.now += 5
    await store.cached.of("acme")
    assert len(store.asked) == 3
    store.down = False
    store.stored["acme"] = TWO
    store.now += 5
    assert await store.cached.of("acme") == TWO


async def test_nothing_serves_that_may_be_wrong(store: Store) -> None:
    await store.cached.of("acme")
    store.down = True
    store.now += MOST_STALE_SECONDS - 1
    assert await store.cached.of("acme") == SINGLE
    store.now += 1
    with pytest.raises(UnavailableError):
        await store.cached.of("acme")


async def test_nothing_is_made_up_for_a_tenant_that_was_never_read(store: Store) -> None:
    store.down = True
    with pytest.raises(UnavailableError):
        await store.cached.of("acme")
    store.down = False
    assert await store.cached.of("acme") == SINGLE


async def test_a_clock_that_is_set_back_makes_nothing_fresh_for_longer(store: Store) -> None:
    await store.cached.of("acme")
    store.stored["acme"] = TWO
    store.now -= 7_200
    assert await store.cached.of("acme") == TWO


async def test_of_too_many_tenants_the_one_read_longest_ago_goes(store: Store) -> None:
    for tenant in ("a", "b", "c", "c", "b", "a"):
        await store.cached.of(tenant)
    assert store.asked == ["a", "b", "c", "a"]
