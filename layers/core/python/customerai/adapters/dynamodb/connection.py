"""How pynamodb connects: as every other client of the platform does."""

from typing import ClassVar, Literal, TypedDict

from customerai.adapters import aws


class _Retries(TypedDict):
    mode: Literal["standard"]
    total_max_attempts: int


class TableConnection:
    """Base of each row's ``Meta``; the adapter sets ``table_name`` when it is composed."""

    table_name = ""
    connect_timeout_seconds = aws.CONNECT_TIMEOUT_SECONDS
    read_timeout_seconds = aws.READ_TIMEOUT_SECONDS
    retry_configuration: ClassVar[_Retries] = {
        "mode": "standard",
        "total_max_attempts": aws.MAX_ATTEMPTS,
    }
    max_pool_connections = aws.CONCURRENCY
