"""What ``IdempotencyKeys`` promises, held against every adapter."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from customerai.adapters.dynamodb.idempotency import DynamoDBIdempotencyKeys
from customerai.adapters.memory.interactions import MemoryIdempotencyKeys
from customerai.domain.errors import IdempotencyKeyReusedError
from customerai.domain.ids import make_id
from customerai.ports import IdempotencyKeys
from tests.integration.conftest import CreateTable

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
async def keys(backend: str, create_table: CreateTable) -> IdempotencyKeys:
    if backend == "memory":
        return MemoryIdempotencyKeys()
    return DynamoDBIdempotencyKeys(await create_table("idempotency"))


async def test_the_first_claim_sets_when_it_was_received(keys: IdempotencyKeys) -> None:
    assert (await keys.claim("acme", "k", "f", NOW)).received_at == NOW
    assert (await keys.claim("acme", "k", "f", NOW + timedelta(hours=1))).received_at == NOW


async def test_a_key_is_bound_to_its_request(keys: IdempotencyKeys) -> None:
    await keys.claim("acme", "k", "f", NOW)
    with pytest.raises(IdempotencyKeyReusedError):
        await keys.claim("acme", "k", "other", NOW)
    assert (await keys.claim("acme", "k", "f", NOW)).received_at == NOW


async def test_keys_and_tenants_are_apart(keys: IdempotencyKeys) -> None:
    await keys.claim("acme", "k", "f", NOW)
    assert (await keys.claim("globex", "k", "other", NOW)).received_at == NOW
    assert (await keys.claim("acme", "k2", "other", NOW)).received_at == NOW


async def test_what_was_deleted_is_remembered_for_its_tenant(keys: IdempotencyKeys) -> None:
    ids = [make_id(NOW, n.to_bytes(10)) for n in range(100)]
    assert await keys.buried("acme", ids) == frozenset()
    for some in ([ids[3], ids[99]], [ids[3]], []):
        assert await keys.bury("acme", some, NOW) == [None] * len(some)
    assert await keys.buried("acme", ids) == {ids[3], ids[99]}
    assert await keys.buried("globex", ids) == frozenset()
    await keys.claim("acme", ids[5], "f", NOW)
    assert await keys.buried("acme", ids[5:6]) == frozenset()


async def test_of_claims_at_once_one_wins(keys: IdempotencyKeys) -> None:
    instants = [NOW + timedelta(seconds=n) for n in range(8)]
    claims = [keys.claim("acme", "k", "f", at) for at in instants]
    claimed = await asyncio.gather(*claims)
    (received_at,) = {claim.received_at for claim in claimed}
    assert received_at in instants
    assert sum(claim.is_first for claim in claimed) == 1
