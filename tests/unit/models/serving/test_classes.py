"""Live work goes first and batch work never starves: which class runs, and what it is promised."""

from __future__ import annotations

import math

import pytest

from models.serving.batching import Batcher
from models.serving.tickets import (
    Caller,
    Item,
    LaneLimits,
    Priority,
    QueueLimits,
    Refusal,
    Refused,
    Ticket,
)
from tests.unit.models.serving.test_batching import SECONDS_PER_TOKEN, batcher, lengths, ticket

CRITICAL, STANDARD, BATCH = Priority
LIVE = pytest.mark.parametrize("live", [CRITICAL, STANDARD])
SHARE = QueueLimits().batch_share


def take(queue: Batcher, now: float = 0.0) -> list[Item]:
    """What a worker is given, once it has run; the run takes no time."""
    batch = queue.take(now).batch
    queue.complete(batch, len(batch) * max(lengths(batch)) * SECONDS_PER_TOKEN)
    return batch


def priorities(batch: list[Item]) -> set[Priority]:
    return {item.ticket.priority for item in batch}


@LIVE
def test_live_work_goes_first_whenever_it_came(live: Priority) -> None:
    queue = batcher()
    late = [ticket(20, 20, 20, 20, 20, priority=BATCH) for _ in range(3)]
    for each in late:
        queue.admit(each, 0.0)
    assert priorities(take(queue)) == {BATCH}
    first = ticket(20, 20, priority=live)
    queue.admit(first, 0.0)
    assert take(queue) == first.items
    assert priorities(take(queue)) == {BATCH}


@LIVE
def test_no_run_holds_both_even_where_it_has_room(live: Priority) -> None:
    queue = batcher()
    for priority in (BATCH, live, BATCH, live):
        queue.admit(ticket(20, priority=priority), 0.0)
    assert [priorities(take(queue)) for _ in range(2)] == [{live}, {BATCH}]
    assert queue.idle


def test_critical_and_standard_work_share_runs() -> None:
    queue = batcher()
    queue.admit(ticket(20, priority=CRITICAL), 0.0)
    queue.admit(ticket(20, priority=STANDARD), 0.0)
    assert priorities(take(queue)) == {CRITICAL, STANDARD}


@LIVE
def test_batch_work_that_waits_makes_no_live_work_late(live: Priority) -> None:
    queue = batcher()
    queue.admit(ticket(*[100] * 49, priority=BATCH), 0.0)
    queue.complete(queue.take(0.0).batch, 0.4)
    assert queue.backlog_seconds() == pytest.approx(4.5)
    assert queue.backlog_seconds(live) == 0.0
    assert queue.turn_away(Caller(1.8, priority=live), 0.0) is None
    assert queue.admit(ticket(100, deadline=1.8, priority=live), 0.0) is None
    assert queue.turn_away(Caller(1.8, priority=live), 0.0) is None
    late = Refused(Refusal.LATE, queue.backlog_seconds())
    assert queue.turn_away(Caller(1.8, priority=BATCH), 0.0) == late
    assert queue.admit(ticket(100, deadline=1.8, priority=BATCH), 0.0) == late


@LIVE
def test_a_batch_run_under_way_is_waited_for(live: Priority) -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    queue.admit(ticket(*[100] * 8, priority=BATCH), 0.0)
    assert len(queue.take(0.0).batch) == 4
    assert queue.backlog_seconds(live) == pytest.approx(0.4)
    refused = queue.admit(ticket(100, deadline=0.49, priority=live), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.LATE
    assert refused.retry_seconds == pytest.approx(0.4)
    assert queue.admit(ticket(100, deadline=0.51, priority=live), 0.0) is None


def test_live_work_that_waits_counts_for_batch_work() -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    queue.admit(ticket(*[100] * 10), 0.0)
    assert queue.backlog_seconds(BATCH) == pytest.approx(1.0)
    refused = queue.admit(ticket(100, deadline=1.05, priority=BATCH), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.LATE
    assert queue.admit(ticket(100, deadline=1.15, priority=BATCH), 0.0) is None


def test_batch_work_takes_up_memory_but_none_of_live_work_s_longest_wait() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000, wait_seconds=0.5))
    queue.admit(ticket(950, priority=BATCH), 0.0)
    assert queue.admit(ticket(50), 0.0) is None
    assert queue.admit(ticket(1), 0.0) == Refused(Refusal.FULL, queue.backlog_seconds(STANDARD))


def test_a_client_s_batch_work_is_not_held_against_its_live_work() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000))
    queue.admit(ticket(400, client="both", priority=BATCH), 0.0)
    queue.admit(ticket(100, client="other"), 0.0)
    assert queue.admit(ticket(200, client="both"), 0.0) is None
    queue.admit(ticket(150, client="other"), 0.0)
    assert queue.admit(ticket(100, client="both"), 0.0) == Refused(
        Refusal.FULL, queue.backlog_seconds(STANDARD)
    )


def test_batch_work_is_fair_in_itself() -> None:
    queue = batcher()
    queue.admit(ticket(*[128] * 50, priority=BATCH), 0.0)
    for _ in range(3):
        assert lengths(take(queue)) == [128] * 4
    queue.admit(ticket(10, priority=BATCH), 0.0)
    assert [10] in [lengths(take(queue)) for _ in range(2)]


def test_batch_work_whose_deadline_comes_near_goes_before_other_batch_work() -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    for _ in range(4):
        queue.admit(ticket(100, priority=BATCH), 0.0)
    hurried = ticket(10, deadline=0.6, priority=BATCH)
    queue.admit(hurried, 0.0)
    queue.admit(ticket(20), 0.0)
    assert lengths(take(queue, 0.57)) == [20]
    assert take(queue, 0.59) == hurried.items


def never_let_up(workers: int, until: float) -> dict[Priority, float]:
    """Seconds of runs by class, where live work always waits and batch work as well."""
    queue = batcher(workers)
    spent = dict.fromkeys(Priority, 0.0)
    now = 0.0
    for _ in range(20):
        queue.admit(ticket(*[100] * 20, priority=BATCH), now)
    while now < until:
        while queue.backlog_seconds(STANDARD) < 0.5:
            queue.admit(ticket(50, 60, 70, now=now, deadline=now + 5.0), now)
        batches = [queue.take(now, workers - n).batch for n in range(workers)]
        for batch in batches:
            (priority,) = priorities(batch)
            seconds = len(batch) * max(lengths(batch)) * SECONDS_PER_TOKEN
            spent[priority] += seconds
            queue.complete(batch, seconds)
            now += seconds / workers
    return spent


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_batch_work_gets_its_share_where_live_work_never_lets_up(workers: int) -> None:
    spent = never_let_up(workers, 100.0)
    share = SHARE * sum(spent.values())
    one_run = 4 * 100 * SECONDS_PER_TOKEN
    assert 0.6 * share < spent[BATCH] <= share + one_run


def test_batch_work_waits_its_time_before_it_first_goes_before_live_work() -> None:
    queue = batcher(limits=QueueLimits(batch_share=0.1))
    for _ in range(20):
        queue.admit(ticket(100), 0.0)
    patient = ticket(100, now=5.0, priority=BATCH)
    queue.admit(patient, 5.0)
    assert priorities(take(queue, 5.99)) == {STANDARD}
    assert take(queue, 6.0) == patient.items
    again = ticket(100, now=6.5, priority=BATCH)
    queue.admit(again, 6.5)
    assert priorities(take(queue, 7.49)) == {STANDARD}
    assert take(queue, 7.5) == again.items


def due(live_deadline: float, *batch: int, urgent: bool = False) -> Batcher:
    """A queue in which it is batch work's turn at 100 seconds, and live work waits as well."""
    queue: Batcher = batcher(limits=QueueLimits(margin=1.0))
    queue.admit(ticket(*batch, priority=BATCH), 0.0)
    live = ticket(30, now=100.0, deadline=100.0 + live_deadline, urgent=urgent)
    assert queue.admit(live, 100.0) is None
    return queue


def test_batch_work_s_turn_costs_no_live_ticket_its_deadline() -> None:
    assert lengths(take(due(0.13, 100, 100), 100.0)) == [100]
    assert lengths(take(due(0.23, 100, 100), 100.0)) == [100, 100]
    assert lengths(take(due(0.12, 100, 100), 100.0)) == [30]


def test_a_probe_goes_before_batch_work_whose_turn_it_is() -> None:
    assert lengths(take(due(math.inf, 100), 100.0)) == [100]
    assert lengths(take(due(math.inf, 100, urgent=True), 100.0)) == [30]


def test_batch_work_whose_turn_it_is_does_not_wait_for_company() -> None:
    lane = LaneLimits(items=8, ratio=2.0, wait_seconds=0.01)
    queue = Batcher({"a": lane}, 1, QueueLimits(batch_share=100.0))
    for tokens in (10, 100, 1000):
        queue.learn("a", tokens, 0.02 + tokens * 1e-6)
    for step in range(200):
        now = step * 0.001
        queue.admit(ticket(10, now=now, priority=BATCH), now)
        while batch := queue.take(now + 0.011).batch:
            queue.complete(batch, 0.02)
    hurried = ticket(10, now=0.22, priority=BATCH)
    queue.admit(hurried, 0.22)
    assert queue.take(0.221).again_at == pytest.approx(0.23)
    queue.admit(ticket(10, now=0.221), 0.221)
    assert queue.take(0.221).batch == hurried.items


def test_what_is_lost_or_cancelled_of_either_class_leaves_nothing_behind() -> None:
    queue = batcher()
    gone: list[Ticket] = []
    for priority in (BATCH, STANDARD):
        gone += [
            ticket(20, deadline=1.0, priority=priority),
            ticket(30, 40, priority=priority),
        ]
    for each in gone:
        queue.admit(each, 0.0)
    late_batch, cancelled_batch, late, cancelled = gone
    queue.cancel(cancelled)
    queue.cancel(cancelled_batch)
    assert queue.take(0.999).lost == [late, late_batch]
    assert queue.idle
    assert queue.queued_tokens == 0
    assert queue.backlog_seconds() == 0.0
