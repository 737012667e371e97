"""Every file in events/ through its function: the real handler, moto, and the real model."""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from customerai.adapters import aws
from customerai.adapters.aws.client import ServiceClient
from customerai.adapters.aws.errors import ServiceError
from customerai.adapters.dynamodb.interactions import DynamoDBInteractions
from customerai.adapters.dynamodb.rollups import DynamoDBRollups
from customerai.adapters.dynamodb.rows import key_of
from customerai.adapters.memory.shard_schedules import MemoryShardSchedules
from customerai.adapters.memory.text_analyser import LexiconTextAnalyser
from customerai.adapters.redis import CachePools
from customerai.adapters.s3.dead_records import client as s3
from customerai.domain.analysis import Feature, Tier
from customerai.domain.default_taxonomy import DEFAULT_TAXONOMY
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.interaction_view import InteractionView
from customerai.domain.rollup import WindowCounters
from customerai.domain.shards import SINGLE
from customerai.domain.windows import Interval
from customerai.event_loop import run
from functions._runner import tokens
from functions._runner.assembly import Assembly
from functions._runner.resources import table_request
from functions._runner.settings import CHECKOUT
from tests.conftest import ROOT, LambdaContext
from tests.infra.templates import Template
from tests.integration.conftest import free_port
from tests.integration.redis.servers import Server

EVENTS = ROOT / "events"
FILES = sorted(path.relative_to(EVENTS).as_posix() for path in EVENTS.glob("*/*.json"))
STORED = "01M7W4N5E0924WVJVAVMCY5BXV"
"""The id that the events speak of."""

Invoke = Callable[[str], Any]


def load(name: str) -> Any:
    return json.loads((EVENTS / name).read_text())


def forget_handlers() -> None:
    """A handler reads its environment when it is imported; each test has its own."""
    for function in EVENTS.iterdir():
        handler = sys.modules.pop(f"functions.{function.name}.handler", None)
        pools: CachePools | None = getattr(handler, "pools", None)
        if pools is not None:
            run(pools.aclose())


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("cache")) as server:
        yield server


@pytest.fixture
def world(
    moto: None,
    model: None,
    cache: Server,
    assembly: Assembly,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[str], ModuleType]]:
    """The local stage's tables, queues and secrets in moto, and its functions' handlers."""
    for kind in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        for table in assembly.resources(kind):
            request = {"TableName": table.name, **table_request(table.properties)}
            run(aws.dynamodb().call("CreateTable", request))
    urls = {
        queue.name: run(aws.sqs().call("CreateQueue", {"QueueName": queue.name}))["QueueUrl"]
        for queue in assembly.resources("AWS::SQS::Queue")
    }
    for bucket in assembly.resources("AWS::S3::Bucket"):
        s3().create_bucket(Bucket=bucket.name)
    for secret in assembly.resources("AWS::SecretsManager::Secret"):
        boto3.client("secretsmanager").create_secret(Name=secret.name, SecretString="secret")
    environments = {
        function.properties["Handler"].split(".")[1]: function.properties["Environment"][
            "Variables"
        ]
        for function in assembly.resources("AWS::Lambda::Function")
        if function.properties["Handler"].startswith("functions.")
    }
    keys = tmp_path / "jwks.json"
    tokens.signing_key(keys)  # the developer's own may not be there yet
    forget_handlers()
    cache.admin.flushall()
    caches = {"CACHE_URL": cache.url, "CACHE_READER_URL": cache.url, "CACHE_IAM_NAME": ""}

    def compose(function: str) -> ModuleType:
        for name, value in (environments[function] | caches).items():
            queue = value.rpartition("/")[2]
            monkeypatch.setenv(name, urls.get(queue, value))
        monkeypatch.setenv("JWKS_URL", keys.as_uri())
        return importlib.import_module(f"functions.{function}.handler")

    yield compose
    forget_handlers()


@pytest.fixture
def invoke(world: Callable[[str], ModuleType]) -> Invoke:
    def invoke(name: str) -> Any:
        return world(name.partition("/")[0]).handler(load(name), LambdaContext())

    return invoke


def store_the_interaction() -> None:
    interactions = DynamoDBInteractions("customerai-local-interactions", MemoryShardSchedules())
    at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    text = "The tent kept us dry all week, but one pole arrived bent."
    one = Interaction("demo", STORED, at, at, "cust-1042", Channel.REVIEW, text)
    assert run(interactions.add([one])) == [None]


def as_read() -> InteractionView:
    store = DynamoDBInteractions("customerai-local-interactions", MemoryShardSchedules())
    found = run(store.get("demo", STORED))
    assert found is not None
    return found


def stored_features() -> set[str]:
    """Those that the stored interaction was analysed for, found or not."""
    request = {"TableName": "customerai-local-interactions", "Key": key_of("demo", STORED, SINGLE)}
    item = run(aws.dynamodb().call("GetItem", request))["Item"]
    return set(json.loads(item["analysis"]["S"])) & set(Feature)


def windows() -> list[WindowCounters]:
    """Of the day that the events speak of."""
    day = datetime(2026, 11, 20, tzinfo=UTC)
    rollups = DynamoDBRollups("customerai-local-rollups", MemoryShardSchedules())

    async def read() -> list[WindowCounters]:
        found = rollups.read("demo", Interval.DAY, day, day.replace(day=21))
        return [window async for window in found]

    return run(read())


STATUSES = {
    "interactions_api/create.json": 201,
    "interactions_api/create_batch.json": 207,
    "interactions_api/delete.json": 204,
    "interactions_api/delete_batch.json": 207,
    "interactions_api/docs.json": 200,
    "interactions_api/get.json": 200,
    "interactions_api/get_batch.json": 207,
    "interactions_api/health.json": 200,
    "interactions_api/list.json": 200,
    "interactions_api/openapi.json": 200,
    "sentiment_api/analyse.json": 200,
    "sentiment_api/analyse_batch.json": 200,
    "sentiment_api/analyse_everything.json": 200,
    "sentiment_api/get_taxonomy.json": 200,
    "sentiment_api/put_taxonomy.json": 200,
    "analytics_api/summary.json": 200,
    "analytics_api/timeseries.json": 200,
}
OTHERS = {
    "authorizer/request.json": {"isAuthorized": False},
    "analysis_queue/messages.json": {"batchItemFailures": []},
    "analysis_queue/unreadable.json": {
        "batchItemFailures": [{"itemIdentifier": "0f8b5a3e-7c1d-4e2f-9a6b-000000000003"}]
    },
    "maintenance/schedule.json": {"swept": 1},
    "rollup_stream/stored.json": {"batchItemFailures": [], "state": {}},
    "rollup_stream/analysed.json": {"batchItemFailures": [], "state": {}},
    "rollup_stream/deleted.json": {"batchItemFailures": [], "state": {}},
    "rollup_stream/expired.json": {"batchItemFailures": [], "state": {}},
    "rollup_stream/poison.json": {"batchItemFailures": [], "state": {}},
}


def test_every_file_has_an_expectation() -> None:
    assert sorted([*STATUSES, *OTHERS]) == FILES


CALL_NOTHING = {
    "authorizer/request.json",
    "interactions_api/docs.json",
    "interactions_api/openapi.json",
    "rollup_stream/expired.json",
}


class Calls:
    """The IAM actions of the AWS calls made so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actions: set[str] = set()
        clients: Any = BaseClient
        call, send = clients._make_api_call, ServiceClient.send

        def calling(client: BaseClient, operation: str, parameters: Any) -> Any:
            self._record(client.meta.service_model.service_name, operation)
            return call(client, operation, parameters)

        async def sending(client: ServiceClient, path: str, body: bytes, headers: Any) -> Any:
            target = headers().get("x-amz-target", ".InvokeEndpoint")
            self._record(client.name, target.partition(".")[2])
            return await send(client, path, body, headers)

        monkeypatch.setattr(BaseClient, "_make_api_call", calling)
        monkeypatch.setattr(ServiceClient, "send", sending)

    def _record(self, service: str, operation: str) -> None:
        self.actions.add(f"{service}:{operation.removesuffix('Batch')}")


def granted(function: str) -> set[str]:
    path = CHECKOUT / "cdk.out.local" / "customerai-local-service.template.json"
    template = Template(path, json.loads(path.read_text()))
    return {action for action, _ in template.statements(function)}


@pytest.mark.parametrize("name", FILES)
def test_an_event_is_answered_with_what_its_function_may_do(
    name: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_the_interaction()
    calls = Calls(monkeypatch)
    answer = invoke(name)
    if name in STATUSES:
        assert answer["statusCode"] == STATUSES[name], answer
    else:
        assert answer == OTHERS[name]
    assert calls.actions <= granted(name.partition("/")[0])
    assert bool(calls.actions) == (name not in CALL_NOTHING)


def test_a_good_token_is_told_who_it_is(world: Callable[[str], ModuleType], tmp_path: Path) -> None:
    authorizer = world("authorizer")
    settings = authorizer.settings
    issuer = tokens.Issuer(
        settings.token_issuer,
        settings.token_audience,
        settings.tenant_claim,
        tmp_path / "jwks.json",
    )
    token = tokens.issue(issuer, "acme", ["analytics:read"], 600)
    event = load("authorizer/request.json")
    event["headers"]["authorization"] = f"Bearer {token}"
    answer = authorizer.handler(event, LambdaContext())
    expires_at = int(answer["context"].pop("expires_at"))
    assert answer == {
        "isAuthorized": True,
        "context": {"tenant": "acme", "subject": "acme-developer", "scopes": "analytics:read"},
    }
    assert 0 < expires_at - time.time() <= 600


def test_from_the_stream_to_the_analysis(
    world: Callable[[str], ModuleType], invoke: Invoke
) -> None:
    """Stored, counted, sent, analysed; each step delivered twice."""
    store_the_interaction()
    for _ in range(2):
        invoke("rollup_stream/stored.json")

    def counted() -> dict[str, int]:
        (window,) = windows()
        return {name: n for name, n in window.counters.items() if n}

    assert counted() == {"n_review_pending": 1}
    queue = run(aws.sqs().call("GetQueueUrl", {"QueueName": "customerai-local-analysis"}))
    request = {"QueueUrl": queue["QueueUrl"], "MaxNumberOfMessages": 10}
    messages = run(aws.sqs().call("ReceiveMessage", request))["Messages"]
    sent = json.loads(load("analysis_queue/messages.json")["Records"][0]["body"])
    assert {message["Body"] for message in messages} == {json.dumps(sent)}
    for _ in range(2):
        invoke("analysis_queue/messages.json")
    stored = as_read()
    assert stored_features() == set(Feature)
    assert stored.sentiment
    assert stored.sentiment.tier == Tier.FULL
    assert stored.analysis
    assert stored.analysis.taxonomy == DEFAULT_TAXONOMY.version
    for _ in range(2):
        invoke("rollup_stream/analysed.json")
    assert counted() == {"n_review_neutral": 1, "s_review": 81_400}
    invoke("rollup_stream/expired.json")
    assert counted() == {"n_review_neutral": 1, "s_review": 81_400}


def test_a_taxonomy_that_is_put_sorts_what_is_analysed_next(
    world: Callable[[str], ModuleType], invoke: Invoke
) -> None:
    """Put through the API, read by the queue's consumer and by the API itself."""
    store_the_interaction()
    own = invoke("sentiment_api/put_taxonomy.json")["headers"]["etag"].strip('"')
    assert invoke("sentiment_api/get_taxonomy.json")["headers"]["etag"].strip('"') == own
    answer = json.loads(invoke("sentiment_api/analyse_everything.json")["body"])
    assert answer["taxonomy"] == own
    assert "tent-poles" in {topic["id"] for topic in answer["topics"]}
    invoke("analysis_queue/messages.json")
    stored = as_read()
    assert stored.analysis
    assert stored.analysis.taxonomy == own


def test_while_the_endpoint_is_down_texts_are_answered_and_interactions_wait(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real static tier; what is stored gets nothing less than the whole analysis."""
    store_the_interaction()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{free_port()}")
    answer = invoke("sentiment_api/analyse_everything.json")
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert body["tier"] == "static"
    assert body["omitted"]["reason"] == "model_unavailable"
    failures = invoke("analysis_queue/messages.json")["batchItemFailures"]
    sent = load("analysis_queue/messages.json")["Records"][0]["messageId"]
    assert failures == [{"itemIdentifier": sent}]
    assert as_read().analysis is None


def test_while_the_store_is_down_every_message_is_named(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is each that can't be read: none of them is taken for done."""
    store_the_interaction()
    there = os.environ["AWS_ENDPOINT_URL"]
    aws.forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
    for name in ("messages", "unreadable"):
        event = load(f"analysis_queue/{name}.json")
        sent = {record["messageId"] for record in event["Records"]}
        failures = invoke(f"analysis_queue/{name}.json")["batchItemFailures"]
        assert {each["itemIdentifier"] for each in failures} == sent
    aws.forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", there)
    assert as_read().analysis is None
    assert invoke("analysis_queue/messages.json") == {"batchItemFailures": []}
    assert as_read().analysis is not None


@pytest.mark.parametrize("name", ["analyse", "analyse_batch", "analyse_everything"])
def test_an_endpoint_that_hangs_keeps_nobody_waiting(
    name: str, invoke: Invoke, hung_model: None
) -> None:
    """By a bound that only a budget of seconds keeps, however slow the machine."""
    started = time.monotonic()
    answer = invoke(f"sentiment_api/{name}.json")
    assert time.monotonic() - started < 15
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert {each["tier"] for each in body.get("results", [body])} == {"static"}


def test_what_no_model_finds_is_stored_without_and_told_once(
    world: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store_the_interaction()
    handler = world("analysis_queue")
    serves = frozenset({Feature.ASPECTS})
    monkeypatch.setattr(handler, "analyser", LexiconTextAnalyser(serves=serves))
    event = load("analysis_queue/messages.json")
    assert handler.handler(event, LambdaContext()) == {"batchItemFailures": []}
    assert stored_features() == serves
    (warning,) = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (warning["features"], warning["interactions"]) == (sorted(set(Feature) - serves), 1)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["IncompleteAnalyses"] for each in told if "IncompleteAnalyses" in each] == [[1.0]]


def test_a_deleted_interaction_is_forgotten(invoke: Invoke) -> None:
    for step in ("stored", "analysed", "deleted", "deleted"):
        invoke(f"rollup_stream/{step}.json")
    assert [n for window in windows() for n in window.counters.values() if n] == []


def test_a_poison_record_is_put_aside_and_what_follows_is_counted(
    world: Callable[[str], ModuleType],
) -> None:
    event = load("rollup_stream/poison.json")
    good, poison = event["Records"]
    event["Records"] = [poison, good]
    handler = world("rollup_stream")
    for _ in range(2):
        handler.handler(event, LambdaContext())
    (window,) = windows()
    assert window.counters == {"n_review_pending": 1}
    bucket = handler.settings.dead_records_bucket
    (kept,) = s3().list_objects_v2(Bucket=bucket)["Contents"]
    sequence = poison["dynamodb"]["SequenceNumber"].zfill(40)
    assert kept["Key"] == f"rollup_stream/{event['shardId']}/{sequence}.json"
    body = s3().get_object(Bucket=bucket, Key=kept["Key"])["Body"].read()
    assert json.loads(body) == poison


def test_a_batch_that_can_not_be_counted_comes_again_whole(
    world: Callable[[str], ModuleType],
) -> None:
    handler = world("rollup_stream")
    run(aws.dynamodb().call("DeleteTable", {"TableName": "customerai-local-rollups"}))
    with pytest.raises(ServiceError):
        handler.handler(load("rollup_stream/stored.json"), LambdaContext())
