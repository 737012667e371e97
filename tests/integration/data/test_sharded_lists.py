"""What a list over eight shards reads, as it explains itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.shards import Raise, Schedule
from customerai.observability.plan import Plan, explaining
from customerai.ports import InteractionFilter
from tests.integration.conftest import CreateTable

START = datetime(2026, 11, 20, tzinfo=UTC)
SHARDS, LIMIT = 8, 100


def interaction(number: int) -> Interaction:
    at = START + timedelta(minutes=number)
    made = make_id(at, number.to_bytes(10))
    channel = list(Channel)[number % 2]
    return Interaction("acme", made, at, at, f"c-{number % 3}", channel, f"text {number}")


STORED = [interaction(number) for number in range(640)]


@pytest.fixture
async def store(dynoxide: None, create_table: CreateTable) -> DynamoDBInteractions:
    schedules = MemoryShardSchedules({"acme": Schedule((Raise(START, SHARDS),))})
    store = DynamoDBInteractions(await create_table("interactions"), schedules)
    assert await store.add(STORED) == [None] * len(STORED)
    return store


async def pages(
    store: DynamoDBInteractions, where: InteractionFilter
) -> tuple[list[str], list[Plan]]:
    """The ids of all pages, and how each was found."""
    found: list[str] = []
    plans: list[Plan] = []
    after = None
    while True:
        with explaining() as plan:
            page = await store.page("acme", where, after, LIMIT)
        plans.append(plan)
        found += [item.id for item in page.items]
        if page.resume is None:
            return found, plans
        assert len(page.items) == LIMIT
        after = page.resume


def rounds(plan: Plan) -> int:
    asked = Counter(step.shard for step in plan.steps if step.operation == "Query")
    assert set(asked) == set(range(SHARDS))
    return max(asked.values())


@pytest.mark.parametrize(
    ("where", "index"),
    [(InteractionFilter(), None), (InteractionFilter(channel="email"), "by_channel")],
    ids=["from the table", "by way of an index"],
)
async def test_hardly_more_than_a_page_is_read_and_each_step_names_its_shard(
    store: DynamoDBInteractions, where: InteractionFilter, index: str | None
) -> None:
    found, plans = await pages(store, where)
    expected = [each.id for each in STORED if where.channel in (None, each.channel)]
    assert found == expected[::-1]
    queries = [[step for step in plan.steps if step.operation == "Query"] for plan in plans]
    scanned = [sum(step.scanned for step in steps) for steps in queries]
    assert max(scanned) < 0.35 * SHARDS * (LIMIT + 1)
    # The last page may meet the ends of shards, which takes another round to know.
    assert median(rounds(plan) for plan in plans[:-1]) == 1
    assert max(rounds(plan) for plan in plans) <= 2
    for plan, steps in zip(plans, queries, strict=True):
        assert {step.index for step in steps} == {index}
        assert all(step.scanned == step.returned for step in steps)
        assert all(step.units > 0 for step in steps)
        others = [step for step in plan.steps if step.operation != "Query"]
        assert [(step.operation, step.shard) for step in others] == (
            [("BatchGetItem", None)] if index else []
        )


async def test_what_conditions_leave_out_is_scanned_and_told(store: DynamoDBInteractions) -> None:
    """A page of each shard has more matches than are asked for, so none is asked for another."""
    where = InteractionFilter(channel="email", customer_id="c-0")
    found, plans = await pages(store, where)
    expected = [each for each in STORED if (each.channel, each.customer_id) == ("email", "c-0")]
    assert found == [each.id for each in reversed(expected)]
    for plan in plans:
        steps = [step for step in plan.steps if step.operation == "Query"]
        assert sorted(step.shard or 0 for step in steps) == list(range(SHARDS))
        assert {step.index for step in steps} == {"by_customer"}
        assert sum(step.returned for step in steps) < sum(step.scanned for step in steps)
