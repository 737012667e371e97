"""Building what the next steps need while this one runs, and how long steps wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")

MOST_WAITING = 0.05
"""Share of the time that a run may wait for its input before it is told so."""

_POLL_SECONDS = 0.1


class Prefetch(Generic[Item]):
    """A thread that makes items ahead of their use, at most `ahead` of them, in order.

    What goes wrong while making an item is raised where the item is asked for.
    """

    def __init__(
        self, items: Iterable[Item], ahead: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.waited = 0.0
        """Seconds spent waiting for items."""

        self._clock = clock
        self._queue: Queue[tuple[Item] | BaseException | None] = Queue(max(1, ahead))
        self._closed = Event()
        self._thread = Thread(target=self._make, args=(items,), name="prefetch", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        while True:
            asked = self._clock()
            made = self._queue.get()
            self.waited += self._clock() - asked
            if made is None:
                return
            if isinstance(made, BaseException):
                raise made
            yield made[0]

    def close(self) -> None:
        """Stop making items; what is made already is dropped."""
        self._closed.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
        self._thread.join()

    def _make(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if not self._put((item,)):
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the item is used
            self._put(error)

    def _put(self, made: tuple[Item] | BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(made, timeout=_POLL_SECONDS)
            except Full:
                continue
            return True
        return False
