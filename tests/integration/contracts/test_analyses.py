"""What ``Analyses`` and ``Backlog`` promise, held against memory, moto and dynoxide."""

from dataclasses import replace

import pytest

from customerai.adapters import aws
from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rows import key_of
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.analysis import (
    Analysis,
    Feature,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.interaction import InteractionRef
from customerai.domain.interaction_view import view_of
from customerai.domain.shards import SINGLE
from customerai.ports import (
    InteractionFilter,
)
from tests.integration.conftest import CreateTable
from tests.integration.contracts.stores import (
    FULL,
    TEXT,
    Ports,
    analysis,
    interaction,
    listed,
    ports,
)

__all__ = ["ports"]


async def test_only_what_waits_has_pending_text(ports: Ports) -> None:
    waits, done, gone = (interaction(n) for n in range(3))
    await ports.interactions.add([waits, done])
    await ports.analyses.save({done.ref: analysis(1)})
    refs = [waits.ref, done.ref, gone.ref, waits.ref]
    assert await ports.analyses.pending_texts(refs) == {waits.ref: waits.text}
    assert await ports.analyses.pending_texts([]) == {}


async def test_more_texts_than_one_read_takes(ports: Ports) -> None:
    stored = [interaction(n) for n in range(130)]
    await ports.interactions.add(stored)
    texts = await ports.analyses.pending_texts([each.ref for each in stored])
    assert texts == {each.ref: each.text for each in stored}


async def test_an_analysis_is_written_once_and_raises_nothing_from_the_dead(ports: Ports) -> None:
    one, gone = interaction(1), interaction(2)
    await ports.interactions.add([one])
    assert await ports.analyses.save({one.ref: analysis(1), gone.ref: analysis(1)}) == []
    assert await ports.analyses.save({one.ref: analysis(2)}) == []
    found = await ports.interactions.get("acme", one.id)
    assert found == view_of(replace(one, analysis=analysis(1)))
    assert await ports.interactions.get("acme", gone.id) is None


@pytest.mark.parametrize(
    "saved",
    [
        FULL,
        replace(FULL, intent=None, urgency=None, aspects=(), topics=()),
        analysis(2, features=frozenset({Feature.URGENCY}), urgency=UrgencyMatch(Urgency.LOW, 0.5)),
        analysis(0),
    ],
    ids=["whole", "abstaining", "one feature", "sentiment alone"],
)
async def test_an_analysis_is_had_back_whole(ports: Ports, saved: Analysis) -> None:
    """By itself and in a list, and without what was not analysed."""
    one = interaction(1, text=TEXT)
    await ports.interactions.add([one])
    assert await ports.analyses.save({one.ref: saved}) == []
    expected = view_of(replace(one, analysis=saved))
    assert await ports.interactions.get("acme", one.id) == expected
    assert await listed(ports, InteractionFilter(), 1) == [expected]


@pytest.mark.parametrize("backend", ["moto", "dynoxide"], indirect=True)
async def test_what_was_analysed_when_there_was_only_sentiment_still_reads(
    backend: str, create_table: CreateTable
) -> None:
    table = await create_table("interactions")
    store, one = DynamoDBInteractions(table, MemoryShardSchedules()), interaction(1)
    await store.add([one])
    await DynamoDBAnalyses(table, MemoryShardSchedules()).save({one.ref: analysis(1)})
    older = {
        "TableName": table,
        "Key": key_of("acme", one.id, SINGLE),
        "UpdateExpression": "REMOVE analysis",
    }
    await aws.dynamodb().call("UpdateItem", older)
    assert await store.get("acme", one.id) == view_of(replace(one, analysis=analysis(1)))


async def test_pending_is_what_waits_of_all_tenants(ports: Ports) -> None:
    stored = [interaction(n, tenant=("acme", "globex")[n % 2]) for n in range(10)]
    await ports.interactions.add(stored)
    await ports.analyses.save({stored[3].ref: analysis(1)})
    bound = stored[7].received_at
    waiting = {ref async for ref in ports.backlog.pending(bound)}
    assert waiting == {each.ref for n, each in enumerate(stored) if n < 7 and n != 3}
    assert all(isinstance(ref, InteractionRef) for ref in waiting)
