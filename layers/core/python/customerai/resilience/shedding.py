"""Refuses work that there is no room for, the least important first.

What is refused at once can be tried elsewhere or later; what is queued beyond what can be done in
time is done for nobody.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol

from customerai.domain.errors import UnavailableError
from customerai.resilience.refusal import RefusedError


class Priority(StrEnum):
    CRITICAL = "critical"
    """Somebody waits, and all else depends on it: health, authorisation, a live answer."""
    STANDARD = "standard"
    BATCH = "batch"
    """Nobody waits: it is tried again by itself."""


SHARES: Mapping[Priority, float] = {
    Priority.CRITICAL: 1.0,
    Priority.STANDARD: 0.9,
    Priority.BATCH: 0.5,
}
"""Of the limit: how full it may be for a call of each priority to be let in."""


class Limit(Protocol):
    """How many calls may run at once."""

    @property
    def value(self) -> float: ...

    def observe(self, seconds: float, overloaded: bool, running: int) -> None:
        """A call ended after so long, with ``running`` under way, itself included."""
        ...


class FixedLimit:
    """Where the capacity is known."""

    def __init__(self, value: int) -> None:
        if value < 1:
            raise ValueError("a limit lets one call run at least")
        self._value = float(value)

    @property
    def value(self) -> float:
        return self._value

    def observe(self, seconds: float, overloaded: bool, running: int) -> None:
        """It stays as it is."""


class AdaptiveLimit:
    """Additive increase, multiplicative decrease, as TCP does it.

    While it is used and calls end within ``target`` seconds, the limit grows by one for each limit
    full of calls. A call that takes longer or meets overload shrinks it to the share ``decrease``,
    once in ``target`` seconds at the most: calls that ran together tell of the same moment.
    """

    def __init__(
        self,
        *,
        target: float,
        start: int = 10,
        minimum: int = 1,
        maximum: int = 1000,
        decrease: float = 0.8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= minimum <= start <= maximum or not 0 < decrease < 1 or target <= 0:
            raise ValueError("a limit needs 1 <= minimum <= start <= maximum, 0 < decrease < 1")
        self._target = target
        self._minimum = float(minimum)
        self._maximum = float(maximum)
        self._decrease = decrease
        self._clock = clock
        self._value = float(start)
        self._decreased_at = -target

    @property
    def value(self) -> float:
        return self._value

    def observe(self, seconds: float, overloaded: bool, running: int) -> None:
        now = self._clock()
        if overloaded or seconds > self._target:
            if now - self._decreased_at >= self._target:
                self._decreased_at = now
                self._value = max(self._minimum, self._value * self._decrease)
        elif running * 2 >= self._value:  # an idle limit says nothing about the capacity
            self._value = min(self._maximum, self._value + 1 / self._value)


class LoadShedder:
    """Lets calls of ``part`` in while there is room for their priority.

    Of each priority one call is let in while nothing runs, however small the limit. ``retry_after``
    is what a refused call is told, in seconds.
    """

    def __init__(
        self,
        part: str,
        limit: Limit,
        *,
        shares: Mapping[Priority, float] = SHARES,
        retry_after: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._part = part
        self._limit = limit
        self._shares = shares
        self._retry_after = retry_after
        self._clock = clock
        self.running = 0
        self.refused = dict.fromkeys(Priority, 0)

    @contextmanager
    def admit(self, priority: Priority) -> Iterator[None]:
        """Hold a place for what is done inside.

        Raises ``RefusedError`` where there is none. An ``UnavailableError`` from inside counts as
        overload, other errors as answers.
        """
        if self.running >= max(1, int(self._limit.value * self._shares[priority])):
            self.refused[priority] += 1
            raise RefusedError(self._part, retry_after=self._retry_after)
        self.running += 1
        began = self._clock()
        overloaded = False
        try:
            yield
        except UnavailableError:
            overloaded = True
            raise
        finally:
            self._limit.observe(self._clock() - began, overloaded, self.running)
            self.running -= 1
