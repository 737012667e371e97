"""What customers said in a range of time, in numbers: as a whole, or window by window."""

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from datetime import datetime

from customerai.domain.errors import InvalidParameterError
from customerai.domain.rollup import Totals
from customerai.domain.windows import Interval, segments
from customerai.ports import Rollups, States

MAX_POINTS = 1_000


async def summarise(
    tenant: str,
    start: datetime,
    end: datetime,
    counters: AbstractSet[str] | None = None,
    *,
    rollups: Rollups,
    states: States,
) -> Totals:
    """Totals over [start, end): whole windows from the rollups, partial hours from the items.

    Of ``counters`` at least, or of all.
    """
    totals = Totals()
    for segment in segments(start, end):
        if segment.interval is None:
            async for state in states.states(tenant, segment.start, segment.end):
                totals.add(state.contribution())
        else:
            windows = rollups.read(tenant, segment.interval, segment.start, segment.end, counters)
            async for window in windows:
                totals.add(window.counters)
    return totals


async def summarise_by_window(
    tenant: str,
    interval: Interval,
    start: datetime,
    end: datetime,
    counters: AbstractSet[str] | None = None,
    *,
    rollups: Rollups,
    states: States,
) -> AsyncIterator[tuple[datetime, Totals]]:
    """(start of the window, totals of its part in [start, end)) for every window, empty or not:
    of ``counters`` at least, or of all.

    Raises ``InvalidParameterError`` where there would be more than 1,000.
    """
    first, last = interval.floor(start), interval.ceil(end)
    if (last - first) / interval.length > MAX_POINTS:
        raise InvalidParameterError(
            "from", f"the range holds more than {MAX_POINTS} windows of one {interval}"
        )
    whole: dict[datetime, Totals] = {}
    stored = rollups.read(tenant, interval, interval.ceil(start), interval.floor(end), counters)
    async for window in stored:
        whole.setdefault(window.start, Totals()).add(window.counters)
    while first < last:
        following = first + interval.length
        if start <= first and following <= end:
            yield first, whole.get(first, Totals())
        else:
            part = max(start, first), min(end, following)
            yield first, await summarise(tenant, *part, counters, rollups=rollups, states=states)
        first = following
