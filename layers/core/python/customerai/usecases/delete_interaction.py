"""Delete one interaction; analytics forgets it with the next stream batch."""

from customerai.domain.errors import NotFoundError
from customerai.domain.ids import is_id
from customerai.ports import Interactions


def delete_interaction(tenant: str, interaction_id: str, *, interactions: Interactions) -> None:
    """Raises ``NotFoundError`` where the tenant has none of this id."""
    if not is_id(interaction_id) or not interactions.remove(tenant, interaction_id):
        raise NotFoundError(f"There is no interaction {interaction_id}.")
