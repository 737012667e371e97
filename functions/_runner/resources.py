"""Makes the templates' tables, queues, buckets and secrets exist in the local parts."""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions._runner import clients
from functions._runner.assembly import Assembly, Resource
from functions._runner.settings import CHECKPOINTS_TABLE, Settings, StartError

_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)
_QUEUE_PROPERTIES = (
    "DelaySeconds",
    "FifoQueue",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)


def create_tables(assembly: Assembly, settings: Settings) -> None:
    """Every table, with its indexes, stream and time to live, and the runner's own.

    Raises StartError where a table of an earlier run has another shape.
    """
    database = clients.database(settings)
    existing = set(database.list_tables()["TableNames"])
    wanted = {
        table.name: table.properties
        for table in assembly.resources("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
    }
    wanted[CHECKPOINTS_TABLE] = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    for name, properties in wanted.items():
        request = table_request(properties)
        if name in existing:
            _require_shape(name, request, database.describe_table(TableName=name)["Table"])
            continue
        database.create_table(TableName=name, **request)
        time_to_live = properties.get("TimeToLiveSpecification")
        if time_to_live is not None:
            database.update_time_to_live(TableName=name, TimeToLiveSpecification=time_to_live)


def table_request(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A table's CloudFormation properties as the CreateTable request."""
    request = {key: properties[key] for key in _TABLE_PROPERTIES if key in properties}
    if "ProvisionedThroughput" not in request:
        request["BillingMode"] = "PAY_PER_REQUEST"
    stream = properties.get("StreamSpecification")
    if stream is not None:
        request["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": stream["StreamViewType"],
        }
    return request


def _require_shape(name: str, request: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    if _shape(request) != _shape(table):
        raise StartError(
            f"Table {name} was made with other keys, indexes or stream than the templates have "
            "now: delete the database (dynoxide.db* in the state folder) to begin afresh."
        )


def _shape(table: Mapping[str, Any]) -> Any:
    """What of a table cannot be changed in place here."""

    def keys(schema: list[Mapping[str, str]]) -> dict[str, str]:
        return {key["AttributeName"]: key["KeyType"] for key in schema}

    indexes = table.get("GlobalSecondaryIndexes", []) + table.get("LocalSecondaryIndexes", [])
    return (
        keys(table["KeySchema"]),
        {
            index["IndexName"]: (
                keys(index["KeySchema"]),
                index["Projection"]["ProjectionType"],
                frozenset(index["Projection"].get("NonKeyAttributes", ())),
            )
            for index in indexes
        },
        table.get("StreamSpecification", {}).get("StreamViewType"),
    )


def create_emulated(assembly: Assembly, settings: Settings) -> None:
    """Queues, buckets and secrets; what an earlier run left is buckets that hold something."""
    queues = clients.queues(settings)
    # Dead-letter queues first: a redrive policy names a queue that has to exist.
    for queue in sorted(
        assembly.resources("AWS::SQS::Queue"), key=lambda queue: "RedrivePolicy" in queue.properties
    ):
        queues.create_queue(QueueName=queue.name, Attributes=_queue_attributes(queue))
    buckets = clients.buckets(settings)
    kept = {bucket["Name"] for bucket in buckets.list_buckets()["Buckets"]}
    for bucket in assembly.resources("AWS::S3::Bucket"):
        if bucket.name not in kept:
            buckets.create_bucket(Bucket=bucket.name)
    store = clients.secrets(settings)
    existing = {secret["Name"] for secret in store.list_secrets()["SecretList"]}
    for name, value in _secret_values(assembly, settings.state / "secrets.json").items():
        if name not in existing:
            store.create_secret(Name=name, SecretString=value)


def _queue_attributes(queue: Resource) -> Any:
    attributes = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in queue.properties.items()
        if key in _QUEUE_PROPERTIES
    }
    if "RedrivePolicy" in queue.properties:
        attributes["RedrivePolicy"] = json.dumps(queue.properties["RedrivePolicy"])
    return attributes


def _secret_values(assembly: Assembly, kept: Path) -> Mapping[str, str]:
    """The secrets by name; what is generated is kept, so that it outlives the emulator."""
    values: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    missing = {
        secret.name: _secret_value(secret.properties)
        for secret in assembly.resources("AWS::SecretsManager::Secret")
        if secret.name not in values
    }
    if missing:
        values |= missing
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(values))
        draft.replace(kept)
    return values


def _secret_value(properties: Mapping[str, Any]) -> str:
    if "SecretString" in properties:
        return str(properties["SecretString"])
    generate = properties.get("GenerateSecretString", {})
    alphabet = string.ascii_letters + string.digits
    password = "".join(
        secrets.choice(alphabet) for _ in range(int(generate.get("PasswordLength", 32)))
    )
    if "GenerateStringKey" not in generate:
        return password
    document = json.loads(generate.get("SecretStringTemplate", "{}"))
    return json.dumps(document | {generate["GenerateStringKey"]: password})
