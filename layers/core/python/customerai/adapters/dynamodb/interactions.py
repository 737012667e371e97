"""The interactions table as the HTTP functions use it: pynamodb for writes, the lean client for
reads. A tenant's shards are read side by side, and only those that can hold what is asked for."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial

from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.access_paths import AccessPath, access_path
from customerai.adapters.dynamodb.blocking import all_off_the_loop
from customerai.adapters.dynamodb.newest_first import newest_first
from customerai.adapters.dynamodb.reads import (
    Item,
    Pages,
    Query,
    read_all,
    read_item,
    read_items,
)
from customerai.adapters.dynamodb.rows import (
    index_key,
    key_of,
    partition,
    partition_of_shard,
    state_of,
)
from customerai.adapters.dynamodb.shard_schedules import schedules_of
from customerai.adapters.dynamodb.stored_interaction import StoredInteraction, projection, view
from customerai.domain.ids import first_id_at, id_before
from customerai.domain.interaction import Interaction
from customerai.domain.interaction_view import InteractionView
from customerai.domain.rollup import PENDING, State
from customerai.domain.shards import Schedule
from customerai.ports import WHOLE, InteractionFilter, Page, Reading, ShardSchedules

_FILTERED_PAGE = 250
_FILTERED_PAGES = 8
"""Effort for conditions that no index holds: so many items a page, so many pages a shard."""


class DynamoDBInteractions:
    """``customerai.ports.Interactions`` and ``States`` on the interactions table."""

    def __init__(self, table: str, schedules: ShardSchedules) -> None:
        self._table = table
        self._schedules = schedules

    async def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        found = await schedules_of((each.tenant for each in interactions), self._schedules)
        outcomes = await all_off_the_loop(
            [partial(self._put, each, found[each.tenant]) for each in interactions]
        )
        return [each if isinstance(each, Exception) else None for each in outcomes]

    async def remove(self, tenant: str, interaction_ids: Sequence[str]) -> list[bool | Exception]:
        schedule = await self._schedules.of(tenant)
        return await all_off_the_loop(
            [
                partial(self._delete, partition(tenant, each, schedule), each)
                for each in interaction_ids
            ]
        )

    async def get(
        self, tenant: str, interaction_id: str, reading: Reading = WHOLE
    ) -> InteractionView | None:
        item = await read_item(
            patterns.GET_INTERACTION,
            self._table,
            key_of(tenant, interaction_id, await self._schedules.of(tenant)),
            StoredInteraction,
            projection=projection(reading.fields),
            strong=reading.strong,
        )
        return view(item, reading.fields) if item else None

    async def get_many(
        self, tenant: str, interaction_ids: Sequence[str], reading: Reading = WHOLE
    ) -> dict[str, InteractionView]:
        schedule = await self._schedules.of(tenant)
        items = await read_items(
            patterns.GET_INTERACTIONS,
            self._table,
            [key_of(tenant, each, schedule) for each in dict.fromkeys(interaction_ids)],
            StoredInteraction,
            projection=projection(reading.fields),
            strong=reading.strong,
        )
        return {item.id.value: view(item, reading.fields) for item in items}

    async def probe(self) -> None:
        """Raises ``UnavailableError`` where the table does not serve reads."""
        await self.get("health", first_id_at(datetime.now(UTC)))

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
        schedule = await self._schedules.of(tenant)
        path = access_path(where, strong=reading.strong)
        first = first_id_at(where.start) if where.start else None
        ends = [after] if after else []
        if where.end is not None:
            ends.append(first_id_at(where.end))
        last = id_before(min(ends)) if ends else None
        sources = [
            Pages(
                _query(path, self._table, tenant, shard, (first, last), reading), StoredInteraction
            )
            for shard in schedule.shards_now(datetime.now(UTC), last)
        ]
        page = await newest_first(
            sources,
            limit,
            page_size=_FILTERED_PAGE if path.rest else None,
            most_pages=_FILTERED_PAGES,
        )
        items = page.items
        if path.pattern.index and items:
            items = await self._whole(tenant, schedule, items, where, reading)
        return Page([view(item, reading.fields) for item in items], page.reached)

    async def states(self, tenant: str, start: datetime, end: datetime) -> AsyncIterator[State]:
        schedule = await self._schedules.of(tenant)
        first, last = first_id_at(start), id_before(first_id_at(end))
        queries = [
            Query(
                patterns.COUNT_STATES,
                self._table,
                ("pk", partition_of_shard(tenant, shard)),
                "id",
                first=first,
                last=last,
                shard=shard,
            )
            for shard in schedule.shards_up_to(last)
        ]
        async for items in read_all(queries, Item):
            for item in items:
                yield state_of(item)

    def _put(self, interaction: Interaction, schedule: Schedule) -> None:
        from customerai.adapters.dynamodb.models import put_interaction

        pk = partition(interaction.tenant, interaction.id, schedule)
        put_interaction(self._table, pk, interaction)

    def _delete(self, pk: str, interaction_id: str) -> bool:
        from customerai.adapters.dynamodb.models import delete_interaction

        return delete_interaction(self._table, pk, interaction_id)

    async def _whole(
        self,
        tenant: str,
        schedule: Schedule,
        found: Sequence[StoredInteraction],
        where: InteractionFilter,
        reading: Reading,
    ) -> list[StoredInteraction]:
        """An index may lag behind: what is read from the table is held against the filter again.

        Strongly, or else what the index knows already might be missing from what is read here.
        """
        items = await read_items(
            patterns.GET_INTERACTIONS,
            self._table,
            [key_of(tenant, item.id.value, schedule) for item in found],
            StoredInteraction,
            projection=projection(reading.fields, ("customer_id", "channel", "sentiment")),
            strong=True,
        )
        kept = [item for item in items if _holds(item, where)]
        return sorted(kept, key=lambda item: item.id.value, reverse=True)


def _query(
    path: AccessPath,
    table: str,
    tenant: str,
    shard: int,
    bounds: tuple[str | None, str | None],
    reading: Reading,
) -> Query:
    index, pk = path.pattern.index, partition_of_shard(tenant, shard)
    return Query(
        path.pattern,
        table,
        (index or "pk", index_key(pk, path.value) if path.value else pk),
        "id",
        first=bounds[0],
        last=bounds[1],
        equal=path.rest,
        # Of an index only the ids are needed: its items are read whole from the table.
        projection=() if index else projection(reading.fields),
        newest_first=True,
        strong=reading.strong,
        shard=shard,
    )


def _holds(item: StoredInteraction, where: InteractionFilter) -> bool:
    sentiment = item.sentiment.value if item.sentiment else PENDING
    return (
        (where.customer_id is None or item.customer_id.value == where.customer_id)  # type: ignore[union-attr]
        and (where.channel is None or item.channel.value == where.channel)  # type: ignore[union-attr]
        and where.sentiment in (None, sentiment)
    )
