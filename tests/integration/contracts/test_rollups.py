"""What ``Rollups`` promises, held against every adapter."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.interaction import Channel
from customerai.domain.rollup import STATES, AggregateKey
from customerai.domain.shards import Raise, Schedule
from customerai.domain.windows import Interval
from customerai.ports import Rollups, SequencedChange
from tests.integration.conftest import CreateTable

HOUR = datetime(2026, 11, 20, 10, tzinfo=UTC)
KEY = AggregateKey("acme", Interval.HOUR, "2026-11-20T10")


@pytest.fixture(params=[1, 3], ids=["one shard", "three shards"])
async def rollups(
    request: pytest.FixtureRequest, backend: str, create_table: CreateTable
) -> Rollups:
    if backend == "memory":
        return MemoryRollups()
    raised = (Raise(HOUR + timedelta(hours=1), request.param),) if request.param > 1 else ()
    schedules = MemoryShardSchedules({"acme": Schedule(raised)})
    return DynamoDBRollups(await create_table("rollups"), schedules)


def change(sequence: int, **counters: int) -> SequencedChange:
    return SequencedChange(str(sequence).zfill(40), counters)


async def read(
    rollups: Rollups, start: datetime, end: datetime, tenant: str = "acme"
) -> Counter[str]:
    total: Counter[str] = Counter()
    async for window in rollups.read(tenant, Interval.HOUR, start, end):
        total.update(window.counters)
    return total


async def totals(rollups: Rollups) -> Counter[str]:
    return await read(rollups, HOUR, HOUR + timedelta(hours=1))


async def test_changes_add_up(rollups: Rollups) -> None:
    await rollups.apply("s", {KEY: [change(1, n_chat_pending=1), change(2, n_chat_pending=1)]})
    await rollups.apply(
        "s", {KEY: [change(3, n_chat_pending=-1, n_chat_negative=1, s_chat=-812_345)]}
    )
    assert await totals(rollups) == {"n_chat_pending": 1, "n_chat_negative": 1, "s_chat": -812_345}


async def test_a_repeat_adds_nothing(rollups: Rollups) -> None:
    batch = [change(1, n_chat_pending=1), change(2, n_chat_pending=1)]
    for _ in range(3):
        await rollups.apply("s", {KEY: batch})
    assert await totals(rollups) == {"n_chat_pending": 2}


async def test_an_overlapping_batch_adds_what_is_new(rollups: Rollups) -> None:
    batch = [change(n, n_chat_pending=1) for n in range(1, 10)]
    await rollups.apply("s", {KEY: batch[:5]})
    await rollups.apply("s", {KEY: batch[2:7]})
    await rollups.apply("s", {KEY: batch})
    assert await totals(rollups) == {"n_chat_pending": 9}


async def test_changes_that_cancel_out_still_move_the_fence(rollups: Rollups) -> None:
    batch = [change(1, n_chat_pending=1), change(2, n_chat_pending=-1)]
    await rollups.apply("s", {KEY: batch})
    await rollups.apply("s", {KEY: batch[:1]})
    assert +await totals(rollups) == {}


async def test_shards_of_the_stream_add_up_apart(rollups: Rollups) -> None:
    await rollups.apply("shard-b", {KEY: [change(9, n_chat_pending=1)]})
    await rollups.apply("shard-a", {KEY: [change(1, n_chat_pending=1)]})
    assert await totals(rollups) == {"n_chat_pending": 2}


async def test_windows_are_read_half_open_and_tenants_and_intervals_apart(rollups: Rollups) -> None:
    keys = [
        AggregateKey("acme", Interval.HOUR, Interval.HOUR.window(HOUR + timedelta(hours=n)))
        for n in range(-1, 3)
    ]
    keys += [
        AggregateKey("acme", Interval.DAY, "2026-11-20"),
        AggregateKey("acme#hour", Interval.HOUR, KEY.window),
        AggregateKey("globex", Interval.HOUR, KEY.window),
    ]
    await rollups.apply("s", {key: [change(1, n_chat_pending=10**n)] for n, key in enumerate(keys)})
    end = HOUR + timedelta(hours=2)
    assert await read(rollups, HOUR, end) == {"n_chat_pending": 110}
    windows = [window.start async for window in rollups.read("acme", Interval.HOUR, HOUR, end)]
    assert windows == [HOUR, HOUR + timedelta(hours=1)]
    assert await read(rollups, HOUR, HOUR) == {}
    days = rollups.read("acme", Interval.DAY, HOUR.replace(hour=0), end + timedelta(days=1))
    (day,) = [each async for each in days]
    assert (day.start, day.counters) == (HOUR.replace(hour=0), {"n_chat_pending": 10_000})


async def test_any_deliveries_equal_a_recount(rollups: Rollups) -> None:
    chance = random.Random(3)
    keys = [AggregateKey("acme", Interval.HOUR, f"2026-11-20T{hour:02}") for hour in range(4)]
    stream = [(chance.choice(keys), change(n, n_chat_pending=1, s_chat=n)) for n in range(1, 120)]
    start = 0
    while start < len(stream):
        end = min(start + chance.randint(1, 25), len(stream))
        batch: dict[AggregateKey, list[SequencedChange]] = {}
        for key, each in stream[start:end]:
            batch.setdefault(key, []).append(each)
        survived = chance.sample(list(batch), chance.randint(0, len(batch)))
        await rollups.apply("s", {key: batch[key] for key in survived})
        if len(survived) == len(batch):
            start = max(end - chance.randint(0, 4), start + 1) if end < len(stream) else end
    day = HOUR.replace(hour=0)
    expected = {"n_chat_pending": 119, "s_chat": sum(range(120))}
    assert await read(rollups, day, day + timedelta(days=1)) == expected


async def test_the_counters_that_are_named_are_read_alone(rollups: Rollups) -> None:
    there = {f"n_{channel}_{state}": 7 for channel in Channel for state in STATES}
    there |= {f"s_{channel}": -1 for channel in Channel}
    await rollups.apply("s", {KEY: [change(1, **there)]})
    end = HOUR + timedelta(hours=1)
    for counters in ({"n_chat_neutral"}, {"s_call", "n_call_positive"}, set(there)):
        (window,) = [
            each async for each in rollups.read("acme", Interval.HOUR, HOUR, end, counters)
        ]
        assert window.start == HOUR
        assert window.counters == {name: there[name] for name in counters}


async def test_a_window_that_has_none_of_the_named_counters(rollups: Rollups) -> None:
    await rollups.apply("s", {KEY: [change(1, n_chat_neutral=1)]})
    end = HOUR + timedelta(hours=1)
    found = rollups.read("acme", Interval.HOUR, HOUR, end, {"n_call_neutral"})
    assert [window.counters async for window in found] == [{}]
