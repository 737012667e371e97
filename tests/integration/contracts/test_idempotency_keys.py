"""What ``IdempotencyKeys`` promises, held against every adapter."""

from concurrent.futures import ThreadPoolExecutor
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
def keys(backend: str, create_table: CreateTable) -> IdempotencyKeys:
    if backend == "memory":
        return MemoryIdempotencyKeys()
    return DynamoDBIdempotencyKeys(create_table("idempotency"))


def test_the_first_claim_sets_when_it_was_received(keys: IdempotencyKeys) -> None:
    assert keys.claim("acme", "k", "f", NOW) == NOW
    assert keys.claim("acme", "k", "f", NOW + timedelta(hours=1)) == NOW


def test_a_key_is_bound_to_its_request(keys: IdempotencyKeys) -> None:
    keys.claim("acme", "k", "f", NOW)
    with pytest.raises(IdempotencyKeyReusedError):
        keys.claim("acme", "k", "other", NOW)
    assert keys.claim("acme", "k", "f", NOW) == NOW


def test_keys_and_tenants_are_apart(keys: IdempotencyKeys) -> None:
    keys.claim("acme", "k", "f", NOW)
    assert keys.claim("globex", "k", "other", NOW) == NOW
    assert keys.claim("acme", "k2", "other", NOW) == NOW


def test_what_was_deleted_is_remembered_for_its_tenant(keys: IdempotencyKeys) -> None:
    ids = [make_id(NOW, n.to_bytes(10)) for n in range(100)]
    assert keys.buried("acme", ids) == frozenset()
    for each in (ids[3], ids[99], ids[3]):
        keys.bury("acme", each, NOW)
    assert keys.buried("acme", ids) == {ids[3], ids[99]}
    assert keys.buried("globex", ids) == frozenset()
    keys.claim("acme", ids[5], "f", NOW)
    assert keys.buried("acme", ids[5:6]) == frozenset()


def test_of_claims_at_once_one_wins(keys: IdempotencyKeys) -> None:
    instants = [NOW + timedelta(seconds=n) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        claimed = set(pool.map(lambda at: keys.claim("acme", "k", "f", at), instants))
    assert len(claimed) == 1
    assert claimed <= set(instants)
