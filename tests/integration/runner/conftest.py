"""Functions in miniature with their templates, and the real database and emulator for them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from functions._runner import parts
from functions._runner.application import Application, read_application
from functions._runner.assembly import STACKS, Assembly, load_assembly
from functions._runner.lifeline import die_with
from functions._runner.resources import create_emulated, create_tables
from functions._runner.settings import Settings
from functions._runner.supervisor import Part

HANDLER = """
import json, os, signal, time
from pathlib import Path

notes = Path(os.environ["NOTES"])

def note(value):
    with notes.open("a") as file:
        file.write(json.dumps(value) + "\\n")

def http(event, context):
    path = event["rawPath"]
    if path.endswith("/raise"):
        raise ValueError("as asked")
    if path.endswith("/exit"):
        os.kill(os.getpid(), signal.SIGKILL)
    if path.endswith("/sleep"):
        time.sleep(60)
    if path.endswith("/malformed"):
        return {"statusCode": "none"}
    if path.endswith("/answer"):
        return event["answer"]
    seen = {
        "event": event,
        "process": os.getpid(),
        "request_id": context.aws_request_id,
        "function": context.function_name,
        "remaining": context.get_remaining_time_in_millis(),
        "environment": dict(os.environ),
    }
    return {"statusCode": 200, "cookies": ["a=1", "b=2"], "body": json.dumps(seen)}

def guard(event, context):
    token = event["identitySource"][0]
    note(token)
    return {"isAuthorized": token.startswith("Bearer good"), "context": {"tenant": token[-1]}}

def stream(event, context):
    records = event["Records"]
    note([record["dynamodb"]["Keys"]["pk"]["S"] for record in records])
    names = {record["dynamodb"]["Keys"]["pk"]["S"] for record in records}
    if "die" in names and not notes.with_suffix(".died").exists():
        notes.with_suffix(".died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "poison" in names:
        raise ValueError("poison")
    return {"batchItemFailures": [], "state": {"seen": len(records)}}

def queue(event, context):
    bodies = {record["messageId"]: record["body"] for record in event["Records"]}
    note(sorted(bodies.values()))
    bad = [id for id, body in bodies.items() if body.startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in bad]}

def sweep(event, context):
    note(event["detail-type"])

def keeper(event, context):
    import botocore.session
    buckets = botocore.session.get_session().create_client("s3")
    body = json.dumps(event).encode()
    buckets.put_object(Bucket=os.environ["DEAD_RECORDS_BUCKET"], Key=event["name"], Body=body)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _function(name: str, attribute: str, notes: Path, timeout: int = 5) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": f"tiny-{name}",
            "Handler": f"{name}.code.{attribute}",
            "Timeout": timeout,
            "Environment": {
                "Variables": {"NOTES": str(notes / name), "DEAD_RECORDS_BUCKET": "tiny-lost"}
            },
        },
    }


def _route(key: str, function: str, *, guarded: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "RouteKey": key,
        "Target": f"integrations/service-{function}Integration",
    }
    if guarded:
        properties |= {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Authorizer"}}
    return {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}


def _integration(function: str, milliseconds: int) -> dict[str, Any]:
    properties = {
        "IntegrationUri": {"Fn::GetAtt": [function, "Arn"]},
        "TimeoutInMillis": milliseconds,
    }
    return {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties}


def data_template() -> dict[str, Any]:
    pk = {"AttributeName": "pk", "AttributeType": "S"}
    return {
        "Resources": {
            "Things": {
                "Type": "AWS::DynamoDB::GlobalTable",
                "Properties": {
                    "TableName": "tiny-things",
                    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                    "AttributeDefinitions": [pk, {"AttributeName": "kind", "AttributeType": "S"}],
                    "GlobalSecondaryIndexes": [
                        {
                            "IndexName": "by_kind",
                            "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                            "Projection": {
                                "ProjectionType": "INCLUDE",
                                "NonKeyAttributes": ["size"],
                            },
                        }
                    ],
                    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
                    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
                    "BillingMode": "PAY_PER_REQUEST",
                    "Replicas": [{"Region": "us-east-1"}],
                },
            },
            "Work": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "QueueName": "tiny-work",
                    "VisibilityTimeout": 30,
                    "RedrivePolicy": {
                        "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                        "maxReceiveCount": 2,
                    },
                },
            },
            "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "tiny-dead"}},
            "Lost": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "tiny-lost"}},
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {
                    "Name": "tiny-secret",
                    "GenerateSecretString": {"PasswordLength": 40},
                },
            },
        }
    }


def service_template(notes: Path) -> dict[str, Any]:
    table = "arn:aws:dynamodb:us-east-1:000000000000:table/tiny-things/stream/latest"
    return {
        "Resources": {
            "Http": _function("http_api", "http", notes, timeout=1),
            "Slow": _function("slow_api", "http", notes, timeout=60),
            "Guard": _function("guard", "guard", notes),
            "Stream": _function("stream_reader", "stream", notes),
            "Queue": _function("queue_reader", "queue", notes),
            "Sweep": _function("sweep", "sweep", notes),
            "Keeper": _function("keeper", "keeper", notes),
            "Broken": _function("broken", "missing", notes),
            "HttpIntegration": _integration("Http", 30_000),
            "SlowIntegration": _integration("Slow", 300),
            "BrokenIntegration": _integration("Broken", 30_000),
            "Authorizer": {
                "Type": "AWS::ApiGatewayV2::Authorizer",
                "Properties": {
                    "AuthorizerUri": {"Fn::GetAtt": ["Guard", "Arn"]},
                    "IdentitySource": ["$request.header.Authorization"],
                    "AuthorizerResultTtlInSeconds": 60,
                },
            },
            "Open": _route("ANY /open/{proxy+}", "Http"),
            "Guarded": _route("GET /guarded", "Http", guarded=True),
            "SlowRoute": _route("GET /slow/{proxy+}", "Slow"),
            "BrokenRoute": _route("GET /broken", "Broken"),
            "StreamMapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": {"Ref": "Stream"},
                    "EventSourceArn": table,
                    "BatchSize": 10,
                    "BisectBatchOnFunctionError": True,
                    "MaximumRetryAttempts": 1,
                    "TumblingWindowInSeconds": 1,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::tiny-lost"}},
                },
            },
            "QueueMapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": {"Ref": "Queue"},
                    "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:tiny-work",
                    "BatchSize": 25,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            },
            "Schedule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "ScheduleExpression": "rate(1 minute)",
                    "Targets": [{"Arn": {"Fn::GetAtt": ["Sweep", "Arn"]}, "Id": "Target0"}],
                },
            },
        }
    }


class Notes:
    """What the functions wrote down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, function: str) -> list[Any]:
        path = self._folder / function
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Functions and templates in a folder of their own, on ports that nothing listens on."""
    code, assembly, notes = (tmp_path / name for name in ("code", "assembly", "notes"))
    for folder in (code, assembly, notes):
        folder.mkdir()
    for function in (
        *("http_api", "slow_api", "guard", "stream_reader", "queue_reader", "sweep", "keeper"),
        "broken",
    ):
        (code / function).mkdir()
        (code / function / "code.py").write_text(HANDLER)
    for stack, template in zip(STACKS, (data_template(), service_template(notes)), strict=True):
        renamed = json.dumps(template).replace(
            "integrations/service-", f"integrations/{STACKS[1]}-"
        )
        (assembly / f"{stack}.template.json").write_text(renamed)
    return Settings(
        state=tmp_path / "state",
        assembly=assembly,
        code=code,
        port=free_port(),
        database_port=free_port(),
        emulator_port=free_port(),
        model_port=free_port(),
        cache_port=free_port(),
    )


@pytest.fixture
def notes(settings: Settings) -> Notes:
    return Notes(settings.code.parent / "notes")


@pytest.fixture
def assembly(settings: Settings) -> Assembly:
    return load_assembly(settings)


@pytest.fixture
def application(assembly: Assembly) -> Application:
    return read_application(assembly)


@contextlib.contextmanager
def running(part: Part, *, limit: float = 20.0) -> Iterator[None]:
    """One part, until the end of the block."""
    tests = os.getpid()
    with subprocess.Popen(
        part.command,
        env=part.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with(tests),
    ) as process:
        try:
            wait_for(part.ready, limit)
            yield
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool], limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def database(assembly: Assembly, settings: Settings) -> Iterator[Settings]:
    """The settings of a running database that has the tables."""
    settings.state.mkdir(exist_ok=True)
    with running(parts.database(assembly, settings)):
        create_tables(assembly, settings)
        yield settings


@pytest.fixture
def emulator(assembly: Assembly, settings: Settings) -> Iterator[Settings]:
    """The settings of a running emulator that has queues, buckets and secrets."""
    with running(parts.emulator(assembly, settings)):
        create_emulated(assembly, settings)
        yield settings
