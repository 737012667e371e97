"""One call for all who ask for the same thing at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from customerai.domain.errors import UnavailableError
from customerai.resilience import deadline
from customerai.resilience.deadline import Deadline

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self, task: "asyncio.Task[T]") -> None:
        self.task = task
        self.deadline: Deadline | None = deadline.current()
        self.waiting = 0

    def ran_out(self) -> bool:
        """Whether the one who started it had no time left."""
        return self.deadline is not None and self.deadline.remaining() <= 0


class SingleFlight(Generic[K, T]):
    """Callers of one key share the call that is under way; nothing is kept once it has ended.

    A caller that is cancelled leaves the others their answer; when the last one has gone the call
    is cancelled. An error is raised to all who wait. The call runs under the deadline of whoever
    started it: where that was what ended it, those who have time left start it anew.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[T]] = {}
        self.shared = 0
        """Calls that were answered by another's."""

    def __len__(self) -> int:
        """Calls under way."""
        return len(self._flights)

    async def call(self, key: K, attempt: Callable[[], Awaitable[T]]) -> T:
        """What ``attempt`` returns or raises, or what another's attempt for this key does."""
        while True:
            flight = self._flights.get(key)
            mine = flight is None
            if flight is None:
                flight = self._start(key, attempt)
            else:
                self.shared += 1
            try:
                return await self._wait(key, flight)
            except UnavailableError:
                if mine or not flight.ran_out() or deadline.remaining() <= 0:
                    raise

    def _start(self, key: K, attempt: Callable[[], Awaitable[T]]) -> _Flight[T]:
        async def run() -> T:
            return await attempt()

        flight = self._flights[key] = _Flight(asyncio.create_task(run()))
        flight.task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    async def _wait(self, key: K, flight: _Flight[T]) -> T:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._land(key, flight)
                flight.task.cancel()

    def _land(self, key: K, flight: _Flight[T]) -> None:
        """Whoever comes now starts anew."""
        if self._flights.get(key) is flight:
            del self._flights[key]
        if flight.task.done() and not flight.task.cancelled():
            flight.task.exception()  # seen, even where nobody waits any more
