"""A circuit breaker: what fails too often is left alone for a while, then tried carefully.

Closed, calls go through and the share of failures over a sliding window is watched. Open, calls are
refused at once. After ``open_seconds`` it is half open: a few probes go through; when all of them
work it closes, when one fails it opens again.
"""

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from customerai.resilience.refusal import RefusedError
from customerai.resilience.retries import is_unavailable

T = TypeVar("T")

_SLICES = 10
"""Of a window: what is counted leaves it in steps of a tenth."""


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Guards calls of ``part``.

    It opens where, over the last ``window`` seconds, there were at least ``minimum_calls`` and the
    share ``failure_rate`` of them failed. A call that takes ``slow_seconds`` or longer is a
    failure, whatever it returns, and also where it was cancelled by then: a part that hangs is seen
    only by those who stop waiting. An error is one where ``is_failure`` says so, else the part has
    answered. ``on_change`` is told the old and the new state.
    """

    def __init__(
        self,
        part: str,
        *,
        failure_rate: float = 0.5,
        minimum_calls: int = 10,
        window: float = 10.0,
        open_seconds: float = 5.0,
        probes: int = 1,
        slow_seconds: float = math.inf,
        is_failure: Callable[[Exception], bool] = is_unavailable,
        on_change: Callable[[State, State], None] = lambda _old, _new: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < failure_rate <= 1 or minimum_calls < 1 or probes < 1:
            raise ValueError("a breaker needs a rate in (0, 1], a minimum of calls and a probe")
        self._part = part
        self._failure_rate = failure_rate
        self._minimum_calls = minimum_calls
        self._open_seconds = open_seconds
        self._probes = probes
        self._slow_seconds = slow_seconds
        self._is_failure = is_failure
        self._on_change = on_change
        self._clock = clock
        self._window = _Window(window)
        self._state = State.CLOSED
        self._opened_at = 0.0
        self._probing = 0
        self._probed = 0
        self._generation = 0

    @property
    def state(self) -> State:
        """As the next call will find it."""
        if self._state is State.OPEN and self._clock() - self._opened_at >= self._open_seconds:
            return State.HALF_OPEN
        return self._state

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What ``attempt`` returns or raises; ``RefusedError`` at once while the circuit is open.

        The error's ``retry_after`` is when the next probe may go through.
        """
        generation = self._admit()
        began = self._clock()
        # None: it was cancelled early, and nothing is known about the part.
        failed: bool | None = None
        try:
            answer = await attempt()
            failed = False
            return answer
        except RefusedError:
            raise  # whatever refused it lies before the part
        except Exception as error:
            failed = self._is_failure(error)
            raise
        finally:
            if self._clock() - began >= self._slow_seconds:
                failed = True
            self._settle(generation, failed)

    def _admit(self) -> int:
        """Let a call through; the generation that its outcome will count for."""
        if self.state is State.HALF_OPEN and self._state is State.OPEN:
            self._change(State.HALF_OPEN)
        if self._state is State.OPEN:
            left = self._opened_at + self._open_seconds - self._clock()
            raise RefusedError(self._part, retry_after=max(1, math.ceil(left)))
        if self._state is State.HALF_OPEN:
            if self._probing + self._probed >= self._probes:
                raise RefusedError(self._part)
            self._probing += 1
        return self._generation

    def _settle(self, generation: int, failed: bool | None) -> None:
        if generation != self._generation:
            return  # the circuit has changed since: this call tells of an earlier time
        if self._state is State.HALF_OPEN:
            self._probing -= 1
            if failed:
                self._change(State.OPEN)
            elif failed is not None:
                self._probed += 1
                if self._probed == self._probes:
                    self._change(State.CLOSED)
        elif failed is not None:
            calls, failures = self._window.add(self._clock(), failed)
            if calls >= self._minimum_calls and failures >= self._failure_rate * calls:
                self._change(State.OPEN)

    def _change(self, state: State) -> None:
        old, self._state = self._state, state
        self._generation += 1
        self._probing = self._probed = 0
        self._window.clear()
        if state is State.OPEN:
            self._opened_at = self._clock()
        self._on_change(old, state)


class _Window:
    """Calls and failures of the last ``seconds``, in slices of a tenth of that."""

    def __init__(self, seconds: float) -> None:
        self._slice = seconds / _SLICES
        self._slices: deque[tuple[int, int, int]] = deque()
        self._calls = 0
        self._failures = 0

    def add(self, now: float, failed: bool) -> tuple[int, int]:
        """Count one; how many calls and failures there are now."""
        index = int(now / self._slice)
        while self._slices and self._slices[0][0] <= index - _SLICES:
            _, calls, failures = self._slices.popleft()
            self._calls -= calls
            self._failures -= failures
        calls = failures = 0
        if self._slices and self._slices[-1][0] == index:
            _, calls, failures = self._slices.pop()
        self._slices.append((index, calls + 1, failures + failed))
        self._calls += 1
        self._failures += failed
        return self._calls, self._failures

    def clear(self) -> None:
        self._slices.clear()
        self._calls = self._failures = 0
