"""Take interactions in: one or a batch, once however often the request is repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from customerai.domain.ids import keyed_entropy, make_id, random_entropy, truncate
from customerai.domain.interaction import Interaction
from customerai.domain.new_interaction import NewInteraction
from customerai.ports import IdempotencyKeys, Interactions


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The client's key, and what tells its request from any other under the same key."""

    value: str
    fingerprint: str


async def ingest_interactions(
    tenant: str,
    inputs: Mapping[int, NewInteraction],
    key: IdempotencyKey | None,
    now: datetime,
    *,
    interactions: Interactions,
    keys: IdempotencyKeys,
) -> dict[int, Interaction | Exception]:
    """Store each input; ``inputs`` maps the place in the request, which the id depends on.

    The key is claimed before anything is stored. Its record keeps when the request was first
    received, so a repeat makes the same ids and finds them taken, wherever the first try died. What
    was deleted in between is answered as before, and not stored again.
    Raises ``IdempotencyKeyReusedError``; a failure of one input is its outcome.
    """
    received_at = truncate(now)
    is_repeat = False
    if key:
        claim = await keys.claim(tenant, key.value, key.fingerprint, received_at)
        received_at, is_repeat = claim.received_at, not claim.is_first
    made = {
        place: _interaction(tenant, place, each, key, received_at) for place, each in inputs.items()
    }
    gone: frozenset[str] = frozenset()
    if made and is_repeat:
        gone = await keys.buried(tenant, [each.id for each in made.values()])
    stored = {place: each for place, each in made.items() if each.id not in gone}
    outcomes = await interactions.add(list(stored.values()))
    errors = dict(zip(stored, outcomes, strict=True))
    return {place: errors.get(place) or each for place, each in made.items()}


def _interaction(
    tenant: str, place: int, each: NewInteraction, key: IdempotencyKey | None, received_at: datetime
) -> Interaction:
    occurred_at = each.occurred_at or received_at
    entropy = keyed_entropy(tenant, key.value, key.fingerprint, place) if key else random_entropy()
    return Interaction(
        tenant=tenant,
        id=make_id(occurred_at, entropy),
        received_at=received_at,
        occurred_at=occurred_at,
        customer_id=each.customer_id,
        channel=each.channel,
        text=each.text,
        product=each.product,
        rating=each.rating,
        language=each.language,
        metadata=each.metadata or {},
    )
