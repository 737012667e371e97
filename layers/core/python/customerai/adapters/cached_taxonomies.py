"""Taxonomies, kept for a short time by a process that reads the same few over and over."""

import time
from collections import OrderedDict
from collections.abc import Callable

from customerai.domain.taxonomy import Taxonomy
from customerai.observability.cache_layers import Layer, Outcome, looked_up
from customerai.ports import TaxonomyReader


class CachedTaxonomies:
    """``customerai.ports.TaxonomyReader``: an edit shows after ``lifetime`` seconds at the latest.

    It holds the ``capacity`` tenants asked for last. A failure is not kept, and nothing that is
    older than ``lifetime`` stands in for it.
    """

    def __init__(
        self,
        reader: TaxonomyReader,
        lifetime: float,
        capacity: int = 256,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader = reader
        self._lifetime = lifetime
        self._capacity = capacity
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Taxonomy | None]] = OrderedDict()

    async def get(self, tenant: str) -> Taxonomy | None:
        now = self._clock()
        kept = self._kept.pop(tenant, None)
        if kept is None or now - kept[0] >= self._lifetime:
            looked_up("Taxonomies", Layer.PROCESS, Outcome.MISS)
            kept = now, await self._reader.get(tenant)
        else:
            looked_up("Taxonomies", Layer.PROCESS, Outcome.HIT)
        self._kept[tenant] = kept
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return kept[1]
