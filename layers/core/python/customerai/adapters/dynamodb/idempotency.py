"""Idempotency keys: which request each was first used for, when, and what was deleted since."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.blocking import all_off_the_loop, off_the_loop
from customerai.adapters.dynamodb.reads import Item, Text, read_item, read_items
from customerai.domain.errors import IdempotencyKeyReusedError, UnavailableError
from customerai.ports import Claim

KEPT = timedelta(days=7)
_DELETED = "deleted "
"""Sets a deleted id apart from every key: keys hold no space."""


class _StoredRequest(msgspec.Struct):
    pk: Text
    fingerprint: Text | None = None
    received_at: Text | None = None


class DynamoDBIdempotencyKeys:
    """``customerai.ports.IdempotencyKeys``; a key is kept for a week at least."""

    def __init__(self, table: str) -> None:
        self._table = table

    async def claim(self, tenant: str, key: str, fingerprint: str, received_at: datetime) -> Claim:
        pk = f"{tenant}#{key}"
        if await off_the_loop(lambda: self._put(pk, fingerprint, received_at, once=True)):
            return Claim(received_at, is_first=True)
        first = await read_item(
            patterns.GET_FIRST_REQUEST, self._table, {"pk": {"S": pk}}, _StoredRequest, strong=True
        )
        if first is None or first.fingerprint is None or first.received_at is None:
            raise UnavailableError("store")  # it expired between the two calls
        if first.fingerprint.value != fingerprint:
            raise IdempotencyKeyReusedError("This Idempotency-Key was used for another request.")
        return Claim(datetime.fromisoformat(first.received_at.value), is_first=False)

    async def bury(
        self, tenant: str, interaction_ids: Sequence[str], deleted_at: datetime
    ) -> list[Exception | None]:
        outcomes = await all_off_the_loop(
            [
                partial(self._put, f"{tenant}#{_DELETED}{each}", "", deleted_at, once=False)
                for each in interaction_ids
            ]
        )
        return [each if isinstance(each, Exception) else None for each in outcomes]

    async def buried(self, tenant: str, interaction_ids: Sequence[str]) -> frozenset[str]:
        prefix = f"{tenant}#{_DELETED}"
        keys: list[Item] = [{"pk": {"S": prefix + each}} for each in interaction_ids]
        found = await read_items(
            patterns.GET_BURIED,
            self._table,
            keys,
            _StoredRequest,
            strong=True,
        )
        return frozenset(item.pk.value.removeprefix(prefix) for item in found)

    def _put(self, pk: str, fingerprint: str, received_at: datetime, *, once: bool) -> bool:
        from customerai.adapters.dynamodb.models import put_request

        expires_at = int((received_at + KEPT).timestamp())
        return put_request(self._table, pk, fingerprint, received_at, expires_at, once=once)
