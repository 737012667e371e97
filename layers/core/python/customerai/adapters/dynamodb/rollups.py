"""Counters by window, exactly once.

One item a tenant, window and stream shard; which shard of the tenant it lies on follows from the
tenant's schedule and those three. Its ``lastseq`` is a fence: a batch is added only if the
item has not seen its first record, in one conditional write that also moves the fence. Where the
condition fails, the answer carries the fence, the records at or before it are dropped, and the rest
is tried again. So a repeat, a lost response or an overlapping batch adds nothing twice.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from customerai.adapters import aws
from customerai.adapters.aws.errors import CONDITION_FAILED, ServiceError, reporting
from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.reads import Item, Query, read_all
from customerai.adapters.dynamodb.shard_schedules import schedules_of
from customerai.domain.ids import first_id_at, id_before
from customerai.domain.rollup import AggregateKey, WindowCounters, shard_of_aggregate
from customerai.domain.windows import Interval
from customerai.ports import SequencedChange, ShardSchedules
from customerai.resilience.fan_out import fan_out

_FENCE = "lastseq"
_COUNTER_PREFIXES = ("n_", "s_")


class DynamoDBRollups:
    """``customerai.ports.Rollups`` on the rollups table."""

    def __init__(self, table: str, schedules: ShardSchedules) -> None:
        self._table = table
        self._schedules = schedules

    async def apply(
        self, shard: str, changes: Mapping[AggregateKey, Sequence[SequencedChange]]
    ) -> None:
        found = await schedules_of((key.tenant for key in changes), self._schedules)

        async def add(window: AggregateKey) -> None:
            place = shard_of_aggregate(window, shard, found[window.tenant])
            key = {
                "pk": {"S": _partition(window.tenant, window.interval, place)},
                "sk": {"S": f"{window.window}#{shard}"},
            }
            await _apply(self._table, key, changes[window])

        # The first failure ends it; the fences make the retry harmless.
        await fan_out(add, list(changes), limit=aws.CONCURRENCY)

    async def read(
        self,
        tenant: str,
        interval: Interval,
        start: datetime,
        end: datetime,
        counters: AbstractSet[str] | None = None,
    ) -> AsyncIterator[WindowCounters]:
        # The range key tells the window.
        projection = () if counters is None else ("sk", *sorted(counters))
        schedule = await self._schedules.of(tenant)
        queries = [
            Query(
                patterns.LIST_WINDOWS,
                self._table,
                ("pk", _partition(tenant, interval, shard)),
                "sk",
                first=interval.window(start),
                # Range keys are longer than a window's name: none is equal to this bound.
                last=interval.window(end),
                projection=projection,
            )
            for shard in schedule.shards_up_to(id_before(first_id_at(end)))
        ]
        async for items in read_all(queries, Item):
            for item in items:
                window = item["sk"]["S"].partition("#")[0]
                yield WindowCounters(interval.window_start(window), _counters(item))


async def _apply(table: str, key: Item, changes: Sequence[SequencedChange]) -> None:
    while changes:
        totals: Counter[str] = Counter()
        for each in changes:
            totals.update(each.counters)
        try:
            with reporting("rollups"):
                await aws.dynamodb().call("UpdateItem", _add(table, key, totals, changes))
        except ServiceError as error:
            if error.code != CONDITION_FAILED:
                raise
            fence = error.content["Item"][_FENCE]["S"]
            changes = [each for each in changes if each.sequence > fence]
        else:
            return


def _add(
    table: str,
    key: Item,
    totals: Mapping[str, int],
    changes: Sequence[SequencedChange],
) -> dict[str, Any]:
    values = {f":{name}": {"N": str(amount)} for name, amount in totals.items() if amount}
    additions = ", ".join(f"{name[1:]} {name}" for name in values)
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": f"SET {_FENCE} = :last" + (f" ADD {additions}" if additions else ""),
        "ConditionExpression": f"attribute_not_exists({_FENCE}) OR {_FENCE} < :first",
        "ExpressionAttributeValues": values
        | {":first": {"S": changes[0].sequence}, ":last": {"S": changes[-1].sequence}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _partition(tenant: str, interval: Interval, shard: int) -> str:
    """The first shard has no number: it was there before there were others."""
    return f"{tenant}#{interval}#{shard}" if shard else f"{tenant}#{interval}"


def _counters(item: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: int(value["N"]) for name, value in item.items() if name.startswith(_COUNTER_PREFIXES)
    }
