"""Counters by window in a dictionary, behind the same fence as the table's."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from customerai.domain.rollup import AggregateKey, WindowCounters
from customerai.domain.windows import Interval
from customerai.ports import SequencedChange


@dataclass
class _Aggregate:
    fence: str = ""
    counters: Counter[str] = field(default_factory=Counter)


@dataclass
class MemoryRollups:
    """``customerai.ports.Rollups``."""

    aggregates: dict[tuple[AggregateKey, str], _Aggregate] = field(default_factory=dict)

    async def apply(
        self, shard: str, changes: Mapping[AggregateKey, Sequence[SequencedChange]]
    ) -> None:
        for key, sequenced in changes.items():
            aggregate = self.aggregates.setdefault((key, shard), _Aggregate())
            for each in sequenced:
                if each.sequence > aggregate.fence:
                    aggregate.counters.update(each.counters)
                    aggregate.fence = each.sequence

    async def read(
        self,
        tenant: str,
        interval: Interval,
        start: datetime,
        end: datetime,
        counters: AbstractSet[str] | None = None,
    ) -> AsyncIterator[WindowCounters]:
        for (key, _), aggregate in self.aggregates.items():
            if (key.tenant, key.interval) == (tenant, interval):
                window_start = interval.window_start(key.window)
                if start <= window_start < end:
                    found = {
                        name: amount
                        for name, amount in aggregate.counters.items()
                        if counters is None or name in counters
                    }
                    yield WindowCounters(window_start, found)
