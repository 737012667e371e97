"""The items that HTTP functions write, as pynamodb models: blocking, and slow to import.

So nothing but the threads of ``blocking`` comes here, and nothing is imported from here before
something is written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock, local
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as NotConnectedError
from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DeleteError, PutError, PynamoDBException
from pynamodb.models import Model

from customerai.adapters import aws
from customerai.adapters.aws.errors import CONDITION_FAILED, TRANSIENT_CODES
from customerai.adapters.dynamodb.rows import index_key
from customerai.domain.errors import UnavailableError
from customerai.domain.interaction import Interaction
from customerai.snapshots import after


class _Connection:
    """Base of each ``Meta``: how pynamodb connects, as every other client of the platform does."""

    table_name = ""
    connect_timeout_seconds = aws.CONNECT_TIMEOUT_SECONDS
    read_timeout_seconds = aws.READ_TIMEOUT_SECONDS
    max_retry_attempts = aws.MAX_ATTEMPTS - 1
    max_pool_connections = aws.CONCURRENCY


class InteractionModel(Model):
    class Meta(_Connection):
        pass

    pk = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    by_customer = UnicodeAttribute()
    by_channel = UnicodeAttribute()
    pending = UnicodeAttribute()
    customer_id = UnicodeAttribute()
    channel = UnicodeAttribute()
    text = UnicodeAttribute()
    occurred_at = UnicodeAttribute()
    received_at = UnicodeAttribute()
    product = UnicodeAttribute(null=True)
    rating = NumberAttribute(null=True)
    language = UnicodeAttribute(null=True)
    metadata = JSONAttribute(null=True)


class RequestModel(Model):
    class Meta(_Connection):
        pass

    pk = UnicodeAttribute(hash_key=True)
    fingerprint = UnicodeAttribute()
    received_at = UnicodeAttribute()
    expires_at = NumberAttribute()


def put_interaction(table: str, pk: str, interaction: Interaction) -> None:
    """Where its id is free; one that is taken can only be the same request again."""
    _bind(InteractionModel, table)
    row = InteractionModel(
        pk,
        interaction.id,
        by_customer=index_key(pk, interaction.customer_id),
        by_channel=index_key(pk, interaction.channel),
        pending=pk,
        customer_id=interaction.customer_id,
        channel=interaction.channel,
        text=interaction.text,
        occurred_at=interaction.occurred_at.isoformat(),
        received_at=interaction.received_at.isoformat(),
        product=interaction.product,
        rating=interaction.rating,
        language=interaction.language,
        metadata=interaction.metadata or None,
    )
    try:
        with _reporting():
            row.save(condition=InteractionModel.id.does_not_exist())
    except PutError as error:
        if error.cause_response_code != CONDITION_FAILED:
            raise


def delete_interaction(table: str, pk: str, interaction_id: str) -> bool:
    """Whether there was one.

    Where there is none by the time of a second attempt, and the first may have deleted it without
    its answer being heard, it is taken to have done so: a client that deletes once should not be
    told that there was nothing.
    """
    _bind(InteractionModel, table)
    row = InteractionModel(pk, interaction_id)
    _attempts.may_be_done = False
    try:
        with _reporting():
            row.delete(condition=InteractionModel.id.exists())
    except DeleteError as error:
        if error.cause_response_code == CONDITION_FAILED:
            return _attempts.may_be_done
        raise
    return True


def put_request(
    table: str, pk: str, fingerprint: str, received_at: datetime, expires_at: int, *, once: bool
) -> bool:
    """False where there is one already and it is to be put ``once``."""
    _bind(RequestModel, table)
    row = RequestModel(
        pk, fingerprint=fingerprint, received_at=received_at.isoformat(), expires_at=expires_at
    )
    try:
        with _reporting():
            row.save(condition=RequestModel.pk.does_not_exist() if once else None)
    except PutError as error:
        if error.cause_response_code != CONDITION_FAILED:
            raise
        return False
    return True


class _Attempts(local):
    """Those of the deletion that this thread is at."""

    may_be_done = False
    """Whether one may have been carried out without its answer being heard."""


_attempts = _Attempts()


def _look_at_attempt(
    response: tuple[Any, dict[str, Any]] | None, caught_exception: Exception | None, **_: object
) -> None:
    """botocore asks after each attempt whether to make another, which is not answered here."""
    if response is None:
        unheard = not isinstance(caught_exception, ConnectTimeoutError | EndpointConnectionError)
    else:
        unheard = not 300 <= response[0].status_code < 500  # or else it was refused
    if unheard:
        _attempts.may_be_done = True


_binding = Lock()


def _bind(model: type[Model], table: str) -> None:
    """Its table, and its client while no other thread makes one."""
    with _binding:
        model.Meta.table_name = table
        client = model._get_connection().connection.client
        # Under a name of its own it is registered once for each client.
        client.meta.events.register(
            "needs-retry.dynamodb.DeleteItem", _look_at_attempt, unique_id="customerai"
        )


@after
def _forget_connections() -> None:
    InteractionModel._connection = RequestModel._connection = None


@contextmanager
def _reporting() -> Iterator[None]:
    """``aws.errors.reporting`` for what pynamodb raises."""
    try:
        yield
    except PynamoDBException as error:
        if not _is_transient(error.cause):
            raise
        raise UnavailableError("store") from error


def _is_transient(error: BaseException | None) -> bool:
    if isinstance(error, ClientError):
        # pynamodb's errors carry no status, so the codes have to do.
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"]["Code"] in TRANSIENT_CODES or status >= 500
    return isinstance(
        error, HTTPClientError | NotConnectedError | IncompleteReadError
    ) and isinstance(error, BotoCoreError)
