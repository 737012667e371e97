"""What is deleted is remembered first, and each id has its own outcome."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customerai.adapters.memory.interactions import MemoryIdempotencyKeys, MemoryInteractions
from customerai.domain.errors import NotFoundError, UnavailableError
from customerai.domain.ids import make_id
from customerai.domain.interaction import Channel, Interaction
from customerai.domain.new_interaction import NewInteraction
from customerai.usecases.delete_interactions import delete_interactions
from customerai.usecases.ingest_interactions import IdempotencyKey, ingest_interactions

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def interaction(number: int, tenant: str = "acme") -> Interaction:
    made = make_id(NOW, number.to_bytes(10))
    return Interaction(tenant, made, NOW, NOW, "c", Channel.CHAT, "text")


class CrashError(Exception):
    pass


class Failing(MemoryInteractions):
    """Can't remove some, or dies before it removes any."""

    fails: frozenset[str] = frozenset()
    crash = False

    async def remove(self, tenant: str, interaction_ids: Sequence[str]) -> list[bool | Exception]:
        if self.crash:
            raise CrashError
        return [
            UnavailableError("store")
            if each in self.fails
            else (await super(Failing, self).remove(tenant, [each]))[0]
            for each in interaction_ids
        ]


class Forgetful(MemoryIdempotencyKeys):
    """Can't remember some."""

    fails: frozenset[str] = frozenset()

    async def bury(
        self, tenant: str, interaction_ids: Sequence[str], deleted_at: datetime
    ) -> list[Exception | None]:
        kept = [each for each in interaction_ids if each not in self.fails]
        await super().bury(tenant, kept, deleted_at)
        return [UnavailableError("store") if i in self.fails else None for i in interaction_ids]


@given(
    st.sets(st.integers(0, 9)),
    st.lists(st.integers(0, 9) | st.just("no-id"), max_size=12),
    st.sets(st.integers(0, 9)),
    st.sets(st.integers(0, 9)),
)
async def test_each_id_has_the_outcome_of_its_own(
    stored: set[int], wanted: list[int | str], unburied: set[int], unremoved: set[int]
) -> None:
    store, keys = Failing(), Forgetful()
    ids = {number: interaction(number).id for number in range(10)}
    keys.fails = frozenset(ids[n] for n in unburied)
    store.fails = frozenset(ids[n] for n in unremoved)
    await store.add([interaction(n) for n in stored])
    asked = [each if isinstance(each, str) else ids[each] for each in wanted]
    outcomes = await delete_interactions("acme", asked, NOW, interactions=store, keys=keys)
    assert set(outcomes) == set(asked)
    left = {ref.id for ref in store.stored}
    for number, each in ids.items():
        if each not in outcomes:
            assert (each in left) == (number in stored)
        elif outcomes[each] is None:
            assert number in stored
            assert each not in left
            assert ("acme", each) in keys.deleted
        elif number in unburied | unremoved:
            assert isinstance(outcomes[each], UnavailableError)
            assert (each in left) == (number in stored)
        else:
            assert isinstance(outcomes[each], NotFoundError)
            assert number not in stored
    if "no-id" in outcomes:
        assert isinstance(outcomes["no-id"], NotFoundError)
        assert ("acme", "no-id") not in keys.deleted


async def test_a_crash_before_the_removal_lets_no_repeat_bring_it_back() -> None:
    store, keys = Failing(), MemoryIdempotencyKeys()
    body = NewInteraction.model_validate({"customer_id": "c", "channel": "chat", "text": "Hello"})
    key = IdempotencyKey("key", "fingerprint")

    async def post(at: datetime) -> str:
        made = await ingest_interactions("acme", {0: body}, key, at, interactions=store, keys=keys)
        assert isinstance(made[0], Interaction)
        return made[0].id

    made = await post(NOW)
    store.crash = True
    with pytest.raises(CrashError):
        await delete_interactions("acme", [made], NOW, interactions=store, keys=keys)
    store.crash = False
    outcomes = await delete_interactions("acme", [made], NOW, interactions=store, keys=keys)
    assert outcomes == {made: None}
    assert await post(NOW.replace(hour=13)) == made
    assert store.stored == {}


async def test_another_tenants_interactions_stay() -> None:
    store, keys = MemoryInteractions(), MemoryIdempotencyKeys()
    theirs = interaction(1, "globex")
    await store.add([theirs])
    outcomes = await delete_interactions("acme", [theirs.id], NOW, interactions=store, keys=keys)
    assert isinstance(outcomes[theirs.id], NotFoundError)
    assert list(store.stored) == [theirs.ref]
