"""Any crash and repeat of a request gives each interaction once, with the same id."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.memory.interactions import MemoryIdempotencyKeys, MemoryInteractions
from customerai.domain.errors import IdempotencyKeyReusedError, UnavailableError
from customerai.domain.ids import instant_of
from customerai.domain.interaction import Interaction
from customerai.domain.new_interaction import NewInteraction
from customerai.usecases.ingest_interactions import IdempotencyKey, ingest_interactions

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = IdempotencyKey("key", "fingerprint")
INPUT = NewInteraction.model_validate({"customer_id": "c", "channel": "chat", "text": "Hello"})
DATED = INPUT.model_copy(update={"occurred_at": NOW - timedelta(days=3)})


class CrashError(Exception):
    pass


class CrashingInteractions(MemoryInteractions):
    """Stores the first few of a request, then the process dies."""

    def __init__(self, survive: int) -> None:
        super().__init__()
        self.survive = survive

    async def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
        await super().add(interactions[: self.survive])
        if self.survive < len(interactions):
            raise CrashError
        return [None] * len(interactions)


@given(
    st.lists(st.sampled_from([INPUT, DATED]), min_size=1, max_size=8),
    st.lists(st.integers(0, 8), max_size=5),
)
async def test_any_crash_and_repeat_stores_each_once(
    inputs: list[NewInteraction], crashes: list[int]
) -> None:
    interactions, keys = CrashingInteractions(0), MemoryIdempotencyKeys()
    numbered = dict(enumerate(inputs))
    for attempt, survive in enumerate([*crashes, len(inputs), len(inputs)]):
        interactions.survive = survive
        try:
            outcomes = await ingest_interactions(
                "acme",
                numbered,
                KEY,
                NOW + timedelta(minutes=attempt),
                interactions=interactions,
                keys=keys,
            )
        except CrashError:
            continue
        ids = [outcome.id for outcome in outcomes.values() if isinstance(outcome, Interaction)]
        assert len(ids) == len(inputs)
        assert {ref.id for ref in interactions.stored} == set(ids)
        assert len(set(ids)) == len(inputs)


async def test_an_id_carries_when_it_occurred_else_when_it_was_first_received() -> None:
    interactions, keys = MemoryInteractions(), MemoryIdempotencyKeys()
    for attempt in range(2):
        outcomes = await ingest_interactions(
            "acme",
            {0: INPUT, 1: DATED},
            KEY,
            NOW + timedelta(hours=attempt),
            interactions=interactions,
            keys=keys,
        )
        made = [outcome for outcome in outcomes.values() if isinstance(outcome, Interaction)]
        assert [instant_of(each.id) for each in made] == [NOW, DATED.occurred_at]


async def test_without_a_key_every_request_stands_alone() -> None:
    interactions, keys = MemoryInteractions(), MemoryIdempotencyKeys()
    for _ in range(2):
        await ingest_interactions(
            "acme", {0: INPUT}, None, NOW, interactions=interactions, keys=keys
        )
    assert len(interactions.stored) == 2
    assert keys.claims == {}


async def test_a_key_is_good_for_one_request_only_and_nothing_is_stored() -> None:
    interactions, keys = MemoryInteractions(), MemoryIdempotencyKeys()
    await ingest_interactions("acme", {0: INPUT}, KEY, NOW, interactions=interactions, keys=keys)
    other = IdempotencyKey("key", "another fingerprint")
    with pytest.raises(IdempotencyKeyReusedError):
        await ingest_interactions(
            "acme", {0: DATED}, other, NOW, interactions=interactions, keys=keys
        )
    assert len(interactions.stored) == 1


async def test_tenants_do_not_share_keys() -> None:
    interactions, keys = MemoryInteractions(), MemoryIdempotencyKeys()
    for tenant in ("acme", "globex"):
        await ingest_interactions(
            tenant, {0: INPUT}, KEY, NOW, interactions=interactions, keys=keys
        )
    assert {ref.tenant for ref in interactions.stored} == {"acme", "globex"}
    assert len({ref.id for ref in interactions.stored}) == 2


async def test_a_failure_of_one_is_its_own_outcome() -> None:
    class Half(MemoryInteractions):
        async def add(self, interactions: Sequence[Interaction]) -> list[Exception | None]:
            await super().add(interactions[1:])
            return [UnavailableError("store"), None]

    outcomes = await ingest_interactions(
        "acme", {0: INPUT, 7: INPUT}, None, NOW, interactions=Half(), keys=MemoryIdempotencyKeys()
    )
    assert isinstance(outcomes[0], UnavailableError)
    assert isinstance(outcomes[7], Interaction)
