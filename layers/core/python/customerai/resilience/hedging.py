"""A second attempt beside one that takes unusually long, for reads that may be asked twice.

After Dean and Barroso, "The Tail at Scale" (2013): what makes one attempt slow seldom hits two.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_REMEMBERED = 128
_ENOUGH = 32
"""Latencies before their quantile says anything, and until it is looked at again."""
_BURST = 5.0
"""Hedges that a client which has seldom hedged may make in a row."""


class Hedge:
    """Starts a second attempt ``delay`` seconds after the first, if that has not ended by then.

    With a ``quantile`` the delay is that of the recent latencies, once there are enough of them.
    At most the ``share`` of all calls is hedged, so a part that is slow for everybody is not given
    twice the work.
    """

    def __init__(
        self,
        *,
        delay: float,
        quantile: float | None = None,
        share: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if delay < 0 or not 0 <= share <= 1 or not (quantile is None or 0 < quantile < 1):
            raise ValueError("a hedge needs delay >= 0, a share in [0, 1], a quantile in (0, 1)")
        self._delay = delay
        self._quantile = quantile
        self._share = share
        self._clock = clock
        self._tokens = 0.0
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED)
        self._fresh = 0
        self._losers: set[asyncio.Task[Any]] = set()
        self.calls = 0
        self.hedged = 0
        self.won = 0
        """Of the hedged calls: those where the second attempt answered first."""

    @property
    def delay(self) -> float:
        """Seconds that the next call's first attempt is given before there is a second."""
        return self._delay

    def _remember(self, latency: float) -> None:
        self._latencies.append(latency)
        self._fresh += 1
        if self._quantile is not None and self._fresh >= _ENOUGH:
            self._fresh = 0  # sorted on each call, they would cost more than all the rest
            ordered = sorted(self._latencies)
            place = math.ceil(self._quantile * len(ordered)) - 1
            self._delay = ordered[min(len(ordered) - 1, place)]

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The first answer; the other attempt is cancelled.

        An error of the first attempt before there is a second is raised as it is: trying again is
        not a hedge's part. Where both fail, the first attempt's error is raised.

        The first attempt runs in the caller's own task, so that a call which needs no second costs
        a timer and nothing more. A second that wins interrupts it as ``asyncio.timeout`` would.
        """
        self.calls += 1
        self._tokens = min(_BURST, self._tokens + self._share)
        began = self._clock()
        race = _Race(attempt, self._may_hedge)
        timer = asyncio.get_running_loop().call_later(self.delay, race.start)
        try:
            answer = await attempt()
        except asyncio.CancelledError:
            if not race.was_won():
                raise
            answer = race.answer()
            self.won += 1
        except Exception:
            if not await race.is_won_after_all():
                raise
            answer = race.answer()
            self.won += 1
        finally:
            timer.cancel()
            race.end(self._losers)
        # Where the second won, the first has taken this long at the least.
        self._remember(self._clock() - began)
        return answer

    def _may_hedge(self) -> bool:
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self.hedged += 1
        return True


class _Race(Generic[T]):
    """The second attempt, which may never start, against the task that makes the first."""

    __slots__ = (
        "_attempt",
        "_cancelling",
        "_first",
        "_interrupted",
        "_may_start",
        "_over",
        "_second",
    )

    def __init__(self, attempt: Callable[[], Awaitable[T]], may_start: Callable[[], bool]) -> None:
        first = asyncio.current_task()
        assert first is not None  # noqa: S101 - a coroutine runs in a task
        self._attempt = attempt
        self._may_start = may_start
        self._first = first
        self._cancelling = first.cancelling()
        self._second: asyncio.Task[T] | None = None
        self._over = False
        self._interrupted = False

    def start(self) -> None:
        if self._may_start():
            self._second = asyncio.ensure_future(_run(self._attempt))
            self._second.add_done_callback(self._interrupt)

    def was_won(self) -> bool:
        """Whether the first attempt was cancelled for the second's answer, and by nobody else."""
        return self._interrupted and self._take_back() <= self._cancelling

    async def is_won_after_all(self) -> bool:
        """The first attempt has failed: wait for the second, if there is one."""
        self._over = True
        if self._second is None:
            return False
        await asyncio.wait([self._second])
        return self._succeeded()

    def answer(self) -> T:
        assert self._second is not None  # noqa: S101 - it has won
        return self._second.result()

    def end(self, losers: set["asyncio.Task[Any]"]) -> None:
        """Cancel what still runs and do not wait: the answer is there."""
        self._over = True
        if self._interrupted:  # the attempt made something else of it
            self._take_back()
        if self._second is not None and not self._second.done():
            self._second.cancel()
            losers.add(self._second)
            self._second.add_done_callback(losers.discard)

    def _succeeded(self) -> bool:
        second = self._second
        return (
            second is not None
            and second.done()
            and not second.cancelled()
            and second.exception() is None
        )

    def _interrupt(self, second: "asyncio.Task[T]") -> None:
        # Asked for its exception, so that nobody complains of one that is nobody's matter.
        if not second.cancelled() and second.exception() is None and not self._over:
            self._interrupted = True
            self._first.cancel()

    def _take_back(self) -> int:
        """The cancellation that this race asked for; how many of others' are left."""
        self._interrupted = False
        return self._first.uncancel()


async def _run(attempt: Callable[[], Awaitable[T]]) -> T:
    return await attempt()
