"""boto3 clients of the local parts. They are thread-safe; creating one is not cheap, so keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from functions._runner.settings import REGION, Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

# parameter_validation: the database's shard ids are shorter than botocore insists on.
_CONFIG = Config(
    parameter_validation=False,
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 2, "mode": "standard"},
)
_SESSION = boto3.Session("local", "local", region_name=REGION)


def database(settings: Settings) -> DynamoDBClient:
    return _SESSION.client("dynamodb", endpoint_url=settings.database_url, config=_CONFIG)


def streams(settings: Settings) -> DynamoDBStreamsClient:
    return _SESSION.client("dynamodbstreams", endpoint_url=settings.database_url, config=_CONFIG)


def queues(settings: Settings) -> SQSClient:
    return _SESSION.client("sqs", endpoint_url=settings.emulator_url, config=_CONFIG)


def buckets(settings: Settings) -> S3Client:
    return _SESSION.client("s3", endpoint_url=settings.emulator_url, config=_CONFIG)


def secrets(settings: Settings) -> SecretsManagerClient:
    return _SESSION.client("secretsmanager", endpoint_url=settings.emulator_url, config=_CONFIG)
