"""List interactions, newest first: from the start, on from a place, or skipping the first few."""

from customerai.domain.errors import InvalidParameterError
from customerai.ports import WHOLE, InteractionFilter, Interactions, Page, Reading

MAX_OFFSET = 1_000
_STEP = 100


async def list_interactions(
    tenant: str,
    where: InteractionFilter,
    after: str | None,
    offset: int,
    limit: int,
    reading: Reading = WHOLE,
    *,
    interactions: Interactions,
) -> Page:
    """Up to ``limit``, older than the id ``after``, without the first ``offset`` of them.

    What is skipped is read all the same, its ids only: a cursor costs less. Raises
    ``InvalidParameterError`` where skipping takes more effort than a list is given, as it does for
    filters that little matches.
    """
    ids = Reading(frozenset({"id"}), reading.strong)
    effort = MAX_OFFSET // _STEP
    while offset:
        if not effort:
            raise InvalidParameterError("offset", "skips more than is read at once; use a cursor")
        effort -= 1
        skipped = await interactions.page(tenant, where, after, min(offset, _STEP), ids)
        offset -= len(skipped.items)
        after = skipped.resume
        if after is None:
            return Page([], None)
    return await interactions.page(tenant, where, after, limit, reading)
