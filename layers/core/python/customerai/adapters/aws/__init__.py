"""AWS's services: one client of each, made at first need, with the same limits for all.

Where they are is told by ``AWS_REGION`` and the ``AWS_ENDPOINT_URL`` variables, as every SDK is.
"""

import math
import os
from functools import cache

from customerai.adapters.aws.client import Protocol, ServiceClient
from customerai.adapters.aws.errors import is_transient
from customerai.adapters.aws.transport import Limits, Origin, Pool
from customerai.observability import gauges
from customerai.resilience.retries import Retries

CONNECT_TIMEOUT_SECONDS = 0.5
READ_TIMEOUT_SECONDS = 1.5
MAX_ATTEMPTS = 3
CONCURRENCY = 16
"""Calls of one service that a process has under way at once; connection pools are of this size."""

_REST = Protocol("", "")


@cache
def dynamodb() -> ServiceClient:
    return _client("dynamodb", Protocol("application/x-amz-json-1.0", "DynamoDB_20120810"))


@cache
def sqs() -> ServiceClient:
    return _client("sqs", Protocol("application/x-amz-json-1.0", "AmazonSQS"))


@cache
def secrets() -> ServiceClient:
    return _client("secretsmanager", Protocol("application/x-amz-json-1.1", "secretsmanager"))


@cache
def sagemaker_runtime() -> ServiceClient:
    """An attempt may take as long as the caller's deadline lets it: a model has its own pace."""
    return _client(
        "sagemaker",
        endpoint="SAGEMAKER_RUNTIME",
        host="runtime.sagemaker",
        attempt_seconds=math.inf,
    )


_ALL = (dynamodb, sqs, secrets, sagemaker_runtime)


def forget() -> None:
    """Close every connection; clients and credentials are made anew at the next call.

    For a process that goes on from a snapshot: what it holds belongs to another machine.
    """
    for make in _ALL:
        if make.cache_info().currsize:
            make().pool.forget()
            make.cache_clear()


def _client(
    name: str,
    protocol: Protocol = _REST,
    *,
    endpoint: str = "",
    host: str = "",
    attempt_seconds: float = READ_TIMEOUT_SECONDS,
) -> ServiceClient:
    region = os.environ.get("AWS_REGION") or os.environ["AWS_DEFAULT_REGION"]
    url = os.environ.get(f"AWS_ENDPOINT_URL_{endpoint or name.upper()}") or os.environ.get(
        "AWS_ENDPOINT_URL"
    )
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    origin = Origin.of(url or f"https://{host or name}.{region}.{suffix}")
    pool = Pool(origin, Limits(connections=CONCURRENCY, connect=CONNECT_TIMEOUT_SECONDS))
    gauges.watch(name, pool.gauges.told)
    return ServiceClient(
        name,
        region,
        pool,
        Retries(name, attempts=MAX_ATTEMPTS, is_retryable=is_transient),
        attempt_seconds,
        protocol,
    )
