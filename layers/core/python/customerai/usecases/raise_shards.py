"""Spread what a tenant will write over more shards, while it goes on reading and writing."""

from datetime import datetime

from customerai.domain.errors import InvalidParameterError
from customerai.domain.shards import LEAD, MAX_SHARDS, Raise, Schedule
from customerai.domain.windows import Interval
from customerai.ports import ShardScheduleStore


async def raise_shards(
    tenant: str, count: int, now: datetime, *, schedules: ShardScheduleStore
) -> Schedule:
    """The schedule with ``count`` shards from the first full hour on that lies ``LEAD`` ahead.

    A repeat changes nothing. Raises ``InvalidParameterError`` where there are more than ``count``
    already or would be more than ``MAX_SHARDS``, and ``VersionConflictError`` where somebody else
    raised them meanwhile.
    """
    if count > MAX_SHARDS:
        raise InvalidParameterError("count", f"is greater than {MAX_SHARDS}")
    known = await schedules.of(tenant)
    if count == known.count:
        return known
    if count < known.count:
        raise InvalidParameterError("count", f"is less than {known.count}, and shards only grow")
    since = Interval.HOUR.ceil(now + LEAD)
    if known.raises:
        since = max(since, known.raises[-1].since + Interval.HOUR.length)
    schedule = Schedule((*known.raises, Raise(since, count)))
    await schedules.replace(tenant, schedule, known)
    return schedule
