"""What an explained read says of itself, by the database whose units are right."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.domain.analysis import Analysis, Tier
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.rollup import AggregateKey, counters_of
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.windows import Interval
from customerai.observability.plan import Plan, current_plan, explaining
from customerai.ports import InteractionFilter, Reading, SequencedChange
from customerai.usecases.summarise import summarise
from tests.integration.conftest import CreateTable

SHARDS = MemoryShardSchedules()
START = datetime(2026, 11, 1, tzinfo=UTC)
TEXT = "x" * 4_000
"""An item takes more than 4 KB with it, so one unit for each 8 KB read eventually."""
NEUTRAL = Analysis(Sentiment(SentimentLabel.NEUTRAL, Scores(0, 1, 0), "m"), Tier.FULL)


def interaction(number: int) -> Interaction:
    at = START + timedelta(minutes=number)
    made = make_id(at, number.to_bytes(10))
    return Interaction("acme", made, at, at, f"c-{number % 2}", Channel.CHAT, TEXT)


STORED = [interaction(n) for n in range(10)]


@pytest.fixture
async def store(dynoxide: None, create_table: CreateTable) -> DynamoDBInteractions:
    table = await create_table("interactions")
    store = DynamoDBInteractions(table, SHARDS)
    assert await store.add(STORED) == [None] * 10
    assert (
        await DynamoDBAnalyses(table, SHARDS).save({each.ref: NEUTRAL for each in STORED[:4]}) == []
    )
    return store


async def plan_of(call: Callable[[], Awaitable[object]]) -> Plan:
    with explaining() as plan:
        await call()
    assert current_plan() is None
    assert plan.milliseconds["store"] == pytest.approx(
        sum(step.milliseconds for step in plan.steps), abs=0.01
    )
    return plan


async def test_a_single_read(store: DynamoDBInteractions) -> None:
    one = STORED[0].id
    (step,) = (await plan_of(lambda: store.get("acme", one))).steps
    assert (step.pattern, step.operation) == ("get interaction", "GetItem")
    assert (step.table, step.index, step.strong) == ("interactions", None, False)
    assert step.shard is None  # what is read by its key lies where the key says
    assert (step.scanned, step.returned, step.units) == (1, 1, 1.0)
    (strong,) = (await plan_of(lambda: store.get("acme", one, Reading(strong=True)))).steps
    assert (strong.strong, strong.units) == (True, 2.0)
    gone = make_id(START, bytes(range(10)))
    (nothing,) = (await plan_of(lambda: store.get("acme", gone))).steps
    assert (nothing.scanned, nothing.returned, nothing.units) == (0, 0, 0.5)


async def test_a_list_from_the_table(store: DynamoDBInteractions) -> None:
    plan = await plan_of(lambda: store.page("acme", InteractionFilter(), None, 5))
    (step,) = plan.steps
    assert (step.pattern, step.operation, step.index) == ("list interactions", "Query", None)
    assert step.shard == 0
    assert (step.scanned, step.returned) == (6, 6)  # one more tells whether there is a next page
    assert step.units == 3.5  # 6 items of a little over 4 KB
    assert step.milliseconds > 0


@pytest.mark.parametrize(
    ("where", "index", "found"),
    [
        (InteractionFilter(customer_id="c-1"), "by_customer", 5),
        (InteractionFilter(sentiment="neutral"), "by_sentiment", 4),
        (InteractionFilter(channel="chat"), "by_channel", 10),
        (InteractionFilter(sentiment="pending"), "pending", 6),
    ],
)
async def test_a_list_by_way_of_an_index(
    store: DynamoDBInteractions, where: InteractionFilter, index: str, found: int
) -> None:
    plan = await plan_of(lambda: store.page("acme", where, None, 20))
    query, items = plan.steps
    assert (query.operation, query.index, query.strong) == ("Query", index, False)
    assert (query.scanned, query.returned) == (found, found)
    assert query.units == 0.5  # an index holds no text
    assert (items.operation, items.index, items.strong) == ("BatchGetItem", None, True)
    assert (items.returned, items.units) == (found, 2.0 * found)


async def test_a_filter_that_no_index_holds_scans_more_than_it_returns(
    store: DynamoDBInteractions,
) -> None:
    where = InteractionFilter(channel="chat", customer_id="c-1", sentiment="neutral")
    strong = Reading(strong=True)
    (step,) = (await plan_of(lambda: store.page("acme", where, None, 20, strong))).steps
    assert (step.index, step.strong, step.scanned, step.returned) == (None, True, 10, 2)


async def test_many_are_one_step(store: DynamoDBInteractions) -> None:
    ids = [each.id for each in STORED]
    (step,) = (await plan_of(lambda: store.get_many("acme", ids))).steps
    assert (step.pattern, step.operation) == ("get interactions", "BatchGetItem")
    assert (step.returned, step.units) == (10, 10.0)


async def test_nothing_is_written_down_unless_it_is_asked_for(
    store: DynamoDBInteractions,
) -> None:
    with explaining() as plan:
        pass
    await store.get("acme", STORED[0].id)
    assert plan == Plan()


async def test_numbers_of_a_range(dynoxide: None, create_table: CreateTable) -> None:
    rollups = DynamoDBRollups(await create_table("rollups"), SHARDS)
    store = DynamoDBInteractions(await create_table("interactions"), SHARDS)
    windows = [f"2026-11-01T{hour:02}" for hour in range(3)]
    one = [SequencedChange("1".zfill(40), {"n_chat_neutral": 1, "s_chat": 0})]
    await rollups.apply("s", {AggregateKey("acme", Interval.HOUR, name): one for name in windows})
    end, needed = START + timedelta(hours=3), counters_of(["mean_score"], ["chat"])

    async def summed() -> None:
        totals = await summarise("acme", START, end, needed, rollups=rollups, states=store)
        assert totals.mean_score(["chat"]) == 0

    (step,) = (await plan_of(summed)).steps
    assert (step.pattern, step.operation) == ("windows of a range", "Query")
    assert (step.table, step.index, step.strong) == ("rollups", None, False)
    assert (step.scanned, step.returned, step.units) == (3, 3, 0.5)


async def test_the_version_of_a_taxonomy(dynoxide: None, create_table: CreateTable) -> None:
    taxonomies = DynamoDBTaxonomies(await create_table("settings"))
    await taxonomies.replace("acme", DEFAULT_TAXONOMY, None)
    (step,) = (await plan_of(lambda: taxonomies.version("acme"))).steps
    assert (step.pattern, step.operation) == ("taxonomy of a tenant", "GetItem")
    assert (step.table, step.strong, step.returned) == ("settings", True, 1)
