"""What adapters make of a cloud that throttles, breaks, hangs, refuses or does half the work."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pynamodb.exceptions import PynamoDBException

from customerai.adapters.aws.errors import ServiceError
from customerai.adapters.dynamodb.analyses import DynamoDBAnalyses
from customerai.adapters.dynamodb.backlog import DynamoDBBacklog
from customerai.adapters.dynamodb.idempotency import DynamoDBIdempotencyKeys
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.dynamodb.shard_schedules import DynamoDBShardSchedules
from customerai.adapters.dynamodb.taxonomies import DynamoDBTaxonomies
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.adapters.sagemaker.text_analyser import SageMakerTextAnalyser
from customerai.adapters.secrets import read_secret
from customerai.adapters.sqs.analysis_queue import SQSAnalysisQueue
from customerai.domain.analysis import Analysis, AnalysisOptions, Tier
from customerai.domain.errors import ModelRejectedError, UnavailableError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.rollup import AggregateKey
from customerai.domain.sentiment import Scores, Sentiment, SentimentLabel
from customerai.domain.shards import SINGLE, Raise, Schedule
from customerai.domain.taxonomy import Taxonomy, Topic
from customerai.domain.windows import Interval
from customerai.ports import InteractionFilter, SequencedChange
from tests.integration.failures.conftest import Answer, Cloud

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ANALYSIS = Analysis(Sentiment(SentimentLabel.NEUTRAL, Scores(0, 1, 0), "m"), Tier.FULL)
PLAIN = AnalysisOptions()
TAXONOMY = Taxonomy.of([Topic("poles", "Poles", ("A pole arrived bent.",))])
EVERYTHING = InteractionFilter()
THROTTLED = (400, "ProvisionedThroughputExceededException")
BROKEN = (500, "InternalServerError")
DENIED = (400, "AccessDeniedException")
SHARDS = MemoryShardSchedules()


def interaction(number: int = 0) -> Interaction:
    made = make_id(NOW, number.to_bytes(10))
    return Interaction("acme", made, NOW, NOW, "c", Channel.CHAT, "text")


REF = interaction().ref
CHANGES = {
    AggregateKey("acme", Interval.DAY, "2026-11-23"): [SequencedChange("1", {"n_chat_x": 1})]
}


async def first(outcomes: Awaitable[Sequence[object]]) -> object:
    """Of calls that have an outcome for each of many."""
    (outcome,) = await outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def calls() -> dict[str, Callable[[], Awaitable[Any]]]:
    """Every call that may fail, on tables that no other test knows."""
    table = uuid4().hex
    store, analyses = DynamoDBInteractions(table, SHARDS), DynamoDBAnalyses(table, SHARDS)
    keys, rollups = DynamoDBIdempotencyKeys(uuid4().hex), DynamoDBRollups(table, SHARDS)
    backlog, shards = DynamoDBBacklog(table), DynamoDBShardSchedules(table)
    taxonomies = DynamoDBTaxonomies(table)
    queue = SQSAnalysisQueue("http://127.0.0.1/queue")
    return {
        "get": lambda: store.get("acme", REF.id),
        "get_many": lambda: store.get_many("acme", [REF.id]),
        "remove": lambda: first(store.remove("acme", [REF.id])),
        "add": lambda: first(store.add([interaction()])),
        "page": lambda: store.page("acme", EVERYTHING, None, 10),
        "states": lambda: anext(store.states("acme", NOW, NOW.replace(hour=1))),
        "claim": lambda: keys.claim("acme", "k", "f", NOW),
        "bury": lambda: first(keys.bury("acme", [REF.id], NOW)),
        "buried": lambda: keys.buried("acme", [REF.id]),
        "pending_texts": lambda: analyses.pending_texts([REF]),
        "pending": lambda: anext(backlog.pending(NOW)),
        "apply": lambda: rollups.apply("shard", CHANGES),
        "read": lambda: anext(rollups.read("acme", Interval.DAY, NOW, NOW.replace(day=24))),
        "send": lambda: queue.send([REF]),
        "is_empty": lambda: queue.is_empty(),
        "taxonomy": lambda: taxonomies.get("acme"),
        "replace": lambda: taxonomies.replace("acme", TAXONOMY, None),
        "shards": lambda: shards.of("acme"),
        "raise": lambda: shards.replace("acme", Schedule((Raise(NOW, 2),)), SINGLE),
        "secret": lambda: read_secret("arn:aws:secretsmanager:us-east-1:123456789012:secret:s"),
    }


NAMES = list(calls())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("failure", [THROTTLED, BROKEN], ids=["throttled", "broken"])
async def test_what_may_pass_is_unavailable_after_three_tries(
    cloud: Cloud, name: str, failure: tuple[int, str]
) -> None:
    cloud.always(*failure)
    with pytest.raises(UnavailableError):
        await calls()[name]()
    assert len(cloud.requests) == 3


@pytest.mark.parametrize("name", NAMES)
async def test_what_will_not_pass_is_not_tried_again(cloud: Cloud, name: str) -> None:
    cloud.always(*DENIED)
    with pytest.raises((ServiceError, PynamoDBException)):
        await calls()[name]()
    assert len(cloud.requests) == 1


@pytest.mark.parametrize(
    ("failure", "outcome"), [(THROTTLED, UnavailableError), (DENIED, PynamoDBException)]
)
async def test_an_interaction_that_was_not_stored_is_not_told_to_be(
    cloud: Cloud, failure: tuple[int, str], outcome: type[Exception]
) -> None:
    cloud.always(*failure)
    store = DynamoDBInteractions(uuid4().hex, SHARDS)
    outcomes = await store.add([interaction(n) for n in range(3)])
    assert [type(each) for each in outcomes if isinstance(each, outcome)] == [type(outcomes[0])] * 3


async def test_an_analysis_that_was_not_saved_is_told(cloud: Cloud) -> None:
    cloud.always(*THROTTLED)
    analyses = DynamoDBAnalyses(uuid4().hex, SHARDS)
    refs = [interaction(n).ref for n in range(3)]
    assert await analyses.save(dict.fromkeys(refs, ANALYSIS)) == refs


async def test_nobody_waits_for_a_store_that_hangs(cloud: Cloud) -> None:
    cloud.always(200, delay_seconds=20)
    store = DynamoDBInteractions(uuid4().hex, SHARDS)
    with pytest.raises(UnavailableError):
        await store.get("acme", REF.id)
    assert len(cloud.requests) == 3


def keys_in(request: Any) -> tuple[str, list[Any]]:
    ((table, wanted),) = request["RequestItems"].items()
    return table, wanted["Keys"]


async def test_what_a_batched_read_left_out_is_read_next(cloud: Cloud) -> None:
    def half(request: Any) -> Answer:
        table, keys = keys_in(request)
        middle = (len(keys) + 1) // 2
        items = [key | {"text": {"S": "t"}, "pending": {"S": "p"}} for key in keys[:middle]]
        left = {table: {"Keys": keys[middle:]}} if keys[middle:] else {}
        return Answer(200, {"Responses": {table: items}, "UnprocessedKeys": left})

    cloud.answer = half
    refs = [interaction(n).ref for n in range(130)]
    assert set(await DynamoDBAnalyses(uuid4().hex, SHARDS).pending_texts(refs)) == set(refs)


async def test_a_batched_read_that_never_gets_on_is_given_up(cloud: Cloud) -> None:
    def nothing(request: Any) -> Answer:
        table, keys = keys_in(request)
        return Answer(200, {"Responses": {}, "UnprocessedKeys": {table: {"Keys": keys}}})

    cloud.answer = nothing
    with pytest.raises(UnavailableError):
        await DynamoDBAnalyses(uuid4().hex, SHARDS).pending_texts([REF])


async def test_a_message_that_the_queue_did_not_take_is_told(cloud: Cloud) -> None:
    cloud.answer = lambda _: Answer(
        200, {"Successful": [], "Failed": [{"Id": "0", "Code": "Busy", "SenderFault": False}]}
    )
    with pytest.raises(UnavailableError):
        await SQSAnalysisQueue("http://127.0.0.1/queue").send([REF])


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, ModelRejectedError),
        (413, ModelRejectedError),
        (408, UnavailableError),
        (429, UnavailableError),
        (500, UnavailableError),
        (501, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_a_container_that_refuses_is_told_from_one_that_fails(
    cloud: Cloud, status: int, outcome: type[Exception]
) -> None:
    told = f"Received {status} from the container. See logs in account 123456789012"
    cloud.answer = lambda _: Answer(
        424,
        {"Message": told, "OriginalStatusCode": status, "OriginalMessage": "texts: too long"},
        {"x-amzn-errortype": "ModelError"},
    )
    with pytest.raises(outcome) as failure:
        await SageMakerTextAnalyser("endpoint", 5).analyse(["text"], PLAIN, 5)
    assert "123456789012" not in str(failure.value)
    assert len(cloud.requests) == 1


async def test_a_model_that_is_slow_is_asked_once(cloud: Cloud) -> None:
    cloud.always(200, delay_seconds=5)
    with pytest.raises(UnavailableError):
        await SageMakerTextAnalyser("endpoint", 0.2).analyse(["text"], PLAIN, 5)
    assert len(cloud.requests) == 1


async def test_every_character_travels_as_itself(cloud: Cloud) -> None:
    cloud.always(403)
    with pytest.raises(ServiceError):
        await SageMakerTextAnalyser("endpoint", 5).analyse(["\U0001f642" * 10], PLAIN, 5)
    assert cloud.requests == [{"texts": ["\U0001f642" * 10]}]
