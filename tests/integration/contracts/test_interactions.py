"""What ``Interactions``, ``States`` and ``Analyses`` promise, held against every adapter."""

import random
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from customerai.adapters.memory.interactions import state_of
from customerai.domain.interaction_view import FIELDS, view_of
from customerai.domain.rollup import State
from customerai.ports import (
    InteractionFilter,
    Reading,
)
from tests.integration.contracts.stores import (
    FULL,
    START,
    TEXT,
    Ports,
    analysis,
    interaction,
    listed,
    ports,
)

__all__ = ["ports"]


async def test_what_is_added_is_had_back_whole(ports: Ports) -> None:
    full = interaction(
        1,
        text="Ünïcode \U0001f642 and \x00 too",
        product="Tent",
        rating=4.5,
        language="en-GB",
        metadata={"s": "x", "b": False, "i": -3, "f": 0.25, "n": None},
    )
    plain = interaction(2)
    assert await ports.interactions.add([full, plain]) == [None, None]
    assert await ports.interactions.get("acme", full.id) == view_of(full)
    assert await ports.interactions.get("acme", plain.id) == view_of(plain)
    assert await ports.interactions.get("acme", interaction(3).id) is None


async def test_a_taken_id_is_left_as_it_is(ports: Ports) -> None:
    first = interaction(1)
    await ports.interactions.add([first])
    await ports.analyses.save({first.ref: analysis(1)})
    assert await ports.interactions.add([replace(first, text="other"), interaction(2)]) == [
        None,
        None,
    ]
    assert await ports.interactions.get("acme", first.id) == view_of(
        replace(first, analysis=analysis(1))
    )


async def test_removing_tells_of_each_whether_there_was_one(ports: Ports) -> None:
    one, two, kept = (interaction(n) for n in range(3))
    await ports.interactions.add([one, two, kept])
    assert await ports.interactions.remove("globex", [one.id]) == [False]
    assert await ports.interactions.remove("acme", [one.id]) == [True]
    removed = await ports.interactions.remove("acme", [one.id, two.id, interaction(3).id])
    assert removed == [False, True, False]
    assert await ports.interactions.remove("acme", []) == []
    assert await listed(ports, InteractionFilter(), 10) == [view_of(kept)]


async def test_many_are_had_by_their_ids(ports: Ports) -> None:
    """From both sides of a resize, and without those that there are not."""
    stored = [interaction(n) for n in range(40)]
    await ports.interactions.add([*stored, interaction(41, tenant="globex")])
    ids = [each.id for each in stored[::-1]]
    found = await ports.interactions.get_many("acme", [*ids, interaction(41).id, ids[0]])
    assert found == {each.id: view_of(each) for each in stored}
    assert await ports.interactions.get_many("globex", ids) == {}


async def test_tenants_are_apart(ports: Ports) -> None:
    ours, theirs = interaction(1), interaction(1, tenant="acme2")
    await ports.interactions.add([ours, theirs])
    everything = InteractionFilter()
    assert await listed(ports, everything, 10) == [view_of(ours)]
    assert await listed(ports, everything, 10, "acme2") == [view_of(theirs)]
    assert await listed(ports, InteractionFilter(channel="chat"), 10, "ac") == []
    await ports.interactions.remove("acme", [ours.id])
    assert await ports.interactions.get("acme2", theirs.id) == view_of(theirs)


async def test_every_filter_gives_what_matches_newest_first(ports: Ports) -> None:
    stored = [interaction(n) for n in range(60)]
    await ports.interactions.add(stored)
    labels = {each.ref: analysis(n) for n, each in enumerate(stored) if n % 4}
    assert await ports.analyses.save(labels) == []
    stored = [replace(each, analysis=labels.get(each.ref)) for each in stored]
    bounds = [(None, None), (START + timedelta(hours=2), START + timedelta(hours=8))]
    cases = product([None, "chat"], [None, "positive", "pending"], [None, "c-1"], bounds, [3, 100])
    for channel, label, customer, (start, end), limit in cases:
        where = InteractionFilter(channel, label, customer, start, end)
        expected = [
            view_of(each)
            for each in reversed(stored)
            if channel in (None, each.channel)
            and label in (None, each.analysis.sentiment.label if each.analysis else "pending")
            and customer in (None, each.customer_id)
            and (start is None or start <= each.occurred_at)
            and (end is None or each.occurred_at < end)
        ]
        assert await listed(ports, where, limit) == expected, where
        assert await listed(ports, where, limit, reading=Reading(strong=True)) == expected, where


async def test_a_page_of_all_there_is_has_no_next(ports: Ports) -> None:
    await ports.interactions.add([interaction(n) for n in range(4)])
    page = ports.interactions.page
    assert (await page("acme", InteractionFilter(), None, 4)).resume is None
    assert (await page("acme", InteractionFilter(), None, 3)).resume is not None


async def test_inserts_while_paging_neither_lose_nor_repeat(ports: Ports) -> None:
    order = random.Random(7).sample(range(80), 80)
    before, later = order[:50], iter(order[50:])
    await ports.interactions.add([interaction(n) for n in before])
    seen: list[str] = []
    after = None
    while True:
        page = await ports.interactions.page("acme", InteractionFilter(), after, 6)
        seen += [item.id for item in page.items]
        await ports.interactions.add([interaction(n) for n in (next(later, 0), next(later, 0))])
        if page.resume is None:
            break
        after = page.resume
    assert seen == sorted(set(seen), reverse=True)
    assert {interaction(n).id for n in before} <= set(seen)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(1, 7),
    st.sets(st.integers(0, 60), max_size=20),
    st.lists(st.integers(0, 60), max_size=8),
    st.sampled_from([None, "chat"]),
    st.booleans(),
)
async def test_whatever_is_inserted_between_any_pages_neither_loses_nor_repeats(
    ports: Ports,
    limit: int,
    before: set[int],
    inserted: list[int],
    channel: str | None,
    strong: bool,
) -> None:
    tenant = uuid4().hex  # each example has its own

    async def add(numbers: Collection[int]) -> None:
        await ports.interactions.add([interaction(n, tenant) for n in numbers])

    where, reading = InteractionFilter(channel=channel), Reading(strong=strong)
    await add(before)
    seen: list[str] = []
    after = None
    inserts = iter(inserted)
    while True:
        page = await ports.interactions.page(tenant, where, after, limit, reading)
        seen += [item.id for item in page.items]
        if (number := next(inserts, None)) is not None:
            await add([number])
        if page.resume is None:
            break
        after = page.resume
    assert seen == sorted(set(seen), reverse=True)
    there = [interaction(n, tenant) for n in before]
    assert {each.id for each in there if channel in (None, each.channel)} <= set(seen)


@pytest.mark.parametrize("name", FIELDS)
async def test_a_field_can_be_read_alone_as_it_is_in_the_whole(ports: Ports, name: str) -> None:
    one = interaction(
        1,
        text=TEXT,
        product="Tent",
        rating=4.5,
        language="en",
        metadata={"order": 7},
    )
    bare = interaction(2)
    await ports.interactions.add([one, bare])
    await ports.analyses.save({one.ref: FULL})
    stored = [bare, replace(one, analysis=FULL)]
    reading = Reading(frozenset({name}))
    for each in stored:
        found = await ports.interactions.get("acme", each.id, reading)
        whole = view_of(each)
        assert found is not None
        assert (found.id, getattr(found, name)) == (each.id, getattr(whole, name))
        assert {other for other in FIELDS if getattr(found, other) is not UNSET} == {"id", name}
    expected = [view_of(each, reading.fields) for each in stored]
    # From the table, and by way of an index.
    for where in (InteractionFilter(), InteractionFilter(start=START), InteractionFilter("chat")):
        chosen = [
            view
            for each, view in zip(stored, expected, strict=True)
            if where.channel in (None, each.channel)
        ]
        assert await listed(ports, where, 10, reading=reading) == chosen
    many = await ports.interactions.get_many("acme", [each.id for each in stored], reading)
    assert many == {each.id: each for each in expected}


async def test_states_of_a_half_open_range(ports: Ports) -> None:
    stored = [interaction(n) for n in range(12)]
    await ports.interactions.add([*stored, interaction(5, tenant="globex")])
    await ports.analyses.save({stored[6].ref: analysis(2)})
    stored[6] = replace(stored[6], analysis=analysis(2))
    states = ports.states.states("acme", stored[5].occurred_at, stored[8].occurred_at)
    found = [state async for state in states]
    expected = [state_of(each) for each in stored[5:8]]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert State(stored[6].channel, "positive", 625_000) in found
