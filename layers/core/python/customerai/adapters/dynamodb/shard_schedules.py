"""How many shards each tenant has since when, one item of the settings table; none is one shard.

| attribute | what |
|---|---|
| pk | the tenant |
| sk | which setting: ``shards`` |
| version | how many raises there are: none is ever taken back, so no two have the same number |
| raises | a list of maps with since (ISO 8601) and count, in order |
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from customerai.adapters import aws
from customerai.adapters.aws.errors import CONDITION_FAILED, ServiceError, reporting
from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.reads import Item, Number, Text, read_item
from customerai.domain.errors import VersionConflictError
from customerai.domain.shards import SINGLE, Raise, Schedule
from customerai.ports import ShardSchedules
from customerai.resilience.fan_out import fan_out

_SETTING = "shards"


class _Attributes(msgspec.Struct):
    since: Text
    count: Number


class _Map(msgspec.Struct):
    value: _Attributes = msgspec.field(name="M")


class _List(msgspec.Struct):
    values: list[_Map] = msgspec.field(name="L")


class _StoredSchedule(msgspec.Struct):
    raises: _List


class DynamoDBShardSchedules:
    """``customerai.ports.ShardScheduleStore`` on the settings table."""

    def __init__(self, table: str) -> None:
        self._table = table

    async def of(self, tenant: str) -> Schedule:
        # Strongly: how old a schedule is counts from when it was read.
        item = await read_item(
            patterns.GET_SHARDS, self._table, _key(tenant), _StoredSchedule, strong=True
        )
        return SINGLE if item is None else Schedule(tuple(map(_raise, item.raises.values)))

    async def replace(self, tenant: str, schedule: Schedule, known: Schedule) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if known.raises:
            condition = {
                "ConditionExpression": "version = :known",
                "ExpressionAttributeValues": {":known": {"N": str(len(known.raises))}},
            }
        item: Item = {
            **_key(tenant),
            "version": {"N": str(len(schedule.raises))},
            "raises": {"L": [_attributes(each) for each in schedule.raises]},
        }
        try:
            with reporting("store"):
                await aws.dynamodb().call(
                    "PutItem", {"TableName": self._table, "Item": item, **condition}
                )
        except ServiceError as error:
            if error.code != CONDITION_FAILED:
                raise
            if await self.of(tenant) == schedule:
                return  # our own, whose answer got lost
            raise VersionConflictError(
                "The shards have been raised meanwhile; read them again."
            ) from None


async def schedules_of(tenants: Iterable[str], schedules: ShardSchedules) -> dict[str, Schedule]:
    """That of each tenant, asked for once."""
    distinct = list(dict.fromkeys(tenants))
    found = await fan_out(schedules.of, distinct, limit=aws.CONCURRENCY)
    return dict(zip(distinct, found, strict=True))


def _key(tenant: str) -> Item:
    return {"pk": {"S": tenant}, "sk": {"S": _SETTING}}


def _attributes(each: Raise) -> Item:
    return {"M": {"since": {"S": each.since.isoformat()}, "count": {"N": str(each.count)}}}


def _raise(stored: _Map) -> Raise:
    return Raise(datetime.fromisoformat(stored.value.since.value), int(stored.value.count.value))
