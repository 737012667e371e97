"""Get interactions by their ids."""

from collections.abc import Sequence

from customerai.domain.errors import NotFoundError
from customerai.domain.ids import is_id
from customerai.domain.interaction_view import InteractionView
from customerai.ports import WHOLE, Interactions, Reading


async def get_interaction(
    tenant: str, interaction_id: str, reading: Reading = WHOLE, *, interactions: Interactions
) -> InteractionView:
    """Raises ``NotFoundError`` where the tenant has none of this id."""
    found = None
    if is_id(interaction_id):
        found = await interactions.get(tenant, interaction_id, reading)
    if found is None:
        raise NotFoundError(f"There is no interaction {interaction_id}.")
    return found


async def get_interactions(
    tenant: str,
    interaction_ids: Sequence[str],
    reading: Reading = WHOLE,
    *,
    interactions: Interactions,
) -> dict[str, InteractionView]:
    """Those that the tenant has, by id."""
    known = [each for each in interaction_ids if is_id(each)]
    return await interactions.get_many(tenant, known, reading) if known else {}
