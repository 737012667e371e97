"""Raising a tenant's shards: when it begins, and that nobody loses a row on the way."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customerai.adapters.cached_shard_schedules import CachedShardSchedules
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.errors import (
    InvalidParameterError,
    UnavailableError,
    VersionConflictError,
)
from customerai.domain.ids import MOST_AHEAD, make_id
from customerai.domain.shards import (
    CLOCK_ERROR,
    LEAD,
    MAX_SHARDS,
    MOST_STALE,
    SINGLE,
    Raise,
    Schedule,
    shard_of,
)
from customerai.event_loop import run
from customerai.usecases.raise_shards import raise_shards

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
FIRST = datetime(2026, 11, 26, 12, tzinfo=UTC)
"""The first full hour that lies a day and two hours ahead."""


@pytest.fixture
def schedules() -> MemoryShardSchedules:
    return MemoryShardSchedules()


async def test_a_raise_begins_when_everybody_knows_of_it(schedules: MemoryShardSchedules) -> None:
    assert LEAD > MOST_AHEAD + MOST_STALE
    raised = await raise_shards("acme", 4, NOW, schedules=schedules)
    assert raised == Schedule((Raise(FIRST, 4),))
    assert await schedules.of("acme") == raised
    assert await schedules.of("globex") == SINGLE


async def test_raises_follow_each_other(schedules: MemoryShardSchedules) -> None:
    await raise_shards("acme", 4, NOW, schedules=schedules)
    later = NOW + timedelta(days=30)
    raised = await raise_shards("acme", 9, later, schedules=schedules)
    assert raised == Schedule((Raise(FIRST, 4), Raise(FIRST + timedelta(days=30), 9)))


async def test_a_second_raise_begins_after_the_first(schedules: MemoryShardSchedules) -> None:
    """Even if its operator's clock is behind."""
    await raise_shards("acme", 4, NOW, schedules=schedules)
    earlier = NOW - timedelta(minutes=40)
    raised = await raise_shards("acme", 5, earlier, schedules=schedules)
    assert [each.since for each in raised.raises] == [FIRST, FIRST + timedelta(hours=1)]


async def test_a_repeat_changes_nothing(schedules: MemoryShardSchedules) -> None:
    raised = await raise_shards("acme", 4, NOW, schedules=schedules)
    assert await raise_shards("acme", 4, NOW + timedelta(hours=3), schedules=schedules) == raised
    assert await raise_shards("globex", 1, NOW, schedules=schedules) == SINGLE
    assert set(schedules.stored) == {"acme"}


@pytest.mark.parametrize("count", [-1, 0, 1, 3, MAX_SHARDS + 1])
async def test_shards_neither_shrink_nor_grow_without_end(
    schedules: MemoryShardSchedules, count: int
) -> None:
    raised = await raise_shards("acme", 4, NOW, schedules=schedules)
    with pytest.raises(InvalidParameterError) as refused:
        await raise_shards("acme", count, NOW, schedules=schedules)
    assert refused.value.field == "count"
    assert await schedules.of("acme") == raised


async def test_of_two_operators_one_wins(schedules: MemoryShardSchedules) -> None:
    class Slow(MemoryShardSchedules):
        async def of(self, tenant: str) -> Schedule:
            found = await super().of(tenant)
            await asyncio.sleep(0)
            return found

    slow = Slow()
    outcomes = await asyncio.gather(
        *(raise_shards("acme", count, NOW, schedules=slow) for count in (3, 5)),
        return_exceptions=True,
    )
    (won,) = (each for each in outcomes if isinstance(each, Schedule))
    assert [type(each) for each in outcomes].count(VersionConflictError) == 1
    assert await slow.of("acme") == won


# --- any order of events, with clocks that are apart and a store that fails -----------------------


@dataclass
class World:
    """True time, the stored schedule, and the rows by the shard that their writer put them on."""

    now: float = NOW.timestamp()
    down: bool = False
    schedules: MemoryShardSchedules = field(default_factory=MemoryShardSchedules)
    rows: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    async def of(self, tenant: str) -> Schedule:
        if self.down:
            raise UnavailableError("store")
        return await self.schedules.of(tenant)


class Process:
    """A writer and reader with a cache and a clock of its own."""

    def __init__(self, world: World, error: float) -> None:
        self._world = world
        self._error = error
        self._cached = CachedShardSchedules(world, clock=self.clock)

    def clock(self) -> float:
        return self._world.now + self._error

    async def write(self, ahead: float, entropy: bytes) -> str | None:
        """The id, unless the shard can't be told: what occurred may lie a day ahead."""
        occurred_at = datetime.fromtimestamp(self.clock() + ahead, UTC)
        made = make_id(occurred_at, entropy)
        try:
            schedule = await self._cached.of("acme")
        except UnavailableError:
            return None
        self._world.rows[shard_of(made, schedule)].add(made)
        return made

    async def finds(self, made: str) -> bool | None:
        """By its key, and in a list of all that there is up to it."""
        try:
            schedule = await self._cached.of("acme")
        except UnavailableError:
            return None
        rows = self._world.rows
        listed = any(made in rows[shard] for shard in schedule.shards_up_to(made))
        everything = any(made in rows[shard] for shard in schedule.shards_up_to(None))
        return made in rows[shard_of(made, schedule)] and listed and everything


ERRORS = CLOCK_ERROR.total_seconds() / 2
AHEAD = MOST_AHEAD.total_seconds()
EVENTS = st.one_of(
    st.tuples(st.just("pass"), st.floats(1, 12 * 3600)),
    st.tuples(st.just("pass"), st.sampled_from([60.0, 299.0, 3_500.0, 3_700.0])),
    st.tuples(st.just("write"), st.integers(0, 3), st.sampled_from([-1e6, -60.0, 0.0, AHEAD])),
    st.tuples(st.just("write"), st.integers(0, 3), st.floats(-1e6, AHEAD)),
    st.tuples(st.just("raise"), st.integers(0, 3), st.integers(1, 4)),
    st.tuples(st.just("down"), st.booleans()),
)


@settings(max_examples=300)
@given(
    st.lists(st.floats(-ERRORS, ERRORS), min_size=4, max_size=4),
    st.lists(EVENTS, min_size=5, max_size=60),
)
def test_raising_while_others_know_an_older_schedule_loses_nothing(
    errors: list[float], events: list[tuple[object, ...]]
) -> None:
    run(_live(errors, events))


async def _live(errors: list[float], events: list[tuple[object, ...]]) -> None:
    world = World()
    processes = [Process(world, error) for error in errors]
    written: list[str] = []
    for number, event in enumerate(events):
        match event:
            case ("pass", float(seconds)):
                world.now += seconds
            case ("down", bool(down)):
                world.down = down
            case ("write", int(who), float(ahead)):
                made = await processes[who].write(ahead, number.to_bytes(10))
                written += [made] if made else []
            case ("raise", int(who), int(more)):
                now = datetime.fromtimestamp(processes[who].clock(), UTC)
                known = await world.schedules.of("acme")
                if known.count + more <= MAX_SHARDS:
                    await raise_shards("acme", known.count + more, now, schedules=world.schedules)
        for made in written:
            for process in processes:
                assert await process.finds(made) is not False
    world.down = False
    for made in written:
        for process in processes:
            assert await process.finds(made)


async def test_without_the_lead_a_row_would_be_lost() -> None:
    """The simulation sees what the lead is for."""
    world = World()
    writer, reader = Process(world, 0), Process(world, 0)
    await writer.write(0, bytes(10))  # it knows a schedule from now on
    world.now += 60
    hasty = Schedule((Raise(datetime.fromtimestamp(world.now, UTC), 8),))
    await world.schedules.replace("acme", hasty, SINGLE)
    found = []
    for n in range(20):
        made = await writer.write(60, n.to_bytes(10))
        assert made
        found.append(await reader.finds(made))
    assert False in found
