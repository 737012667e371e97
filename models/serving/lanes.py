"""What waits for one model, by length, so that sequences of near-equal length find each other."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import islice

from models.serving.rate import RunCost
from models.serving.tickets import Item, LaneLimits, State

_ARRIVALS_SECONDS = 0.25
"""Over how long the rate of arrivals is averaged."""


class LaneQueue:
    """One class's sequences for one model.

    Args:
        limits: what one of the model's runs may hold.
        cost: what they take; whatever else waits for the same model shares it.
    """

    def __init__(self, limits: LaneLimits, cost: RunCost) -> None:
        self.limits = limits
        self.cost = cost
        self.queued = 0
        self._by_length: defaultdict[int, deque[Item]] = defaultdict(deque)
        self._any_length = math.isinf(limits.ratio)
        self._arrivals = 0.0
        self._arrived_at = 0.0

    def add(self, item: Item) -> None:
        self.queued += 1
        self._by_length[0 if self._any_length else item.length].append(item)

    def arrived(self, items: int, now: float) -> None:
        self._arrivals = self._recent(now) + items
        self._arrived_at = now

    def arrivals_per_second(self, now: float) -> float:
        return self._recent(now) / _ARRIVALS_SECONDS

    def company(self, head: Item) -> Iterator[Item]:
        """Yield items that may run with `head`, nearest length first, oldest first."""
        if self._any_length:
            yield from self._waiting(0)
            return
        ratio = self.limits.ratio
        low = high = head.length
        yield from self._waiting(head.length)
        for step in range(1, int(head.length * (ratio - 1.0)) + 1):
            for length in (head.length - step, head.length + step):
                if max(high, length) > ratio * min(low, length):
                    continue
                for item in self._waiting(length):
                    low, high = min(low, length), max(high, length)
                    yield item

    def _waiting(self, length: int) -> Iterator[Item]:
        queue = self._by_length.get(length)
        if queue is None:
            return
        while queue and queue[0].state is not State.QUEUED:
            queue.popleft()
        if queue:
            waiting = (item for item in queue if item.state is State.QUEUED)
            yield from islice(waiting, self.limits.items)
        else:
            del self._by_length[length]

    def _recent(self, now: float) -> float:
        return self._arrivals * math.exp((self._arrived_at - now) / _ARRIVALS_SECONDS)


def computed(limits: LaneLimits, items: int, longest: int, tokens: int) -> int:
    """Return how many tokens a run computes on; lanes for any length pad nothing."""
    return tokens if limits.ratio == math.inf else items * longest


def computed_by(limits: LaneLimits, batch: Sequence[Item]) -> int:
    """Return how many tokens a run of a batch computes on."""
    lengths = [item.length for item in batch]
    return computed(limits, len(batch), max(lengths), sum(lengths))
