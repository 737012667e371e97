"""How every AWS client of the platform is made, and how its failures are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NotConnectedError

from customerai.domain.errors import UnavailableError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sqs import SQSClient

CONNECT_TIMEOUT_SECONDS = 0.5
READ_TIMEOUT_SECONDS = 1.5
MAX_ATTEMPTS = 3
CONCURRENCY = 16
"""Calls that one process has under way at once; its connection pools are of this size."""


_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


def _config(read_timeout: float, attempts: int) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        # "standard" retries with exponential backoff and full jitter, within a retry quota.
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONCURRENCY,
        tcp_keepalive=True,
        parameter_validation=False,
    )


def _client(
    service: Any, read_timeout: float = READ_TIMEOUT_SECONDS, attempts: int = MAX_ATTEMPTS
) -> Any:
    # botocore makes the same clients as boto3, which need not be imported then.
    from botocore.session import get_session

    return get_session().create_client(service, config=_config(read_timeout, attempts))


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return client


@cache
def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs")
    return client


@cache
def s3() -> "S3Client":
    client: S3Client = _client("s3")
    return client


@cache
def secrets() -> "SecretsManagerClient":
    client: SecretsManagerClient = _client("secretsmanager")
    return client


@cache
def sagemaker_runtime(read_timeout: float) -> "SageMakerRuntimeClient":
    """One attempt: repeating a call within its time, and telling the model how much of that is
    left, is the adapter's part."""
    client: SageMakerRuntimeClient = _client("sagemaker-runtime", read_timeout, attempts=1)
    return client


def is_transient(error: BaseException | None) -> bool:
    """Whether the same call may work later: throttled, cut off, timed out, not reached, 5xx."""
    if isinstance(error, ClientError):
        # pynamodb's errors carry no status, so the codes have to do for them.
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"]["Code"] in _TRANSIENT or status >= 500
    return isinstance(error, HTTPClientError | NotConnectedError | IncompleteReadError)


@contextmanager
def reporting(part: str) -> Iterator[None]:
    """Tell in the domain's terms that a part is unavailable, once the client's retries are spent.

    Anything else a client raises is a mistake of ours, and goes through as it is.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if not is_transient(error):
            raise
        raise UnavailableError(part) from error
