"""How pynamodb connects: as every other client of the platform does."""

from collections.abc import Iterator
from contextlib import contextmanager

from pynamodb.exceptions import PynamoDBException

from customerai.adapters import aws
from customerai.domain.errors import UnavailableError


class TableConnection:
    """Base of each row's ``Meta``; the adapter sets ``table_name`` when it is composed."""

    table_name = ""
    connect_timeout_seconds = aws.CONNECT_TIMEOUT_SECONDS
    read_timeout_seconds = aws.READ_TIMEOUT_SECONDS
    max_retry_attempts = aws.MAX_ATTEMPTS - 1
    max_pool_connections = aws.CONCURRENCY


@contextmanager
def reporting(part: str) -> Iterator[None]:
    """``aws.reporting`` for what pynamodb raises."""
    try:
        yield
    except PynamoDBException as error:
        if not aws.is_transient(error.cause):
            raise
        raise UnavailableError(part) from error
