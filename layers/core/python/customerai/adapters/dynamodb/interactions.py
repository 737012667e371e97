"""The interactions table as the HTTP functions use it: pynamodb for writes and single reads, bare
queries for lists, whose items it decodes all the same."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError
from pynamodb.models import Model

from customerai.adapters import aws
from customerai.adapters.dynamodb.analysis_json import load_analysis
from customerai.adapters.dynamodb.connection import TableConnection, reporting
from customerai.adapters.dynamodb.query import Item, Query, read_items, read_pages
from customerai.adapters.dynamodb.rows import (
    index_key,
    partition,
    partition_of_shard,
    state_of,
)
from customerai.domain.analysis import Analysis
from customerai.domain.errors import UnavailableError
from customerai.domain.ids import first_id_at, id_before
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.rollup import PENDING, State
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.shards import all_shards
from customerai.ports import InteractionFilter, Page

_CONDITION_FAILED = "ConditionalCheckFailedException"
_FILTERED_PAGE = 250
_FILTERED_PAGES = 8
"""Effort for conditions that no index holds: so many items a page, so many pages a shard."""


class _Row(Model):
    class Meta(TableConnection):
        pass

    pk = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    by_customer = UnicodeAttribute()
    by_channel = UnicodeAttribute()
    pending = UnicodeAttribute(null=True)
    customer_id = UnicodeAttribute()
    channel = UnicodeAttribute()
    text = UnicodeAttribute()
    occurred_at = UnicodeAttribute()
    received_at = UnicodeAttribute()
    product = UnicodeAttribute(null=True)
    rating = NumberAttribute(null=True)
    language = UnicodeAttribute(null=True)
    metadata = JSONAttribute(null=True)
    sentiment = UnicodeAttribute(null=True)
    scores = JSONAttribute(null=True)
    model = UnicodeAttribute(null=True)
    analysis = UnicodeAttribute(null=True)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What one shard gave: its matches, and the id it came down to where more may follow."""

    items: list[Item]
    reached: str | None


class DynamoDBInteractions:
    """``customerai.ports.Interactions`` and ``States`` on the interactions table."""

    def __init__(self, table: str) -> None:
        _Row.Meta.table_name = table
        # Both clients now, on one thread: the pool's threads would each make their own.
        _ = _Row._get_connection().connection.client
        aws.dynamodb()
        self._table = table
        self._pool = ThreadPoolExecutor(aws.CONCURRENCY, thread_name_prefix="interactions")

    def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        if len(interactions) == 1:
            return [_put(interactions[0])]
        return list(self._pool.map(_put, interactions))

    def get(self, tenant: str, interaction_id: str) -> Interaction | None:
        pk = partition(tenant, interaction_id)
        try:
            with reporting("store"):
                return _interaction(tenant, _Row.get(pk, interaction_id, consistent_read=True))
        except _Row.DoesNotExist:
            return None

    def remove(self, tenant: str, interaction_id: str) -> bool:
        row = _Row(partition(tenant, interaction_id), interaction_id)
        try:
            with reporting("store"):
                row.delete(condition=_Row.id.exists())
        except DeleteError as error:
            if error.cause_response_code == _CONDITION_FAILED:
                return False
            raise
        return True

    def probe(self) -> None:
        """Raises ``UnavailableError`` where the table does not serve reads."""
        self.get("health", first_id_at(datetime.now(UTC)))

    def page(self, tenant: str, where: InteractionFilter, after: str | None, limit: int) -> Page:
        reaches = [self._reach(tenant, shard, where, after, limit) for shard in all_shards()]
        # Below the highest point that a shard came down to, that shard may still hold newer rows.
        frontier = max((reach.reached for reach in reaches if reach.reached), default=None)
        items = sorted(
            (
                item
                for reach in reaches
                for item in reach.items
                if frontier is None or item["id"]["S"] >= frontier
            ),
            key=lambda item: str(item["id"]["S"]),
            reverse=True,
        )
        resume = items[limit - 1]["id"]["S"] if len(items) > limit else frontier
        items = items[:limit]
        if _access_path(where)[0]:
            # An index may lag behind: what is read whole is held against the filter again.
            whole = read_items(self._table, [{k: item[k] for k in ("pk", "id")} for item in items])
            matching = (item for item in whole if _holds(item, where))
            items = sorted(matching, key=lambda item: str(item["id"]["S"]), reverse=True)
        return Page([_interaction(tenant, _Row.from_raw_data(item)) for item in items], resume)

    def states(self, tenant: str, start: datetime, end: datetime) -> Iterator[State]:
        for shard in all_shards():
            query = Query(
                self._table,
                ("pk", partition_of_shard(tenant, shard)),
                "id",
                first=first_id_at(start),
                last=id_before(first_id_at(end)),
                projection=("channel", "sentiment", "score"),
            )
            for page in read_pages(query):
                for item in page.items:
                    yield state_of(item)

    def _reach(
        self, tenant: str, shard: int, where: InteractionFilter, after: str | None, limit: int
    ) -> _Reach:
        pk = partition_of_shard(tenant, shard)
        index, value, rest = _access_path(where)
        ends = [after] if after else []
        if where.end is not None:
            ends.append(first_id_at(where.end))
        query = Query(
            self._table,
            (index or "pk", index_key(pk, value) if value else pk),
            "id",
            first=first_id_at(where.start) if where.start else None,
            last=id_before(min(ends)) if ends else None,
            index=index,
            equal=rest,
            newest_first=True,
            # One more than asked for tells whether there is a next page.
            page_size=_FILTERED_PAGE if rest else limit + 1,
        )
        items: list[Item] = []
        reached: str | None = None
        for number, page in enumerate(read_pages(query), 1):
            items += page.items
            reached = page.reached
            if len(items) > limit or number == _FILTERED_PAGES:
                break
        return _Reach(items, reached)


def _access_path(where: InteractionFilter) -> tuple[str | None, str | None, dict[str, str | None]]:
    """The index that narrows most, the value in its key, and the conditions left to filter by."""
    conditions: dict[str, tuple[str, str | None]] = {}
    if where.customer_id is not None:
        conditions["by_customer"] = "customer_id", where.customer_id
    if where.sentiment is not None and where.sentiment != PENDING:
        conditions["by_sentiment"] = "sentiment", where.sentiment
    if where.channel is not None:
        conditions["by_channel"] = "channel", where.channel
    if where.sentiment == PENDING:
        conditions[PENDING] = "sentiment", None
    if not conditions:
        return None, None, {}
    index = next(iter(conditions))
    _, value = conditions.pop(index)
    return index, value, dict(conditions.values())


def _holds(item: Item, where: InteractionFilter) -> bool:
    sentiment = item.get("sentiment", {"S": PENDING})["S"]
    return (
        where.customer_id in (None, item["customer_id"]["S"])
        and where.channel in (None, item["channel"]["S"])
        and where.sentiment in (None, sentiment)
    )


def _put(interaction: Interaction) -> Exception | None:
    pk = partition(interaction.tenant, interaction.id)
    row = _Row(
        pk,
        interaction.id,
        by_customer=index_key(pk, interaction.customer_id),
        by_channel=index_key(pk, interaction.channel),
        pending=pk,
        customer_id=interaction.customer_id,
        channel=interaction.channel,
        text=interaction.text,
        occurred_at=interaction.occurred_at.isoformat(),
        received_at=interaction.received_at.isoformat(),
        product=interaction.product,
        rating=interaction.rating,
        language=interaction.language,
        metadata=interaction.metadata or None,
    )
    try:
        with reporting("store"):
            row.save(condition=_Row.id.does_not_exist())
    except PutError as error:
        return None if error.cause_response_code == _CONDITION_FAILED else error
    except UnavailableError as error:
        return error
    return None


def _interaction(tenant: str, row: _Row) -> Interaction:
    return Interaction(
        tenant=tenant,
        id=row.id,
        received_at=datetime.fromisoformat(row.received_at),
        occurred_at=datetime.fromisoformat(row.occurred_at),
        customer_id=row.customer_id,
        channel=Channel(row.channel),
        text=row.text,
        product=row.product,
        rating=row.rating,
        language=row.language,
        metadata=row.metadata or {},
        analysis=_analysis(row),
    )


def _analysis(row: _Row) -> Analysis | None:
    if row.sentiment is None:
        return None
    sentiment = Sentiment(SentimentLabel(row.sentiment), Scores(*row.scores), row.model)
    return load_analysis(row.analysis, sentiment, row.text)
