"""Interactions and their analyses behind each backend, and what a test puts into them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.backlog import DynamoDBBacklog
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.memory.interactions import MemoryInteractions
from customerai.domain.analysis import (
    Analysis,
    Aspect,
    Feature,
    Intent,
    IntentMatch,
    Language,
    Tier,
    TopicMatch,
    Urgency,
    UrgencyMatch,
)
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.interaction_view import InteractionView
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.shards import Raise, Schedule
from customerai.ports import (
    WHOLE,
    Analyses,
    Backlog,
    InteractionFilter,
    Interactions,
    Reading,
    States,
)
from tests.integration.conftest import CreateTable

START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Ports:
    interactions: Interactions
    states: States
    analyses: Analyses
    backlog: Backlog


@dataclass
class EveryTenant:
    """``ShardSchedules`` that are all the same."""

    schedule: Schedule

    async def of(self, tenant: str) -> Schedule:
        return self.schedule


@pytest.fixture(params=[1, 3], ids=["one shard", "three shards"])
async def ports(
    request: pytest.FixtureRequest,
    backend: str,
    create_table: CreateTable,
) -> Ports:
    raised = (Raise(START + timedelta(hours=4), request.param),) if request.param > 1 else ()
    schedules = EveryTenant(Schedule(raised))
    if backend == "memory":
        memory = MemoryInteractions()
        return Ports(memory, memory, memory, memory)
    table = await create_table("interactions")
    store = DynamoDBInteractions(table, schedules)
    return Ports(store, store, DynamoDBAnalyses(table, schedules), DynamoDBBacklog(table))


def interaction(number: int, tenant: str = "acme", **more: object) -> Interaction:
    at = START + timedelta(minutes=11 * number)
    plain = Interaction(
        tenant=tenant,
        id=make_id(at, number.to_bytes(10)),
        received_at=at + timedelta(milliseconds=5),
        occurred_at=at,
        customer_id=f"c-{number % 5}",
        channel=list(Channel)[number % 6],
        text=f"text {number}",
        metadata={},
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def analysis(number: int, **more: object) -> Analysis:
    label = list(SentimentLabel)[number % 3]
    scores = dict.fromkeys(SentimentLabel, 0.125) | {label: 0.75}
    sentiment = Sentiment(label, Scores(**{str(k): v for k, v in scores.items()}), "model-1")
    return replace(Analysis(sentiment, Tier.FULL), **more)  # type: ignore[arg-type]


async def listed(
    ports: Ports,
    where: InteractionFilter,
    limit: int,
    tenant: str = "acme",
    reading: Reading = WHOLE,
) -> list[InteractionView]:
    """All pages."""
    found: list[InteractionView] = []
    after = None
    for _ in range(200):
        page = await ports.interactions.page(tenant, where, after, limit, reading)
        assert len(page.items) <= limit
        found += page.items
        if page.resume is None:
            return found
        assert after is None or page.resume < after
        after = page.resume
    raise AssertionError("the pages never end")


TEXT = "\U0001f642 The tent leaks, the poles hold."
FULL = analysis(
    1,
    tier=Tier.FAST,
    abstained=True,
    features=frozenset(Feature),
    aspects=(
        Aspect("tent", 6, 10, SentimentLabel.NEGATIVE, 0.9123),
        Aspect("poles", 22, 27, SentimentLabel.POSITIVE, 0.75),
    ),
    topics=(TopicMatch("tents", 0.8125), TopicMatch("poles", 0.5)),
    taxonomy="5b1f0a3c77d2e946",
    intent=IntentMatch(Intent.COMPLAINT, 0.6),
    urgency=UrgencyMatch(Urgency.HIGH, 0.7),
    language=Language("en", 0.9999, True),
)
