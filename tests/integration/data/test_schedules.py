"""Lists and aggregates over shards that were raised at any times, beside one dictionary."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customerai.adapters.dynamodb import interactions
from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.adapters.memory.rollups import MemoryRollups
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.analysis import Analysis, Tier
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.rollup import AggregateKey, WindowCounters, aggregates_of
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.shards import Raise, Schedule
from customerai.domain.windows import Interval
from customerai.observability.plan import explaining
from customerai.ports import (
    InteractionFilter,
    Interactions,
    Reading,
    Rollups,
    SequencedChange,
)
from tests.integration.conftest import CreateTable

START = datetime(2026, 11, 20, tzinfo=UTC)
HOURS = 72
NEGATIVE = Analysis(Sentiment(SentimentLabel.NEGATIVE, Scores(0.8, 0.1, 0.1), "m"), Tier.FULL)
MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def raised(draw: st.DrawFn) -> Schedule:
    """Up to three raises, at any minutes of the days that rows are in."""
    counts = sorted(draw(st.sets(st.integers(2, 6), max_size=3)))
    minutes = st.integers(0, HOURS * 60)
    times = draw(st.lists(minutes, unique=True, min_size=len(counts), max_size=len(counts)))
    instants = [START + timedelta(minutes=each) for each in sorted(times)]
    return Schedule(tuple(map(Raise, instants, counts)))


@dataclass
class Stored:
    """Tables, and how many shards each tenant of them has."""

    schedules: MemoryShardSchedules
    interactions: DynamoDBInteractions
    analyses: DynamoDBAnalyses
    rollups: DynamoDBRollups


@pytest.fixture
async def stored(
    dynoxide: None, create_table: CreateTable, monkeypatch: pytest.MonkeyPatch
) -> Stored:
    # So little effort for a filter that a few rows are more than one page goes through.
    monkeypatch.setattr(interactions, "_FILTERED_PAGE", 2)
    monkeypatch.setattr(interactions, "_FILTERED_PAGES", 2)
    schedules = MemoryShardSchedules()
    table = await create_table("interactions")
    return Stored(
        schedules,
        DynamoDBInteractions(table, schedules),
        DynamoDBAnalyses(table, schedules),
        DynamoDBRollups(await create_table("rollups"), schedules),
    )


def interaction(tenant: str, minute: int, number: int) -> Interaction:
    at = START + timedelta(minutes=minute)
    customer, channel = f"c-{number % 2}", list(Channel)[number % 2]
    made = make_id(at, number.to_bytes(10))
    return Interaction(tenant, made, at, at, customer, channel, f"text {number}")


async def listed(
    store: Interactions, tenant: str, where: InteractionFilter, limit: int, *, strong: bool
) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    after = None
    for _ in range(200):
        page = await store.page(tenant, where, after, limit, Reading(strong=strong))
        assert len(page.items) <= limit
        found += [item.id for item in page.items]
        if page.resume is None:
            return found
        assert after is None or page.resume < after
        after = page.resume
    raise AssertionError("the pages never end")


@MANY
@given(
    raised(),
    st.lists(st.integers(0, HOURS * 60), max_size=24),
    st.sets(st.integers(0, 23)),
    st.integers(1, 7),
    st.sampled_from([None, "c-1"]),
    st.sampled_from([None, "email", "chat"]),
    st.sampled_from([None, "negative", "pending"]),
    st.tuples(*[st.none() | st.integers(0, HOURS).map(lambda n: START + timedelta(hours=n))] * 2),
    st.booleans(),
)
async def test_pages_over_any_schedule_neither_lose_nor_repeat(
    stored: Stored,
    schedule: Schedule,
    minutes: list[int],
    analysed: set[int],
    limit: int,
    customer: str | None,
    channel: str | None,
    sentiment: str | None,
    bounds: tuple[datetime | None, datetime | None],
    strong: bool,
) -> None:
    tenant = uuid4().hex  # each example has its own
    stored.schedules.stored[tenant] = schedule
    made = [interaction(tenant, minute, number) for number, minute in enumerate(minutes)]
    assert await stored.interactions.add(made) == [None] * len(made)
    chosen = {each.ref: NEGATIVE for number, each in enumerate(made) if number in analysed}
    assert await stored.analyses.save(chosen) == []
    memory = MemoryInteractions({each.ref: each for each in made})
    await memory.save(chosen)

    where = InteractionFilter(channel, sentiment, customer, *bounds)
    expected = await listed(memory, tenant, where, 100, strong=strong)
    assert await listed(stored.interactions, tenant, where, limit, strong=strong) == expected
    found = await stored.interactions.get_many(tenant, [each.id for each in made])
    assert set(found) == {each.id for each in made}
    start, end = bounds[0] or START, bounds[1] or START + timedelta(hours=HOURS + 1)
    if start < end:
        states = [each async for each in stored.interactions.states(tenant, start, end)]
        assert Counter(states) == Counter(
            [each async for each in memory.states(tenant, start, end)]
        )


async def totals(
    rollups: Rollups, tenant: str, interval: Interval, start: datetime, end: datetime
) -> dict[datetime, Counter[str]]:
    windows: AsyncIterator[WindowCounters] = rollups.read(tenant, interval, start, end)
    found: dict[datetime, Counter[str]] = {}
    async for window in windows:
        found.setdefault(window.start, Counter()).update(window.counters)
    return found


@MANY
@given(
    raised(),
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, HOURS * 60 - 1)), max_size=20),
    st.integers(0, HOURS),
    st.integers(0, HOURS),
)
async def test_aggregates_over_any_schedule_are_those_of_one_shard(
    stored: Stored,
    schedule: Schedule,
    arrivals: Sequence[tuple[str, int]],
    first: int,
    last: int,
) -> None:
    """And each batch that comes twice counts once, wherever its windows lie."""
    tenant, memory = uuid4().hex, MemoryRollups()
    stored.schedules.stored[tenant] = schedule
    for number, (stream_shard, minute) in enumerate(arrivals):
        change = SequencedChange(str(number).zfill(40), {"n_chat_pending": 1})
        windows: list[AggregateKey] = [*aggregates_of(tenant, interaction(tenant, minute, 0).id)]
        batch = {key: [change] for key in windows}
        for rollups in (memory, stored.rollups, stored.rollups):
            await rollups.apply(f"shardId-{stream_shard}", batch)
    start, end = (START + timedelta(hours=each) for each in sorted((first, last)))
    for interval in Interval:
        bounds = interval.floor(start), interval.ceil(end)
        expected = await totals(memory, tenant, interval, *bounds)
        assert await totals(stored.rollups, tenant, interval, *bounds) == expected


async def test_a_read_asks_only_the_shards_that_were_in_force(stored: Stored) -> None:
    days = [START + timedelta(days=each) for each in range(3)]
    schedule = Schedule((Raise(days[1], 3), Raise(days[2], 5)))
    stored.schedules.stored["acme"] = schedule

    async def asked(where: InteractionFilter, after: str | None = None) -> int:
        with explaining() as plan:
            await stored.interactions.page("acme", where, after, 10)
        return len(plan.steps)

    assert await asked(InteractionFilter()) == 5
    assert await asked(InteractionFilter(start=days[2])) == 5
    assert await asked(InteractionFilter(end=days[2])) == 3
    assert await asked(InteractionFilter(end=days[2] + timedelta(milliseconds=1))) == 5
    assert await asked(InteractionFilter(end=days[1])) == 1
    assert await asked(InteractionFilter(), after=make_id(days[1], bytes(10))) == 1

    async def windows(end: datetime) -> int:
        with explaining() as plan:
            await totals(stored.rollups, "acme", Interval.HOUR, START, end)
        return len(plan.steps)

    assert [await windows(each) for each in (days[1], days[2], days[2] + timedelta(hours=1))] == [
        1,
        3,
        5,
    ]


async def test_shards_of_any_number_of_pages_are_read_to_their_ends(stored: Stored) -> None:
    """An answer holds 1 MB: the first shard has three pages, the others fewer."""
    raised_at = START + timedelta(minutes=110)
    stored.schedules.stored["acme"] = Schedule((Raise(raised_at, 3),))
    made = [
        replace(interaction("acme", number, number), text="x" * 10_000) for number in range(330)
    ]
    assert await stored.interactions.add(made) == [None] * len(made)
    with explaining() as plan:
        states = [
            state
            async for state in stored.interactions.states(
                "acme", START, START + timedelta(minutes=320)
            )
        ]
    assert len(states) == 320
    assert len(plan.steps) > 3
    with explaining() as plan:
        before = [state async for state in stored.interactions.states("acme", START, raised_at)]
    assert len(before) == 110
    assert len(plan.steps) == 2


async def test_what_was_stored_before_shards_had_numbers_is_found(stored: Stored) -> None:
    """Rows and windows of the first shard are where they were."""
    one = interaction("acme", 5, 1)
    await stored.interactions.add([one])
    key = AggregateKey("acme", Interval.DAY, "2026-11-20")
    await stored.rollups.apply("s", {key: [SequencedChange("1", {"n_chat_pending": 1})]})
    later = START + timedelta(days=1)
    stored.schedules.stored["acme"] = Schedule((Raise(later, 4),))
    assert await listed(stored.interactions, "acme", InteractionFilter(), 3, strong=False) == [
        one.id
    ]
    newer = replace(one, id=make_id(later, bytes(10)))
    await stored.interactions.add([newer])
    assert await listed(stored.interactions, "acme", InteractionFilter(), 3, strong=False) == [
        newer.id,
        one.id,
    ]
    counted = await totals(stored.rollups, "acme", Interval.DAY, START, later + timedelta(days=1))
    assert counted == {START: Counter(n_chat_pending=1)}
