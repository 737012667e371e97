"""Any range's numbers are those of a recount of its interactions, read from windows or not."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.memory.analysis_queue import MemoryAnalysisQueue
from customerai.adapters.memory.interactions import MemoryInteractions, state_of
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.domain.errors import InvalidParameterError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.windows import Interval
from customerai.usecases.roll_up import InteractionChange, roll_up
from customerai.usecases.summarise import summarise, summarise_by_window

START = datetime(2026, 11, 1, tzinfo=UTC)
moments = st.integers(0, 5 * 24 * 3600).map(lambda s: START + timedelta(seconds=s))


@dataclass(frozen=True)
class World:
    instants: list[datetime]
    store: MemoryInteractions = field(default_factory=MemoryInteractions)
    rollups: MemoryRollups = field(default_factory=MemoryRollups)

    @classmethod
    async def of(cls, instants: list[datetime]) -> "World":
        world = cls(instants)
        made = [
            Interaction(
                "acme", make_id(at, n.to_bytes(10)), at, at, "c", list(Channel)[n % 6], "text"
            )
            for n, at in enumerate(instants)
        ]
        await world.store.add(made)
        changes = [
            InteractionChange(str(n).zfill(40), each.ref, None, state_of(each))
            for n, each in enumerate(made, 1)
        ]
        await roll_up("shard", changes, rollups=world.rollups, queue=MemoryAnalysisQueue())
        return world

    def count(self, start: datetime, end: datetime) -> int:
        return sum(start <= instant < end for instant in self.instants)


@given(st.lists(moments, max_size=30), moments, moments)
async def test_a_range_counts_what_a_recount_counts(
    instants: list[datetime], a: datetime, b: datetime
) -> None:
    world, (start, end) = await World.of(instants), sorted((a, b))
    totals = await summarise("acme", start, end, rollups=world.rollups, states=world.store)
    assert totals.count(Channel) == world.count(start, end)


@given(st.lists(moments, max_size=30), moments, moments, st.sampled_from(Interval))
async def test_windows_follow_each_other_and_hold_their_part_of_the_range(
    instants: list[datetime], a: datetime, b: datetime, interval: Interval
) -> None:
    world, (start, end) = await World.of(instants), sorted((a, b))
    if start == end:
        return
    windows = summarise_by_window(
        "acme", interval, start, end, rollups=world.rollups, states=world.store
    )
    points = [point async for point in windows]
    assert points[0][0] == interval.floor(start)
    for (window, totals), following in zip(
        points, [*(point[0] for point in points[1:]), interval.ceil(end)], strict=True
    ):
        assert following - window == interval.length
        assert totals.count(Channel) == world.count(max(start, window), min(end, following))


async def test_another_tenant_counts_nothing() -> None:
    world = await World.of([START])
    totals = await summarise(
        "globex", START, START + timedelta(days=1), rollups=world.rollups, states=world.store
    )
    assert totals.counters == Counter()


async def test_a_series_has_a_limit() -> None:
    world = await World.of([])
    end = START + timedelta(hours=1_001)
    windows = summarise_by_window(
        "acme", Interval.HOUR, START, end, rollups=world.rollups, states=world.store
    )
    with pytest.raises(InvalidParameterError) as refused:
        await anext(windows)
    assert refused.value.field == "from"
