"""Delete interactions; analytics forgets them with the next stream batch."""

from collections.abc import Sequence
from datetime import datetime

from customerai.domain.errors import NotFoundError
from customerai.domain.ids import is_id
from customerai.ports import IdempotencyKeys, Interactions


async def delete_interactions(
    tenant: str,
    interaction_ids: Sequence[str],
    now: datetime,
    *,
    interactions: Interactions,
    keys: IdempotencyKeys,
) -> dict[str, Exception | None]:
    """Id to None where it is deleted now, else to why not: ``NotFoundError``, say.

    That it was deleted is remembered first, or else a crash in between would let a repeat of the
    request that stored it bring it back.
    """
    outcomes: dict[str, Exception | None] = {each: _missing(each) for each in interaction_ids}
    known = [each for each in outcomes if is_id(each)]
    outcomes |= dict(zip(known, await keys.bury(tenant, known, now), strict=True))
    buried = [each for each in known if outcomes[each] is None]
    removed = await interactions.remove(tenant, buried)
    for each, outcome in zip(buried, removed, strict=True):
        if isinstance(outcome, Exception):
            outcomes[each] = outcome
        elif not outcome:
            outcomes[each] = _missing(each)
    return outcomes


def _missing(interaction_id: str) -> NotFoundError:
    return NotFoundError(f"There is no interaction {interaction_id}.")
