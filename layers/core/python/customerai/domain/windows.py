"""Windows of time that analytics is counted in, and how a range is put together from them.

Windows are cut in UTC. A range of any two instants is the sum of whole days, whole hours at its
ends, and the items of the two partial hours that are left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        return _LENGTHS[self]

    def floor(self, instant: datetime) -> datetime:
        """The start of the window that holds ``instant``."""
        start = instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return start if self is Interval.HOUR else start.replace(hour=0)

    def ceil(self, instant: datetime) -> datetime:
        """``instant`` where a window starts there, else the start of the next one."""
        start = self.floor(instant)
        return start if start == instant else start + self.length

    def window(self, start: datetime) -> str:
        """The name of the window that starts there; names sort as their windows do."""
        return start.strftime(_FORMATS[self])

    def window_start(self, window: str) -> datetime:
        return datetime.strptime(window, _FORMATS[self]).replace(tzinfo=UTC)


_LENGTHS = {Interval.HOUR: timedelta(hours=1), Interval.DAY: timedelta(days=1)}
_FORMATS = {Interval.HOUR: "%Y-%m-%dT%H", Interval.DAY: "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Segment:
    """[start, end), to be read from windows of ``interval``, or from the items where it is None."""

    interval: Interval | None
    start: datetime
    end: datetime


def segments(start: datetime, end: datetime) -> Iterator[Segment]:
    """[start, end) as the fewest reads: items, hours, days, hours, items; empty ones left out."""
    return _split(start, end, (Interval.DAY, Interval.HOUR))


def _split(start: datetime, end: datetime, intervals: tuple[Interval, ...]) -> Iterator[Segment]:
    if start >= end:
        return
    if not intervals:
        yield Segment(None, start, end)
        return
    interval, finer = intervals[0], intervals[1:]
    first, last = interval.ceil(start), interval.floor(end)
    if first >= last:
        yield from _split(start, end, finer)
        return
    yield from _split(start, first, finer)
    yield Segment(interval, first, last)
    yield from _split(last, end, finer)
