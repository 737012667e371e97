"""Each access pattern once, by the adapter whose it is, on tables that hold enough for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from customerai.adapters import aws
from customerai.adapters.cached_shard_schedules import CachedShardSchedules
from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.access_patterns import AccessPattern
from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.backlog import DynamoDBBacklog
from customerai.adapters.dynamodb.idempotency import DynamoDBIdempotencyKeys
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.ids import instant_of
from customerai.domain.interaction import InteractionRef
from customerai.domain.rollup import AggregateKey
from customerai.domain.shards import SINGLE, Raise, Schedule
from customerai.domain.windows import Interval
from customerai.observability.plan import Step, explaining
from customerai.ports import InteractionFilter, Reading, SequencedChange
from tests.performance.api.items import TENANT, Item, interactions, pending

_WAITING = "waiting"
"""A tenant of which nothing is analysed."""
_BATCH = 25
_DAY = datetime(2026, 11, 20, tzinfo=UTC)
_LATER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stores:
    """Every adapter that reads, and ids of what is stored, newest first."""

    interactions: DynamoDBInteractions
    analyses: DynamoDBAnalyses
    backlog: DynamoDBBacklog
    keys: DynamoDBIdempotencyKeys
    rollups: DynamoDBRollups
    taxonomies: DynamoDBTaxonomies
    schedules: DynamoDBShardSchedules
    ids: list[str]
    waiting: list[str]


async def filled(tables: Mapping[str, str], count: int) -> Stores:
    """The stores on ``tables``, by the thing that each holds, with so many interactions."""
    analysed = list(interactions(count))
    waiting = [pending(item) for item in islice(analysed, patterns.SWEEP_PENDING.items)]
    waiting = [_of(_WAITING, item) for item in waiting]
    await _write(tables["interactions"], [*analysed, *waiting])
    schedules = DynamoDBShardSchedules(tables["settings"])
    cached = CachedShardSchedules(schedules)
    stores = Stores(
        interactions=DynamoDBInteractions(tables["interactions"], cached),
        analyses=DynamoDBAnalyses(tables["interactions"], cached),
        backlog=DynamoDBBacklog(tables["interactions"]),
        keys=DynamoDBIdempotencyKeys(tables["idempotency"]),
        rollups=DynamoDBRollups(tables["rollups"], cached),
        taxonomies=DynamoDBTaxonomies(tables["settings"]),
        schedules=schedules,
        ids=[item["id"]["S"] for item in analysed],
        waiting=[item["id"]["S"] for item in waiting],
    )
    await stores.keys.bury(TENANT, stores.ids[:50], _DAY)
    await stores.keys.claim(TENANT, "key", "fingerprint", _DAY)
    await stores.rollups.apply("shardId-00000001795430000000-1a2b3c4d", _a_day_of_hours())
    await stores.taxonomies.replace(TENANT, DEFAULT_TAXONOMY, None)
    await stores.schedules.replace("raised", Schedule((Raise(_DAY, 4), Raise(_LATER, 8))), SINGLE)
    for tenant in (TENANT, _WAITING):
        await cached.of(tenant)
    return stores


async def measure(pattern: AccessPattern, stores: Stores, *, strong: bool = False) -> Step:
    """What the one call of ``pattern`` did, as it explains itself."""
    with explaining() as plan:
        await EXERCISES[pattern](stores, Reading(strong=strong))
    (step,) = (step for step in plan.steps if step.pattern == pattern.name)
    return step


def _of(tenant: str, item: Item) -> Item:
    renamed = {
        name: {"S": item[name]["S"].replace(f"{TENANT}#", f"{tenant}#", 1)}
        for name in ("pk", "by_customer", "by_channel", "pending")
    }
    return item | renamed


async def _write(table: str, items: list[Item]) -> None:
    for start in range(0, len(items), _BATCH):
        requests = [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]
        answer = await aws.dynamodb().call("BatchWriteItem", {"RequestItems": {table: requests}})
        assert not answer.get("UnprocessedItems")


def _a_day_of_hours() -> dict[AggregateKey, list[SequencedChange]]:
    counters = {f"n_{channel}_{label}": 7 for channel in ("chat", "email") for label in "abc"}
    changes = [SequencedChange("1".zfill(40), counters)]
    hours = (_DAY + timedelta(hours=n) for n in range(24))
    return {
        AggregateKey(TENANT, Interval.HOUR, Interval.HOUR.window(hour)): changes for hour in hours
    }


async def _all(found: AsyncIterator[object]) -> None:
    async for _ in found:
        pass


async def _page(stores: Stores, reading: Reading, tenant: str, where: InteractionFilter) -> None:
    page = await stores.interactions.page(tenant, where, None, 100, reading)
    assert page.items


def _refs(ids: Iterable[str]) -> list[InteractionRef]:
    return [InteractionRef(_WAITING, each) for each in ids]


def _five_hundred(stores: Stores) -> AsyncIterator[object]:
    newest, oldest = stores.ids[0], stores.ids[patterns.COUNT_STATES.items]
    between = instant_of(oldest) + timedelta(seconds=1), instant_of(newest) + timedelta(seconds=1)
    return stores.interactions.states(TENANT, *between)


Exercise = Callable[[Stores, Reading], Awaitable[object]]

EXERCISES: Mapping[AccessPattern, Exercise] = {
    patterns.GET_INTERACTION: lambda s, r: s.interactions.get(TENANT, s.ids[3], r),
    patterns.GET_INTERACTIONS: lambda s, r: s.interactions.get_many(TENANT, s.ids[:100], r),
    patterns.LIST_ALL: lambda s, r: _page(s, r, TENANT, InteractionFilter()),
    patterns.LIST_OF_CUSTOMER: lambda s, r: _page(
        s, r, TENANT, InteractionFilter(customer_id="cust-0007")
    ),
    patterns.LIST_WITH_SENTIMENT: lambda s, r: _page(
        s, r, TENANT, InteractionFilter(sentiment="negative")
    ),
    patterns.LIST_OF_CHANNEL: lambda s, r: _page(s, r, TENANT, InteractionFilter(channel="chat")),
    patterns.LIST_PENDING: lambda s, r: _page(
        s, r, _WAITING, InteractionFilter(sentiment="pending")
    ),
    patterns.COUNT_STATES: lambda s, _: _all(_five_hundred(s)),
    patterns.SWEEP_PENDING: lambda s, _: _all(s.backlog.pending(_LATER)),
    patterns.GET_PENDING_TEXTS: lambda s, _: s.analyses.pending_texts(_refs(s.waiting[:100])),
    patterns.GET_FIRST_REQUEST: lambda s, _: s.keys.claim(TENANT, "key", "fingerprint", _LATER),
    patterns.GET_BURIED: lambda s, _: s.keys.buried(TENANT, s.ids[:100]),
    patterns.LIST_WINDOWS: lambda s, _: _all(
        s.rollups.read(TENANT, Interval.HOUR, _DAY, _DAY + timedelta(days=1))
    ),
    patterns.GET_TAXONOMY: lambda s, _: s.taxonomies.get(TENANT),
    patterns.GET_SHARDS: lambda s, _: s.schedules.of("raised"),
}
