"""Shard schedules, asked for on every read and write, and stored for hardly any tenant."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from customerai.domain.errors import UnavailableError
from customerai.domain.shards import MOST_STALE, Schedule
from customerai.ports import ShardSchedules

REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 5.0
_MOST_STALE_SECONDS = MOST_STALE.total_seconds()


@dataclass(slots=True)
class _Kept:
    schedule: Schedule
    read_at: float
    fresh_until: float


class CachedShardSchedules:
    """``customerai.ports.ShardSchedules``: each is read again after ``REFRESH_SECONDS``.

    While it can't be, the old one serves for as long as nobody can have made an id that it does not
    know the shard of. Up to ``capacity`` tenants are held. The clock is that of the calendar: a
    process may be stopped for days between two events.
    """

    def __init__(
        self,
        reader: ShardSchedules,
        capacity: int = 1_024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader = reader
        self._capacity = capacity
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def of(self, tenant: str) -> Schedule:
        kept = self._kept.get(tenant)
        now = self._clock()
        # A clock that was set back must not make anything fresh for longer.
        if kept is not None and kept.read_at <= now < kept.fresh_until:
            return kept.schedule
        try:
            schedule = await self._reader.of(tenant)
        except UnavailableError:
            later = self._clock()
            if kept is None or not 0 <= later - kept.read_at < _MOST_STALE_SECONDS:
                raise
            kept.fresh_until = min(later + _RETRY_SECONDS, kept.read_at + _MOST_STALE_SECONDS)
            return kept.schedule
        self._kept.pop(tenant, None)  # the one that was read longest ago comes first
        self._kept[tenant] = _Kept(schedule, now, now + REFRESH_SECONDS)
        if len(self._kept) > self._capacity:
            del self._kept[next(iter(self._kept))]
        return schedule
