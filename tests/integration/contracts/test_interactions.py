"""What ``Interactions``, ``States`` and ``Analyses`` promise, held against every adapter."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from customerai.adapters import aws
from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rows import item_key
from customerai.adapters.memory.interactions import MemoryInteractions, state_of
from customerai.domain import shards
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
from customerai.domain.interaction import Channel, Interaction, InteractionRef
from customerai.domain.rollup import State
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.ports import Analyses, InteractionFilter, Interactions, States
from tests.integration.conftest import CreateTable

START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Ports:
    interactions: Interactions
    states: States
    analyses: Analyses


@pytest.fixture(params=[1, 3], ids=["one shard", "three shards"])
def ports(
    request: pytest.FixtureRequest,
    backend: str,
    create_table: CreateTable,
    monkeypatch: pytest.MonkeyPatch,
) -> Ports:
    resized = START + timedelta(hours=4)
    schedule = ((datetime(1970, 1, 1, tzinfo=UTC), 1), (resized, request.param))
    monkeypatch.setattr(shards, "SCHEDULE", schedule)
    if backend == "memory":
        memory = MemoryInteractions()
        return Ports(memory, memory, memory)
    table = create_table("interactions")
    store = DynamoDBInteractions(table)
    return Ports(store, store, DynamoDBAnalyses(table))


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


def pages(
    ports: Ports, where: InteractionFilter, limit: int, tenant: str = "acme"
) -> Iterator[Interaction]:
    after = None
    for _ in range(200):
        page = ports.interactions.page(tenant, where, after, limit)
        assert len(page.items) <= limit
        yield from page.items
        if page.resume is None:
            return
        assert after is None or page.resume < after
        after = page.resume
    raise AssertionError("the pages never end")


def test_what_is_added_is_had_back_whole(ports: Ports) -> None:
    full = interaction(
        1,
        text="Ünïcode \U0001f642 and \x00 too",
        product="Tent",
        rating=4.5,
        language="en-GB",
        metadata={"s": "x", "b": False, "i": -3, "f": 0.25, "n": None},
    )
    plain = interaction(2)
    assert ports.interactions.add([full, plain]) == [None, None]
    assert ports.interactions.get("acme", full.id) == full
    assert ports.interactions.get("acme", plain.id) == plain
    assert ports.interactions.get("acme", interaction(3).id) is None


def test_a_taken_id_is_left_as_it_is(ports: Ports) -> None:
    first = interaction(1)
    ports.interactions.add([first])
    ports.analyses.save({first.ref: analysis(1)})
    assert ports.interactions.add([replace(first, text="other"), interaction(2)]) == [None, None]
    assert ports.interactions.get("acme", first.id) == replace(first, analysis=analysis(1))


def test_removing_tells_whether_there_was_one(ports: Ports) -> None:
    one = interaction(1)
    ports.interactions.add([one])
    assert not ports.interactions.remove("globex", one.id)
    assert ports.interactions.remove("acme", one.id)
    assert not ports.interactions.remove("acme", one.id)
    assert ports.interactions.get("acme", one.id) is None


def test_tenants_are_apart(ports: Ports) -> None:
    ours, theirs = interaction(1), interaction(1, tenant="acme2")
    ports.interactions.add([ours, theirs])
    everything = InteractionFilter()
    assert list(pages(ports, everything, 10)) == [ours]
    assert list(pages(ports, everything, 10, "acme2")) == [theirs]
    assert list(pages(ports, InteractionFilter(channel="chat"), 10, "ac")) == []
    ports.interactions.remove("acme", ours.id)
    assert ports.interactions.get("acme2", theirs.id) == theirs


def test_every_filter_gives_what_matches_newest_first(ports: Ports) -> None:
    stored = [interaction(n) for n in range(60)]
    ports.interactions.add(stored)
    labels = {each.ref: analysis(n) for n, each in enumerate(stored) if n % 4}
    assert ports.analyses.save(labels) == []
    stored = [replace(each, analysis=labels.get(each.ref)) for each in stored]
    bounds = [(None, None), (START + timedelta(hours=2), START + timedelta(hours=8))]
    cases = product([None, "chat"], [None, "positive", "pending"], [None, "c-1"], bounds, [3, 100])
    for channel, label, customer, (start, end), limit in cases:
        where = InteractionFilter(channel, label, customer, start, end)
        expected = [
            each
            for each in reversed(stored)
            if channel in (None, each.channel)
            and label in (None, each.analysis.sentiment.label if each.analysis else "pending")
            and customer in (None, each.customer_id)
            and (start is None or start <= each.occurred_at)
            and (end is None or each.occurred_at < end)
        ]
        assert list(pages(ports, where, limit)) == expected, where


def test_a_page_of_all_there_is_has_no_next(ports: Ports) -> None:
    ports.interactions.add([interaction(n) for n in range(4)])
    assert ports.interactions.page("acme", InteractionFilter(), None, 4).resume is None
    assert ports.interactions.page("acme", InteractionFilter(), None, 3).resume is not None


def test_inserts_while_paging_neither_lose_nor_repeat(ports: Ports) -> None:
    order = random.Random(7).sample(range(80), 80)
    before, later = order[:50], iter(order[50:])
    ports.interactions.add([interaction(n) for n in before])
    seen: list[str] = []
    after = None
    while True:
        page = ports.interactions.page("acme", InteractionFilter(), after, 6)
        seen += [item.id for item in page.items]
        ports.interactions.add([interaction(n) for n in (next(later, 0), next(later, 0))])
        if page.resume is None:
            break
        after = page.resume
    assert seen == sorted(set(seen), reverse=True)
    assert {interaction(n).id for n in before} <= set(seen)


def test_states_of_a_half_open_range(ports: Ports) -> None:
    stored = [interaction(n) for n in range(12)]
    ports.interactions.add([*stored, interaction(5, tenant="globex")])
    ports.analyses.save({stored[6].ref: analysis(2)})
    stored[6] = replace(stored[6], analysis=analysis(2))
    found = list(ports.states.states("acme", stored[5].occurred_at, stored[8].occurred_at))
    expected = [state_of(each) for each in stored[5:8]]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert State(stored[6].channel, "positive", 625_000) in found


def test_only_what_waits_has_pending_text(ports: Ports) -> None:
    waits, done, gone = (interaction(n) for n in range(3))
    ports.interactions.add([waits, done])
    ports.analyses.save({done.ref: analysis(1)})
    refs = [waits.ref, done.ref, gone.ref, waits.ref]
    assert ports.analyses.pending_texts(refs) == {waits.ref: waits.text}
    assert ports.analyses.pending_texts([]) == {}


def test_more_texts_than_one_read_takes(ports: Ports) -> None:
    stored = [interaction(n) for n in range(130)]
    ports.interactions.add(stored)
    texts = ports.analyses.pending_texts([each.ref for each in stored])
    assert texts == {each.ref: each.text for each in stored}


def test_an_analysis_is_written_once_and_raises_nothing_from_the_dead(ports: Ports) -> None:
    one, gone = interaction(1), interaction(2)
    ports.interactions.add([one])
    assert ports.analyses.save({one.ref: analysis(1), gone.ref: analysis(1)}) == []
    assert ports.analyses.save({one.ref: analysis(2)}) == []
    found = ports.interactions.get("acme", one.id)
    assert found is not None
    assert found.analysis == analysis(1)
    assert ports.interactions.get("acme", gone.id) is None


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
def test_an_analysis_is_had_back_whole(ports: Ports, saved: Analysis) -> None:
    """By itself and in a list, and without what was not analysed."""
    one = interaction(1, text=TEXT)
    ports.interactions.add([one])
    assert ports.analyses.save({one.ref: saved}) == []
    expected = replace(one, analysis=saved)
    assert ports.interactions.get("acme", one.id) == expected
    assert ports.interactions.page("acme", InteractionFilter(), None, 1).items == [expected]


@pytest.mark.parametrize("backend", ["moto", "dynoxide"], indirect=True)
def test_what_was_analysed_when_there_was_only_sentiment_still_reads(
    backend: str, create_table: CreateTable
) -> None:
    table = create_table("interactions")
    store, one = DynamoDBInteractions(table), interaction(1)
    store.add([one])
    DynamoDBAnalyses(table).save({one.ref: analysis(1)})
    aws.dynamodb().update_item(
        TableName=table, Key=item_key(one.ref), UpdateExpression="REMOVE analysis"
    )
    assert store.get("acme", one.id) == replace(one, analysis=analysis(1))


def test_pending_is_what_waits_of_all_tenants(ports: Ports) -> None:
    stored = [interaction(n, tenant=("acme", "globex")[n % 2]) for n in range(10)]
    ports.interactions.add(stored)
    ports.analyses.save({stored[3].ref: analysis(1)})
    bound = stored[7].received_at
    waiting = set(ports.analyses.pending(bound))
    assert waiting == {each.ref for n, each in enumerate(stored) if n < 7 and n != 3}
    assert all(isinstance(ref, InteractionRef) for ref in waiting)
