"""Key-range queries and batched reads by the bare client, page by page."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from customerai.adapters import aws
from customerai.domain.errors import UnavailableError

Item = dict[str, Any]
"""An item as DynamoDB sends it: attribute name to {type: value}."""

_BATCH = 100
"""Keys that one BatchGetItem takes."""
_FRUITLESS_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Query:
    """Items under one hash key whose range key lies in [first, last], open where None.

    ``equal`` are further conditions: attribute to value, or to None where it must be absent. They
    cost as much as reading everything that they leave out.
    """

    table: str
    hash_key: tuple[str, str]
    range_key: str
    first: str | None = None
    last: str | None = None
    index: str | None = None
    equal: Mapping[str, str | None] = field(default_factory=dict)
    projection: tuple[str, ...] = ()
    newest_first: bool = False
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class ItemPage:
    """``reached`` is the range key after which the next page goes on, None on the last page."""

    items: list[Item]
    reached: str | None


def read_pages(query: Query) -> Iterator[ItemPage]:
    if query.first is not None and query.last is not None and query.first > query.last:
        yield ItemPage([], None)
        return
    request = _request(query)
    while True:
        with aws.reporting("store"):
            answer = aws.dynamodb().query(**request)
        key = answer.get("LastEvaluatedKey")
        yield ItemPage(answer["Items"], key[query.range_key]["S"] if key else None)
        if not key:
            return
        request["ExclusiveStartKey"] = key


def _request(query: Query) -> dict[str, Any]:
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
    for number, attribute in enumerate(query.projection):
        names[f"#p{number}"] = attribute
    request: dict[str, Any] = {
        "TableName": query.table,
        "KeyConditionExpression": keys,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": not query.newest_first,
    }
    if query.index:
        request["IndexName"] = query.index
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    if query.projection:
        request["ProjectionExpression"] = ", ".join(f"#p{n}" for n in range(len(query.projection)))
    if query.page_size:
        request["Limit"] = query.page_size
    return request


def read_items(table: str, keys: Iterable[Item], projection: tuple[str, ...] = ()) -> list[Item]:
    """Those of the items with these keys that exist, in no order, consistently read."""
    keys = list(keys)
    items: list[Item] = []
    fruitless = 0
    while keys:
        batch, keys = keys[:_BATCH], keys[_BATCH:]
        wanted: dict[str, Any] = {"Keys": batch, "ConsistentRead": True}
        if projection:
            names = {f"#{name}": name for name in projection}
            wanted |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
        with aws.reporting("store"):
            answer: dict[str, Any] = dict(
                aws.dynamodb().batch_get_item(RequestItems={table: wanted})  # type: ignore[dict-item]
            )
        items += answer["Responses"].get(table, [])
        # What did not fit into one answer (16 MB), or was throttled, comes with the next batch.
        left: list[Item] = list(answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", []))
        fruitless = fruitless + 1 if len(left) == len(batch) else 0
        if fruitless == _FRUITLESS_ROUNDS:
            raise UnavailableError("store")
        keys += left
    return items
