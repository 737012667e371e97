"""Reads by the lean client: single items, batches and key ranges, each by its access pattern.

Items are decoded straight into the type that the caller gives: a ``msgspec.Struct`` with a field
for each attribute that it needs, or ``Item`` for whatever comes.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from customerai.adapters import aws
from customerai.adapters.aws.errors import reporting
from customerai.adapters.dynamodb.access_patterns import AccessPattern
from customerai.domain.errors import UnavailableError
from customerai.observability.plan import Step, current_plan
from customerai.resilience import deadline
from customerai.resilience.fan_out import fan_out
from customerai.resilience.hedging import Hedge

Item = dict[str, Any]
"""An item as DynamoDB sends it: attribute name to {type: value}."""
Row = TypeVar("Row")

_BATCH = 100
"""Keys that one BatchGetItem takes."""
_FRUITLESS_ROUNDS = 3
_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
"""Seconds before the next round for what a batch left over, at the most."""

hedges: defaultdict[AccessPattern, Hedge] = defaultdict(lambda: Hedge(delay=0.1, quantile=0.95))
"""One a pattern: a big page takes longer than an item, and should not be asked for twice for it."""


class Text(msgspec.Struct, frozen=True, gc=False):
    value: str = msgspec.field(name="S")


class Number(msgspec.Struct, frozen=True, gc=False):
    value: str = msgspec.field(name="N")


class Binary(msgspec.Struct, frozen=True, gc=False):
    value: bytes = msgspec.field(name="B")


class _Consumed(msgspec.Struct, gc=False):
    CapacityUnits: float


class _OneAnswer(msgspec.Struct, Generic[Row]):
    Item: Row | None = None
    ConsumedCapacity: _Consumed | None = None


class _PageAnswer(msgspec.Struct, Generic[Row]):
    Items: list[Row]
    ScannedCount: int
    LastEvaluatedKey: dict[str, Any] | None = None
    ConsumedCapacity: _Consumed | None = None


class _Unprocessed(msgspec.Struct):
    Keys: list[Item]


class _BatchAnswer(msgspec.Struct, Generic[Row]):
    Responses: dict[str, list[Row]]
    UnprocessedKeys: dict[str, _Unprocessed] = {}
    ConsumedCapacity: list[_Consumed] = []


@dataclass(frozen=True, slots=True)
class Query:
    """Items under one hash key whose range key lies in [first, last], open where None.

    ``equal`` are further conditions: attribute to value, or to None where it must be absent. They
    cost as much as reading everything that they leave out. An index can't be read strongly. Where
    the pattern says what is read of each item, ``projection`` is left empty. ``shard`` is which one
    of the tenant's the hash key stands for, where that is to be told.
    """

    pattern: AccessPattern
    table: str
    hash_key: tuple[str, str]
    range_key: str
    first: str | None = None
    last: str | None = None
    equal: Mapping[str, str | None] = field(default_factory=dict)
    projection: tuple[str, ...] = ()
    newest_first: bool = False
    strong: bool = False
    shard: int | None = None


@dataclass(frozen=True, slots=True)
class ItemPage(Generic[Row]):
    """``reached`` is the range key after which the next page goes on, None on the last page."""

    items: list[Row]
    reached: str | None


async def read_item(
    pattern: AccessPattern,
    table: str,
    key: Item,
    row: type[Row],
    *,
    projection: Sequence[str] = (),
    strong: bool = False,
) -> Row | None:
    request: dict[str, Any] = {"TableName": table, "Key": key}
    if strong:
        request["ConsistentRead"] = True
    _project(request, projection or pattern.attributes)
    answer: _OneAnswer[Row] = await _ask(pattern, request, _decoder(_OneAnswer, row))
    return answer.Item


class Pages(Generic[Row]):
    """A query's pages, one after the other, for as long as the last one had a ``reached``."""

    def __init__(self, query: Query, row: type[Row]) -> None:
        self._query = query
        self._request = _key_range(query)
        self._decoder = _decoder(_PageAnswer, row)

    async def next(self, size: int | None = None) -> ItemPage[Row]:
        """``size`` is how many items to read at the most, before conditions leave out any."""
        query = self._query
        if query.first is not None and query.last is not None and query.first > query.last:
            return ItemPage([], None)
        if size is not None:
            self._request["Limit"] = size
        answer: _PageAnswer[Row] = await _ask(
            query.pattern, self._request, self._decoder, query.shard
        )
        key = answer.LastEvaluatedKey
        if not key:
            return ItemPage(answer.Items, None)
        self._request["ExclusiveStartKey"] = key
        return ItemPage(answer.Items, key[query.range_key]["S"])


async def read_all(queries: Iterable[Query], row: type[Row]) -> AsyncIterator[list[Row]]:
    """What all of the queries find, in no order: of each, one page at a time is held."""
    running = [Pages(query, row) for query in queries]
    while running:
        pages = await fan_out(lambda each: each.next(), running, limit=aws.CONCURRENCY)
        running = [
            each for each, page in zip(running, pages, strict=True) if page.reached is not None
        ]
        for page in pages:
            yield page.items


async def scan_pages(
    pattern: AccessPattern, table: str, condition: str, values: Mapping[str, str], row: type[Row]
) -> AsyncIterator[list[Row]]:
    """All there is that meets the condition; costs as much as all there is."""
    request: dict[str, Any] = {
        "TableName": table,
        "FilterExpression": condition,
        "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
    }
    if pattern.index:
        request["IndexName"] = pattern.index
    _project(request, pattern.attributes)
    decoder = _decoder(_PageAnswer, row)
    while True:
        answer: _PageAnswer[Row] = await _ask(pattern, request, decoder)
        yield answer.Items
        if not answer.LastEvaluatedKey:
            return
        request["ExclusiveStartKey"] = answer.LastEvaluatedKey


async def read_items(
    pattern: AccessPattern,
    table: str,
    keys: Iterable[Item],
    row: type[Row],
    *,
    projection: Sequence[str] = (),
    strong: bool = False,
) -> list[Row]:
    """Those of the items with these keys that exist, in no order."""
    keys = list(keys)
    found = await fan_out(
        lambda batch: _read_batch(pattern, table, batch, row, projection, strong),
        [keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH)],
        limit=aws.CONCURRENCY,
    )
    return found[0] if len(found) == 1 else [item for items in found for item in items]


async def _read_batch(
    pattern: AccessPattern,
    table: str,
    keys: list[Item],
    row: type[Row],
    projection: Sequence[str],
    strong: bool,
) -> list[Row]:
    items: list[Row] = []
    fruitless = rounds = 0
    while keys:
        wanted: dict[str, Any] = {"Keys": keys}
        if strong:
            wanted["ConsistentRead"] = True
        _project(wanted, projection or pattern.attributes)
        answer: _BatchAnswer[Row] = await _ask(
            pattern, {"RequestItems": {table: wanted}}, _decoder(_BatchAnswer, row)
        )
        items += answer.Responses.get(table, [])
        # What did not fit into one answer (16 MB), or was throttled.
        unprocessed = answer.UnprocessedKeys.get(table)
        left = unprocessed.Keys if unprocessed else []
        fruitless = fruitless + 1 if len(left) == len(keys) else 0
        if fruitless == _FRUITLESS_ROUNDS:
            raise UnavailableError("store")
        if left:
            # Jitter spreads those who were throttled together; it protects nothing.
            pause = random.random() * min(_LONGEST_PAUSE, _PAUSE * 2**rounds)  # noqa: S311
            if pause >= deadline.remaining():
                raise UnavailableError("store")
            await asyncio.sleep(pause)
            rounds += 1
        keys = left
    return items


async def _ask(
    pattern: AccessPattern,
    request: dict[str, Any],
    decoder: "msgspec.json.Decoder[Any]",
    shard: int | None = None,
) -> Any:
    """Every read may be asked twice, so one that takes unusually long is."""
    plan = current_plan()
    if plan is not None:
        request = {**request, "ReturnConsumedCapacity": "TOTAL"}
    began = time.perf_counter()
    with reporting("store"):
        answer = await hedges[pattern].call(
            lambda: aws.dynamodb().call(pattern.operation, request, decoder)
        )
    if plan is not None:
        milliseconds = (time.perf_counter() - began) * 1_000
        plan.steps.append(_step(pattern, shard, request, answer, milliseconds))
        plan.spent("store", milliseconds)
    return answer


def _step(
    pattern: AccessPattern,
    shard: int | None,
    request: Mapping[str, Any],
    answer: Any,
    milliseconds: float,
) -> Step:
    consumed = answer.ConsumedCapacity
    match answer:
        case _OneAnswer():
            scanned = returned = int(answer.Item is not None)
        case _PageAnswer():
            scanned, returned = answer.ScannedCount, len(answer.Items)
        case _:
            scanned = returned = sum(map(len, answer.Responses.values()))
            consumed = consumed[0] if consumed else None
    asked = next(iter(request["RequestItems"].values())) if "RequestItems" in request else request
    return Step(
        pattern=pattern.name,
        operation=pattern.operation,
        table=pattern.table,
        index=pattern.index,
        shard=shard,
        strong=asked.get("ConsistentRead", False),
        scanned=scanned,
        returned=returned,
        units=consumed.CapacityUnits if consumed else 0.0,
        milliseconds=round(milliseconds, 3),
    )


def _project(request: dict[str, Any], projection: Sequence[str]) -> None:
    if projection:
        names = {f"#p{number}": name for number, name in enumerate(projection)}
        request["ProjectionExpression"] = ", ".join(names)
        request["ExpressionAttributeNames"] = request.get("ExpressionAttributeNames", {}) | names


def _key_range(query: Query) -> dict[str, Any]:
    hash_name, hash_value = query.hash_key
    names = {"#hash": hash_name}
    values: dict[str, Any] = {":hash": {"S": hash_value}}
    bounds = {":first": query.first, ":last": query.last}
    values |= {name: {"S": bound} for name, bound in bounds.items() if bound is not None}
    match bounds:
        case {":first": None, ":last": None}:
            keys = "#hash = :hash"
        case {":last": None}:
            keys = "#hash = :hash AND #range >= :first"
        case {":first": None}:
            keys = "#hash = :hash AND #range <= :last"
        case _:
            keys = "#hash = :hash AND #range BETWEEN :first AND :last"
    if "#range" in keys:
        names["#range"] = query.range_key
    filters: list[str] = []
    for number, (attribute, value) in enumerate(query.equal.items()):
        names[f"#f{number}"] = attribute
        if value is None:
            filters.append(f"attribute_not_exists(#f{number})")
        else:
            filters.append(f"#f{number} = :f{number}")
            values[f":f{number}"] = {"S": value}
    request: dict[str, Any] = {
        "TableName": query.table,
        "KeyConditionExpression": keys,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": not query.newest_first,
    }
    if query.pattern.index:
        request["IndexName"] = query.pattern.index
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    if query.strong:
        request["ConsistentRead"] = True
    _project(request, query.projection or query.pattern.attributes)
    return request


_decoders: dict[tuple[Any, Any], "msgspec.json.Decoder[Any]"] = {}


def _decoder(answer: Any, row: Any) -> "msgspec.json.Decoder[Any]":
    """Made once for each type: making one takes longer than most answers."""
    found = _decoders.get((answer, row))
    if found is None:
        found = _decoders[answer, row] = msgspec.json.Decoder(answer[row])
    return found
