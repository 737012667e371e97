"""What an offset skips is read as cheaply as can be, and by as few reads as it takes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.domain.errors import InvalidParameterError, NotFoundError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.interaction_view import InteractionView, view_of
from customerai.ports import WHOLE, InteractionFilter, Page, Reading
from customerai.usecases.get_interactions import get_interaction, get_interactions
from customerai.usecases.list_interactions import MAX_OFFSET, list_interactions

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVERYTHING = InteractionFilter()


def interaction(number: int) -> Interaction:
    at = NOW + timedelta(seconds=number)
    made = make_id(at, number.to_bytes(10))
    return Interaction("acme", made, at, at, "c", Channel.CHAT, "text")


class Counting(MemoryInteractions):
    """Remembers what is read: how many, and of what."""

    def __init__(self, count: int) -> None:
        super().__init__({each.ref: each for each in map(interaction, range(count))})
        self.reads = list[tuple[int, Reading]]()

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
        self.reads.append((limit, reading))
        return await super().page(tenant, where, after, limit, reading)


@pytest.mark.parametrize("strong", [False, True])
async def test_of_what_is_skipped_only_ids_are_read(strong: bool) -> None:
    store, reading = Counting(300), Reading(frozenset({"text"}), strong)
    page = await list_interactions("acme", EVERYTHING, None, 250, 7, reading, interactions=store)
    ids = Reading(frozenset({"id"}), strong)
    assert store.reads == [(100, ids), (100, ids), (50, ids), (7, reading)]
    assert page.items == [view_of(interaction(n), reading.fields) for n in range(49, 42, -1)]


async def test_beyond_the_end_nothing_more_is_read() -> None:
    store = Counting(30)
    page = await list_interactions("acme", EVERYTHING, None, 1_000, 7, interactions=store)
    assert page == Page([], None)
    assert len(store.reads) == 1


async def test_without_an_offset_there_is_one_read() -> None:
    store, after = Counting(30), interaction(20).id
    page = await list_interactions("acme", EVERYTHING, after, 0, 2, interactions=store)
    assert page.items == [view_of(interaction(19)), view_of(interaction(18))]
    assert store.reads == [(2, WHOLE)]


class Unasked(MemoryInteractions):
    async def get(
        self, tenant: str, interaction_id: str, reading: Reading = WHOLE
    ) -> InteractionView | None:
        raise AssertionError("there can't be one")

    async def get_many(
        self, tenant: str, interaction_ids: Sequence[str], reading: Reading = WHOLE
    ) -> dict[str, InteractionView]:
        raise AssertionError("there can't be any")


async def test_what_is_no_id_is_not_looked_for() -> None:
    with pytest.raises(NotFoundError):
        await get_interaction("acme", "no-id", interactions=Unasked())
    assert await get_interactions("acme", ["no-id", ""], interactions=Unasked()) == {}


async def test_those_that_there_are_come_by_their_ids() -> None:
    store, one = Counting(3), interaction(1)
    found = await get_interactions("acme", [one.id, "no-id", interaction(7).id], interactions=store)
    assert found == {one.id: view_of(one)}
    assert await get_interaction("acme", one.id, interactions=store) == view_of(one)
    with pytest.raises(NotFoundError):
        await get_interaction("globex", one.id, interactions=store)


class HardlyAnyMatch(MemoryInteractions):
    """As where a filter's effort ends page after page before anything is found."""

    pages = 0

    async def page(
        self,
        tenant: str,
        where: InteractionFilter,
        after: str | None,
        limit: int,
        reading: Reading = WHOLE,
    ) -> Page:
        self.pages += 1
        return Page([], make_id(datetime(2026, 1, 1, tzinfo=UTC), self.pages.to_bytes(10)))


async def test_skipping_is_given_a_bounded_effort() -> None:
    store = HardlyAnyMatch()
    with pytest.raises(InvalidParameterError) as refused:
        await list_interactions("acme", InteractionFilter(), None, 1, 10, interactions=store)
    assert refused.value.field == "offset"
    assert store.pages <= MAX_OFFSET / 100
