"""How every AWS client of the platform is made, and how its failures are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from customerai.domain.errors import UnavailableError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

CONNECT_TIMEOUT_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 3.0
MAX_ATTEMPTS = 3
CONCURRENCY = 16
"""Calls that one process has under way at once; its connection pools are of this size."""


def _config(read_timeout: float) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        # "standard" retries with exponential backoff and full jitter, within a retry quota.
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        max_pool_connections=CONCURRENCY,
        tcp_keepalive=True,
        parameter_validation=False,
    )


def _client(service: Any, read_timeout: float = READ_TIMEOUT_SECONDS) -> Any:
    # boto3 costs a fifth of a second to import; botocore makes the same clients.
    from botocore.session import get_session

    return get_session().create_client(service, config=_config(read_timeout))


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return client


@cache
def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs")
    return client


@cache
def secrets() -> "SecretsManagerClient":
    client: SecretsManagerClient = _client("secretsmanager")
    return client


@cache
def sagemaker_runtime(read_timeout: float) -> "SageMakerRuntimeClient":
    client: SageMakerRuntimeClient = _client("sagemaker-runtime", read_timeout)
    return client


@contextmanager
def reporting(part: str) -> Iterator[None]:
    """Tell what a client raises in the domain's terms, once its own retries are spent."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise UnavailableError(part) from error
