"""Get one interaction."""

from customerai.domain.errors import NotFoundError
from customerai.domain.ids import is_id
from customerai.domain.interaction import Interaction
from customerai.ports import Interactions


def get_interaction(tenant: str, interaction_id: str, *, interactions: Interactions) -> Interaction:
    """Raises ``NotFoundError`` where the tenant has none of this id."""
    found = interactions.get(tenant, interaction_id) if is_id(interaction_id) else None
    if found is None:
        raise NotFoundError(f"There is no interaction {interaction_id}.")
    return found
