"""Delete one interaction; analytics forgets it with the next stream batch."""

from datetime import datetime

from customerai.domain.errors import NotFoundError
from customerai.domain.ids import is_id
from customerai.ports import IdempotencyKeys, Interactions


def delete_interaction(
    tenant: str,
    interaction_id: str,
    now: datetime,
    *,
    interactions: Interactions,
    keys: IdempotencyKeys,
) -> None:
    """Raises ``NotFoundError`` where the tenant has none of this id.

    That it was deleted is remembered first, or else a crash in between would let a repeat of the
    request that stored it bring it back.
    """
    if is_id(interaction_id):
        keys.bury(tenant, interaction_id, now)
        if interactions.remove(tenant, interaction_id):
            return
    raise NotFoundError(f"There is no interaction {interaction_id}.")
