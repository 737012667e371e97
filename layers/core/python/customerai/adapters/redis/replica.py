"""How far a replica is behind its primary, and whether it may be read."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

_FIRST_PAUSE = 0.001
_UNSEEN = 64
"""Numbers that are remembered while the replica shows none of them."""


class ReplicaWatch:
    """Writes numbers to the primary and looks for them on the replica.

    A beat is due every ``interval`` seconds. The replica may be read where the last beat has shown
    on it within ``max_lag`` seconds, and not longer than for ``trusted`` seconds after. Only this
    process's clock is read, so clocks need not agree.

    ``write`` stores a number on the primary; ``read`` gives what each connection to the replica
    shows of it: behind one name there may be several, and the slowest counts.
    """

    def __init__(
        self,
        write: Callable[[int], Awaitable[object]],
        read: Callable[[], Awaitable[Sequence[bytes | None]]],
        *,
        max_lag: float,
        interval: float = 1.0,
        trusted: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._write = write
        self._read = read
        self._max_lag = max_lag
        self._interval = interval
        self._trusted = trusted
        self._clock = clock
        self._sleep = sleep
        self._number = 0
        self._unseen: deque[tuple[int, float]] = deque()
        self._began_at = -interval
        self._measured_at = -trusted
        self._lag: float | None = None

    @property
    def lag(self) -> float | None:
        """Seconds, as last measured; never less than it was. None where it is not known."""
        return self._lag

    def may_read(self) -> bool:
        return (
            self._lag is not None
            and self._lag <= self._max_lag
            and self._clock() - self._measured_at <= self._trusted
        )

    def is_due(self) -> bool:
        return self._clock() - self._began_at >= self._interval

    def suspect(self) -> None:
        """The replica has failed to answer: it is not read until a beat shows on it."""
        self._lag = None

    async def beat(self) -> None:
        """Measure once. Raises what ``write`` and ``read`` raise; the lag is unknown then."""
        self._began_at = self._clock()
        measured: float | None = None
        try:
            self._number += 1
            await self._write(self._number)
            if len(self._unseen) == _UNSEEN:
                self._unseen.pop()  # what says how far behind it is are the first and the last
            self._unseen.append((self._number, self._clock()))
            measured = await self._measure()
        finally:
            self._lag = measured
            self._measured_at = self._clock()

    async def _measure(self) -> float:
        """Look until the replica shows all that was written, or is behind by too much."""
        _, written_at = self._unseen[-1]
        pause = _FIRST_PAUSE
        while True:
            seen = min((int(value or 0) for value in await self._read()), default=0)
            while self._unseen and self._unseen[0][0] <= seen:
                self._unseen.popleft()
            if not self._unseen:
                return self._clock() - written_at
            lag = self._clock() - self._unseen[0][1]
            if lag > self._max_lag:
                return lag
            await self._sleep(pause)
            pause *= 2
