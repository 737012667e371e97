"""Whoever is let in is answered in time: simulated servers under any load."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.serving.deadlines import due
from models.serving.tickets import Item, Priority, QueueLimits, Ticket
from tests.unit.models.serving.test_batching import SECONDS_PER_TOKEN, batcher, lengths, ticket

Arrivals = list[tuple[float, int, int]]
"""Seconds since the one before, tokens of a window, windows."""

ARRIVALS = st.lists(
    st.tuples(st.floats(0.0, 0.05), st.integers(1, 128), st.integers(1, 20)),
    min_size=1,
    max_size=60,
)
STANDING = st.lists(st.integers(1, 128), max_size=100)


def seconds(batch: list[Item]) -> float:
    return len(batch) * max(lengths(batch)) * SECONDS_PER_TOKEN


def serve(
    arrivals: Arrivals,
    workers: int,
    limits: QueueLimits,
    pace: float,
    timeout: float = 1.0,
    standing: Sequence[int] = (),
) -> tuple[list[Ticket], list[Ticket], dict[Ticket, float]]:
    """Return the tickets let in, those lost, and when each of the others was answered.

    Every run takes `pace` times what the batcher has seen so far. From the start so many windows
    of batch work wait as `standing` has lengths; nobody waits for them.
    """
    queue = batcher(workers, limits=limits)
    for length in standing:
        queue.admit(ticket(length, priority=Priority.BATCH), 0.0)
    let_in: list[Ticket] = []
    lost: list[Ticket] = []
    ends: dict[Ticket, float] = {}
    running: list[tuple[float, int, list[Item]]] = []
    runs = 0

    def start(now: float) -> None:
        nonlocal runs
        while len(running) < workers:
            taken = queue.take(now, workers - len(running))
            lost.extend(taken.lost)
            if not taken.batch:
                if taken.lost:
                    continue
                return
            runs += 1
            heapq.heappush(running, (now + pace * seconds(taken.batch), runs, taken.batch))

    def work(until: float) -> None:
        while running and running[0][0] <= until:
            now, _, batch = heapq.heappop(running)
            ends.update(dict.fromkeys(queue.complete(batch, pace * seconds(batch)), now))
            start(now)

    now = 0.0
    for gap, length, count in arrivals:
        now += gap
        work(now)
        new = ticket(*[length] * count, now=now, deadline=due(now, timeout))
        if queue.admit(new, now) is None:
            let_in.append(new)
        start(now)
    work(now + 1000.0)
    return let_in, lost, ends


@pytest.mark.parametrize(("workers", "margin"), [(1, 1.5), (1, 1.3), (2, 1.3), (4, 1.3)])
@settings(deadline=None, max_examples=60)
@given(arrivals=ARRIVALS, standing=STANDING)
@example(arrivals=[(0.01, 100, 5)] * 200, standing=[])
@example(arrivals=[(0.01, 100, 5)] * 200, standing=[128] * 200)
def test_promises_are_kept_where_runs_take_what_they_did(
    workers: int, margin: float, arrivals: Arrivals, standing: list[int]
) -> None:
    """Nobody is given up, and everybody has his answer before there is no time to write it."""
    limits = QueueLimits(margin=margin)
    let_in, lost, ends = serve(arrivals, workers, limits, pace=1.0, standing=standing)
    assert lost == []
    for each in let_in:
        assert ends[each] <= each.deadline


@settings(deadline=None, max_examples=60)
@given(arrivals=ARRIVALS, pace=st.floats(1.0, 1.1), standing=STANDING)
@example(arrivals=[(0.01, 100, 5)] * 200, pace=1.1, standing=[])
@example(arrivals=[(0.01, 100, 5)] * 200, pace=1.1, standing=[128] * 200)
def test_a_little_slower_and_they_still_are(
    arrivals: Arrivals, pace: float, standing: list[int]
) -> None:
    """With the server's own limits and two workers."""
    let_in, lost, ends = serve(arrivals, 2, QueueLimits(), pace, standing=standing)
    assert lost == []
    for each in let_in:
        assert ends[each] <= each.deadline


def test_long_texts_get_in_as_often_as_short_ones() -> None:
    """At twice what the server can do."""
    arrivals = [(0.06, 10, 1), (0.0, 30, 1), (0.06, 100, 1), (0.0, 100, 1)] * 200
    let_in, lost, ends = serve(arrivals, 1, QueueLimits(), pace=1.0, timeout=4.0)
    assert not lost
    settled = [each.items[0].length for each in let_in if each.arrived > 5.0]
    share = {
        length: settled.count(length) / count for length, count in ((10, 1), (30, 1), (100, 2))
    }
    assert min(share.values()) > 0.8 * max(share.values())
    work = sum(each.items[0].length for each in let_in) * SECONDS_PER_TOKEN
    assert work > 0.95 * max(ends.values())


def test_one_slow_run_does_not_have_everybody_refused() -> None:
    queue = batcher(2)
    slow = ticket(10)
    queue.admit(slow, 0.0)
    queue.complete(queue.take(0.0).batch, 5.0)
    for _ in range(2):
        assert queue.admit(ticket(10, now=5.0, deadline=6.0), 5.0) is None
        assert queue.take(5.0).batch
