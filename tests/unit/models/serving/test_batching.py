"""What runs next and together: examples, and properties over any course of events."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.serving.batching import Batcher
from models.serving.tickets import (
    Caller,
    Item,
    LaneLimits,
    Loss,
    Priority,
    QueueLimits,
    Refusal,
    State,
    Ticket,
)

LANE = LaneLimits(items=4, ratio=1.2, wait_seconds=0.0)
SECONDS_PER_TOKEN = 0.001


def batcher(workers: int = 1, *, limits: QueueLimits | None = None, lane: LaneLimits = LANE):  # type: ignore[no-untyped-def]
    """A batcher that has seen runs of one millisecond a token."""
    made = Batcher({"a": lane, "b": lane}, workers, limits)
    for name in ("a", "b"):
        for tokens in (10, 100):
            made.learn(name, tokens, tokens * SECONDS_PER_TOKEN)
    return made


def ticket(
    *lengths: int,
    now: float = 0.0,
    deadline: float = math.inf,
    client: str = "one",
    lane: str = "a",
    priority: Priority = Priority.STANDARD,
    urgent: bool = False,
) -> Ticket:
    items = [Item(lane, length) for length in lengths]
    return Ticket(
        items, arrived=now, deadline=deadline, client=client, priority=priority, urgent=urgent
    )


def lengths(batch: list[Item]) -> list[int]:
    return [item.length for item in batch]


def test_a_lone_request_runs_at_once_and_by_itself() -> None:
    queue = batcher(workers=2)
    assert queue.idle
    lone = ticket(20)
    assert queue.admit(lone, 0.0) is None
    assert queue.take(0.0, idle_workers=2).batch == lone.items
    assert not queue.idle
    assert queue.complete(lone.items, 0.02) == [lone]
    assert queue.idle


def test_what_waits_fills_batches_of_near_equal_length() -> None:
    queue = batcher()
    for length in (20, 100, 21, 50, 19, 22, 20, 24, 25):
        queue.admit(ticket(length), 0.0)
    first = lengths(queue.take(0.0).batch)
    assert first[0] == 20
    assert sorted(first) == [19, 20, 20, 21]
    assert lengths(queue.take(0.0).batch) == [100]


def test_models_do_not_share_a_run() -> None:
    queue = batcher()
    queue.admit(ticket(20, lane="a"), 0.0)
    queue.admit(ticket(20, lane="b"), 0.0)
    assert [item.lane for item in queue.take(0.0).batch] == ["a"]
    assert [item.lane for item in queue.take(0.0).batch] == ["b"]


def test_idle_workers_share_what_waits() -> None:
    queue = batcher(workers=2)
    queue.admit(ticket(20, 20, 20, 20), 0.0)
    assert len(queue.take(0.0, idle_workers=2).batch) == 2
    assert len(queue.take(0.0, idle_workers=1).batch) == 2


def test_many_windows_of_one_request_do_not_hold_up_a_short_one() -> None:
    queue = batcher()
    queue.admit(ticket(*[128] * 50), 0.0)
    for _ in range(3):
        assert len(queue.take(0.0).batch) == 4
    assert queue.admit(ticket(10), 0.0) is None
    taken = [lengths(queue.take(0.0).batch) for _ in range(2)]
    assert [10] in taken


def test_a_flow_of_short_requests_does_not_starve_a_long_one() -> None:
    queue = batcher()
    long = ticket(*[128] * 8)
    queue.admit(long, 0.0)
    now = 0.0
    for _ in range(400):
        queue.admit(ticket(10, now=now), now)
        batch = queue.take(now).batch
        queue.complete(batch, sum(lengths(batch)) * SECONDS_PER_TOKEN)
        now += sum(lengths(batch)) * SECONDS_PER_TOKEN
        if not long.unfinished:
            break
    assert not long.unfinished


def test_a_ticket_whose_deadline_comes_near_goes_first() -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    for _ in range(5):
        queue.admit(ticket(100), 0.0)
    hurried = ticket(10, deadline=0.62)
    assert queue.admit(hurried, 0.0) is None
    now, order = 0.0, []
    while not queue.idle:
        batch = queue.take(now).batch
        order.append(batch[0].length)
        now += 0.1 * len(batch) if batch[0].length == 100 else 0.01
        queue.complete(batch, 0.1)
        if not hurried.unfinished:
            break
    assert now <= 0.62
    assert hurried.loss is None


def test_a_batch_grows_no_further_than_its_deadlines_allow() -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    queue.admit(ticket(100, deadline=0.25), 0.0)
    for _ in range(3):
        queue.admit(ticket(100), 0.0)
    assert len(queue.take(0.0).batch) == 2


def test_a_deadline_that_would_surely_be_missed_is_refused() -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    queue.admit(ticket(*[100] * 10), 0.0)
    refused = queue.admit(ticket(100, deadline=1.05), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.LATE
    assert refused.retry_seconds == pytest.approx(1.0)
    assert queue.admit(ticket(100, deadline=1.15), 0.0) is None


def test_what_has_expired_is_dropped_and_never_runs() -> None:
    queue = batcher()
    late = ticket(20, deadline=1.0)
    queue.admit(late, 0.0)
    taken = queue.take(0.999)
    assert taken.batch == []
    assert taken.lost == [late]
    assert late.loss is Loss.EXPIRED
    assert queue.idle
    assert queue.queued_tokens == 0


def test_what_is_cancelled_never_runs() -> None:
    queue = batcher()
    gone, stays = ticket(20, 20), ticket(21)
    queue.admit(gone, 0.0)
    queue.admit(stays, 0.0)
    queue.cancel(gone)
    queue.cancel(gone)
    assert gone.loss is Loss.CANCELLED
    assert queue.queued_tokens == 21
    assert queue.take(0.0).batch == stays.items


def test_a_cancelled_ticket_is_not_finished_by_the_run_it_is_in() -> None:
    queue = batcher()
    gone = ticket(20, 60)
    queue.admit(gone, 0.0)
    batch = queue.take(0.0).batch
    queue.cancel(gone)
    assert queue.complete(batch, 0.02) == []
    assert queue.idle


def test_one_failing_item_loses_its_ticket_alone() -> None:
    queue = batcher()
    bad, good = ticket(20, 100), ticket(20)
    queue.admit(bad, 0.0)
    queue.admit(good, 0.0)
    batch = queue.take(0.0).batch
    ended = queue.complete(batch, 0.04, failed=[bad.items[0]])
    assert set(ended) == {bad, good}
    assert bad.loss is Loss.FAILED
    assert good.loss is None
    assert queue.idle


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000, wait_seconds=60.0))
    assert queue.admit(ticket(*[100] * 9), 0.0) is None
    refused = queue.admit(ticket(200), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.FULL
    assert refused.retry_seconds == pytest.approx(0.9)
    assert queue.admit(ticket(100, priority=Priority.CRITICAL), 0.0) is None


def test_nobody_waits_longer_than_the_limit_behind_others() -> None:
    queue = batcher(limits=QueueLimits(wait_seconds=0.5))
    assert queue.admit(ticket(*[100] * 6), 0.0) is None
    refused = queue.admit(ticket(10), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.FULL


def test_the_client_that_fills_the_queue_is_told_apart_from_the_others() -> None:
    queue = batcher(limits=QueueLimits(tokens=1000))
    queue.admit(ticket(*[100] * 6, client="greedy"), 0.0)
    queue.admit(ticket(100, client="modest"), 0.0)
    refused = queue.admit(ticket(100, client="greedy"), 0.0)
    assert refused is not None
    assert refused.reason is Refusal.GREEDY
    assert queue.admit(ticket(100, client="modest"), 0.0) is None


def test_a_probe_is_let_in_and_goes_first_however_full_the_queue() -> None:
    queue = batcher(limits=QueueLimits(tokens=100))
    queue.admit(ticket(100), 0.0)
    probe = ticket(5, urgent=True)
    assert queue.admit(probe, 0.0) is None
    assert queue.take(0.0).batch == probe.items


def costly(fixed: float) -> Batcher:
    """Runs whose fixed cost is nearly all of it, as on a GPU."""
    made = Batcher({"a": LaneLimits(items=8, ratio=2.0, wait_seconds=0.01)}, 1)
    for tokens in (10, 100, 1000):
        made.learn("a", tokens, fixed + tokens * 1e-6)
    return made


def test_a_run_waits_for_company_only_where_that_pays() -> None:
    busy, calm = costly(0.02), costly(0.02)
    for step in range(200):
        now = step * 0.001
        busy.admit(ticket(10, now=now), now)
        while step < 199 and (batch := busy.take(now + 1.0).batch):
            busy.complete(batch, 0.02)
    waiting = busy.take(0.199)
    assert waiting.batch == []
    assert waiting.again_at == pytest.approx(0.199 + 0.01)
    assert len(busy.take(0.21).batch) == 1
    calm.admit(ticket(10), 0.0)
    assert len(calm.take(0.0).batch) == 1


def test_whole_texts_run_together_whatever_their_length() -> None:
    queue = batcher(lane=LaneLimits(items=64, ratio=math.inf, wait_seconds=0.0))
    for length in (1, 1_000, 50):
        queue.admit(ticket(length), 0.0)
    assert sorted(lengths(queue.take(0.0).batch)) == [1, 50, 1_000]


class AnyCourse(RuleBasedStateMachine):
    """Requests, runs, cancellations and failures in any order, and time that goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = QueueLimits(tokens=1500, batch_share=0.2)
        self.queue = batcher(workers=3, limits=self.limits)
        self.now = self.batch_turn = 0.0
        self.let_in: list[Ticket] = []
        self.running: list[list[Item]] = []
        self.ended: list[Ticket] = []

    @rule(
        sizes=st.lists(st.integers(1, 128), min_size=1, max_size=6),
        patience=st.floats(0.01, 3.0) | st.just(math.inf),
        client=st.sampled_from("xyz"),
        lane=st.sampled_from("ab"),
        priority=st.sampled_from(Priority),
    )
    def arrive(
        self, sizes: list[int], patience: float, client: str, lane: str, priority: Priority
    ) -> None:
        due = self.now + patience
        new = ticket(
            *sizes, now=self.now, deadline=due, client=client, lane=lane, priority=priority
        )
        if self.queue.admit(new, self.now) is None:
            self.let_in.append(new)

    @precondition(lambda self: len(self.running) < 3)
    @rule()
    def take(self) -> None:
        waiting = [each for each in self.let_in if each.queued]
        taken = self.queue.take(self.now, 3 - len(self.running))
        for lost in taken.lost:
            assert lost.loss is Loss.EXPIRED
            assert self.now > 0.0
            self.ended.append(lost)
        if not taken.batch:
            assert all(each.loss for each in waiting)
            return
        batch = taken.batch
        assert len(batch) <= LANE.items
        assert max(lengths(batch)) <= LANE.ratio * min(lengths(batch))
        assert len({item.lane for item in batch}) == 1
        self.classes_keep_apart(batch)
        assert len({id(item) for item in batch}) == len(batch)
        for item in batch:
            assert item.state is State.RUNNING
            assert item.ticket.loss is None
            assert all(item not in other for other in self.running)
        self.running.append(batch)

    def classes_keep_apart(self, batch: list[Item]) -> None:
        """Batch work runs by itself, and before live work only once it is its turn."""
        classes = {item.ticket.priority is Priority.BATCH for item in batch}
        assert len(classes) == 1
        if classes == {True}:
            live = (each for each in self.let_in if each.priority is not Priority.BATCH)
            assert self.now >= self.batch_turn or not any(each.queued for each in live)
            seconds = sum(item.cost for item in batch)
            self.batch_turn = self.now + seconds / (self.limits.batch_share * 3)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), fails=st.booleans())
    def finish(self, data: st.DataObject, fails: bool) -> None:
        batch = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        failed = batch[:1] if fails else []
        self.ended += self.queue.complete(batch, sum(lengths(batch)) * 0.001, failed)

    @precondition(lambda self: self.let_in)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.queue.cancel(data.draw(st.sampled_from(self.let_in)))

    @rule(seconds=st.floats(0.0, 0.5))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_bound_holds(self) -> None:
        queued = [item for each in self.let_in for item in each.items if item.state is State.QUEUED]
        assert self.queue.queued_items == len(queued)
        assert self.queue.queued_tokens == sum(lengths(queued)) <= self.limits.tokens
        assert self.queue.running_items == sum(map(len, self.running))

    @invariant()
    def tickets_end_once_and_for_a_reason(self) -> None:
        assert len({id(each) for each in self.ended}) == len(self.ended)
        for each in self.ended:
            assert each.loss is not None or not each.unfinished

    def teardown(self) -> None:
        """What is left comes to an end, whatever happened before."""
        while self.running:
            self.ended += self.queue.complete(self.running.pop(), 0.01)
        for _ in range(len(self.let_in) * 6 + 1):
            taken = self.queue.take(self.now)
            self.ended += taken.lost
            if taken.batch:
                self.ended += self.queue.complete(taken.batch, 0.01)
        assert self.queue.idle
        for each in self.let_in:
            done = all(item.state is State.DONE for item in each.items)
            assert each.loss is not None or done


AnyCourse.TestCase.settings = settings(deadline=None, max_examples=30, stateful_step_count=40)
TestAnyCourse = AnyCourse.TestCase


def test_what_could_only_be_late_is_turned_away_before_anything_is_spent_on_it() -> None:
    queue = batcher(limits=QueueLimits(margin=1.0))
    assert queue.turn_away(Caller(0.0001), now=0.0) is None  # nothing waits: it may be tried
    for deadline in (5.0, 6.0, 7.0):
        assert queue.admit(ticket(100, deadline=deadline), now=0.0) is None
    wait = queue.backlog_seconds()
    assert wait > 0
    refused = queue.turn_away(Caller(wait * 0.9), now=0.0)
    assert refused is not None
    assert refused.reason is Refusal.LATE
    assert refused.retry_seconds == wait
    assert queue.turn_away(Caller(wait * 10), now=0.0) is None
