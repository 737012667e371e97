"""Idempotency keys: which request each was first used for, when, and what was deleted since."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.models import Model

from customerai.adapters.dynamodb.connection import TableConnection, reporting
from customerai.adapters.dynamodb.query import Item, read_items
from customerai.domain.errors import IdempotencyKeyReusedError, UnavailableError

KEPT = timedelta(days=7)
_DELETED = "deleted "
"""Sets a deleted id apart from every key: keys hold no space."""


class _Row(Model):
    class Meta(TableConnection):
        pass

    pk = UnicodeAttribute(hash_key=True)
    fingerprint = UnicodeAttribute()
    received_at = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoDBIdempotencyKeys:
    """``customerai.ports.IdempotencyKeys``; a key is kept for a week at least."""

    def __init__(self, table: str) -> None:
        _Row.Meta.table_name = table
        self._table = table

    def claim(self, tenant: str, key: str, fingerprint: str, received_at: datetime) -> datetime:
        pk = f"{tenant}#{key}"
        row = _Row(
            pk,
            fingerprint=fingerprint,
            received_at=received_at.isoformat(),
            expires_at=int((received_at + KEPT).timestamp()),
        )
        try:
            with reporting("store"):
                row.save(condition=_Row.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
        else:
            return received_at
        try:
            with reporting("store"):
                first = _Row.get(pk, consistent_read=True)
        except _Row.DoesNotExist as error:  # it expired between the two calls
            raise UnavailableError("store") from error
        if first.fingerprint != fingerprint:
            raise IdempotencyKeyReusedError("This Idempotency-Key was used for another request.")
        return datetime.fromisoformat(first.received_at)

    def bury(self, tenant: str, interaction_id: str, deleted_at: datetime) -> None:
        row = _Row(
            f"{tenant}#{_DELETED}{interaction_id}",
            fingerprint="",
            received_at=deleted_at.isoformat(),
            expires_at=int((deleted_at + KEPT).timestamp()),
        )
        with reporting("store"):
            row.save()

    def buried(self, tenant: str, interaction_ids: Sequence[str]) -> frozenset[str]:
        prefix = f"{tenant}#{_DELETED}"
        keys: list[Item] = [{"pk": {"S": prefix + each}} for each in interaction_ids]
        found = read_items(self._table, keys, projection=("pk",))
        return frozenset(item["pk"]["S"].removeprefix(prefix) for item in found)
