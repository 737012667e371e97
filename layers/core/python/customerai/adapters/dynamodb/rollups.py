"""Counters by window, exactly once.

One item a tenant, window and stream shard. Its ``lastseq`` is a fence: a batch is added only if the
item has not seen its first record, in one conditional write that also moves the fence. Where the
condition fails, the answer carries the fence, the records at or before it are dropped, and the rest
is tried again. So a repeat, a lost response or an overlapping batch adds nothing twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from customerai.adapters import aws
from customerai.adapters.dynamodb.query import Query, read_pages
from customerai.domain.rollup import AggregateKey, WindowCounters
from customerai.domain.windows import Interval
from customerai.ports import SequencedChange

_FENCE = "lastseq"
_COUNTER_PREFIXES = ("n_", "s_")


class DynamoDBRollups:
    """``customerai.ports.Rollups`` on the rollups table."""

    def __init__(self, table: str) -> None:
        self._table = table
        aws.dynamodb()  # made once here, not by each thread of the pool
        self._pool = ThreadPoolExecutor(aws.CONCURRENCY, thread_name_prefix="rollups")

    def apply(self, shard: str, changes: Mapping[AggregateKey, Sequence[SequencedChange]]) -> None:
        # map() raises the first failure once its turn comes; the fences make the retry harmless.
        for _ in self._pool.map(partial(_apply, self._table, shard), changes, changes.values()):
            pass

    def read(
        self, tenant: str, interval: Interval, start: datetime, end: datetime
    ) -> Iterator[WindowCounters]:
        query = Query(
            self._table,
            ("pk", _partition(tenant, interval)),
            "sk",
            first=interval.window(start),
            # Range keys are longer than a window's name: none is equal to this bound.
            last=interval.window(end),
        )
        for page in read_pages(query):
            for item in page.items:
                window = item["sk"]["S"].partition("#")[0]
                yield WindowCounters(interval.window_start(window), _counters(item))


def _apply(table: str, shard: str, key: AggregateKey, changes: Sequence[SequencedChange]) -> None:
    client = aws.dynamodb()
    while changes:
        totals: Counter[str] = Counter()
        for each in changes:
            totals.update(each.counters)
        try:
            with aws.reporting("rollups"):
                client.update_item(**_add(table, shard, key, totals, changes))
        except client.exceptions.ConditionalCheckFailedException as error:
            seen: dict[str, Any] = dict(error.response)
            fence = seen["Item"][_FENCE]["S"]
            changes = [each for each in changes if each.sequence > fence]
        else:
            return


def _add(
    table: str,
    shard: str,
    key: AggregateKey,
    totals: Mapping[str, int],
    changes: Sequence[SequencedChange],
) -> dict[str, Any]:
    values = {f":{name}": {"N": str(amount)} for name, amount in totals.items() if amount}
    additions = ", ".join(f"{name[1:]} {name}" for name in values)
    return {
        "TableName": table,
        "Key": {
            "pk": {"S": _partition(key.tenant, key.interval)},
            "sk": {"S": f"{key.window}#{shard}"},
        },
        "UpdateExpression": f"SET {_FENCE} = :last" + (f" ADD {additions}" if additions else ""),
        "ConditionExpression": f"attribute_not_exists({_FENCE}) OR {_FENCE} < :first",
        "ExpressionAttributeValues": values
        | {":first": {"S": changes[0].sequence}, ":last": {"S": changes[-1].sequence}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _partition(tenant: str, interval: Interval) -> str:
    return f"{tenant}#{interval}"


def _counters(item: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: int(value["N"]) for name, value in item.items() if name.startswith(_COUNTER_PREFIXES)
    }
