"""The newest rows of several shards, without reading a whole page of each.

Rows spread over shards by a hash, so each shard is asked for its share of a page and some more. One
that has more than that may hold newer rows than what the others gave: it is asked for what the page
lacks, and it alone. After that the page is whole, wherever its rows lie.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from customerai.adapters import aws
from customerai.adapters.dynamodb.reads import ItemPage
from customerai.adapters.dynamodb.stored_interaction import StoredInteraction
from customerai.resilience.fan_out import fan_out

_DEVIATIONS = 4
"""How many standard deviations more than its share a shard is asked for: of 8 shards and a page of
100, one page in some 800 takes a second round."""


class Source(Protocol):
    """One shard's rows, newest first; each page goes on where the one before it ended."""

    async def next(self, size: int) -> ItemPage[StoredInteraction]: ...


class _Shard:
    """What was read of a source; ``reached`` is None once that is all."""

    __slots__ = ("items", "reached", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.items: list[StoredInteraction] = []
        self.reached: str | None = None

    async def read(self, size: int) -> None:
        page = await self.source.next(size)
        self.items += page.items
        self.reached = page.reached


async def newest_first(
    sources: Sequence[Source], limit: int, *, page_size: int | None, most_pages: int
) -> ItemPage[StoredInteraction]:
    """Up to ``limit`` rows of all ``sources``, and the id after which the next page goes on.

    ``page_size`` says how many rows to read of a source at a time where it leaves out some of them
    by a filter: how many that leaves is not known. No source is asked for more than ``most_pages``;
    where that does not suffice, the page is a shorter one.
    """
    wanted = limit + 1  # one more tells whether there is a next page
    shards = [_Shard(source) for source in sources]

    async def ask(some: Sequence[_Shard], most: int) -> None:
        await fan_out(
            lambda shard: shard.read(page_size or min(most, wanted - len(shard.items))),
            some,
            limit=aws.CONCURRENCY,
        )

    asked, most = shards, _share(wanted, len(shards))
    for _ in range(most_pages):
        await ask(asked, most)
        found = sorted(
            (item for shard in shards for item in shard.items),
            key=lambda item: item.id.value,
            reverse=True,
        )
        # Below the highest point that a shard came down to, that shard may still hold newer rows.
        frontier = max((shard.reached for shard in shards if shard.reached), default=None)
        certain = sum(frontier is None or item.id.value >= frontier for item in found)
        if frontier is None or certain >= wanted:
            break
        # The page ends here or above, whatever is found yet. Once each that may hold more of it has
        # given as many rows as it lacks, as many more are certain.
        end = found[limit].id.value if len(found) > limit else ""
        asked = [shard for shard in shards if shard.reached and shard.reached > end]
        most = wanted - certain
    items = found[:certain]
    return ItemPage(items[:limit], items[limit - 1].id.value if certain > limit else frontier)


def _share(rows: int, shards: int) -> int:
    """How many of the newest ``rows`` lie on any one of so many shards, with hardly an exception:
    their number on one is about as a Poisson variable of this mean."""
    mean = rows / shards
    return min(rows, math.ceil(mean + _DEVIATIONS * math.sqrt(mean)))
