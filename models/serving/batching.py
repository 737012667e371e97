"""The queue of one server: two classes of work, and which of them has its turn.

One pure unit: it starts nothing, waits for nothing and reads no clock; callers pass the time in
and keep two of them from calling at once.

**Classes.** Live work (`critical`, `standard`) and batch work wait in queues of their own
(`fair_queue`) and never share a run. Live work goes first, and its promises are made as if no batch
work waited, but for the runs that are under way. Batch work has what time live work leaves, and a
small share where that leaves none: its next run goes before live work once the last one lies so far
back that it was no more than that share of all workers' time since. Such a run waits, however,
where a live ticket must begin before it has ended, to be in time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from models.serving.admission import Admission, Ahead
from models.serving.fair_queue import FairQueue
from models.serving.lanes import LaneQueue, computed_by
from models.serving.rate import RunCost
from models.serving.tickets import (
    Caller,
    Item,
    LaneLimits,
    Loss,
    Priority,
    QueueLimits,
    Refused,
    State,
    Taken,
    Ticket,
)


class Batcher:
    """Tickets in, micro-batches out."""

    def __init__(
        self,
        lanes: Mapping[str, LaneLimits],
        workers: int,
        limits: QueueLimits | None = None,
    ) -> None:
        limits = limits or QueueLimits()
        self._lanes = lanes
        self._costs = {name: RunCost() for name in lanes}
        self._workers = workers
        self._margin = limits.margin
        self._admission = Admission(limits)
        self._live, self._batch = (
            FairQueue(
                {name: LaneQueue(limit, self._costs[name]) for name, limit in lanes.items()},
                workers,
                limits.margin,
            )
            for _ in range(2)
        )
        self._batch_pause = 1.0 / (limits.batch_share * workers)
        """Seconds from one batch run's begin to the next's at the latest, for each of its own."""
        self._batch_turn = 0.0
        """From when on the next batch run need not wait until no live work does."""
        self._running_seconds = 0.0
        self._longest_run = 0.0
        self.running_items = 0

    @property
    def queued_items(self) -> int:
        """How many sequences wait."""
        return self._live.items + self._batch.items

    @property
    def queued_tokens(self) -> int:
        """How many tokens wait."""
        return self._live.tokens + self._batch.tokens

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.queued_items and not self.running_items

    def backlog_seconds(self, priority: Priority = Priority.BATCH) -> float:
        """Return how long all workers need, by the measured pace, for what runs and for what waits
        that goes before a new request of this priority."""
        return self._ahead(self._queue(priority)).seconds

    def learn(self, lane: str, padded_tokens: int, seconds: float) -> None:
        """Note what a run took that was made elsewhere."""
        self._costs[lane].observe(padded_tokens, seconds)

    def turn_away(self, caller: Caller, now: float) -> Refused | None:
        """Say of a request whose length is not known yet that it would be refused, whatever it is:
        so nothing is spent on it."""
        queue = self._queue(caller.priority)
        if not queue.items and not self._live.items:
            return None
        ahead = self._ahead(queue)
        reason = self._admission.reason_to_refuse(caller, 1, 0.0, ahead, now)
        return None if reason is None else Refused(reason, ahead.seconds)

    def admit(self, ticket: Ticket, now: float) -> Refused | None:
        """Let a ticket wait; the answer says why not, where it may not."""
        queue = self._queue(ticket.priority)
        tokens = queue.price(ticket)
        if not ticket.urgent:
            ahead, seconds = self._ahead(queue), queue.run_seconds(ticket)
            reason = self._admission.reason_to_refuse(ticket, tokens, seconds, ahead, now)
            if reason is not None:
                return Refused(reason, ahead.seconds)
        if queue is self._batch and not queue.items:
            pause = self._batch_pause * ticket.items[0].cost
            self._batch_turn = max(self._batch_turn, now + pause)
        queue.add(ticket, tokens, now)
        return None

    def take(self, now: float, idle_workers: int = 1) -> Taken:
        """Give a worker what to run now; `idle_workers` counts it and those that also wait."""
        lost: list[Ticket] = []
        live = self._live.head(now, self._longest_run, lost)
        queue, head, until = self._live, live, math.inf
        if self._batch.items and (live is None or self._batch_turn <= now):
            queue, head, until = self._with_batch(live, now, lost)
        if head is None:
            return Taken([], lost)
        batch = queue.batch(head, now, idle_workers, until)
        if queue is self._live or live is None:  # what goes before live work waits for no company
            again_at = queue.wait_until(batch, now, self._longest_run)
            if again_at is not None:
                return Taken([], lost, again_at)
        cost = queue.start(batch, now)
        if queue is self._batch:
            self._batch_turn = now + self._batch_pause * cost
        self.running_items += len(batch)
        self._running_seconds += cost
        return Taken(batch, lost)

    def complete(
        self,
        batch: Sequence[Item],
        seconds: float,
        failed: Collection[Item] = (),
        *,
        typical: bool = True,
    ) -> list[Ticket]:
        """Note that a batch has run; return the tickets that are finished, or lost by it.

        Args:
            batch: what `take` gave.
            seconds: how long it ran.
            failed: those of its items that have no answer.
            typical: whether later runs will be like it.
        """
        lane = batch[0].lane
        self.running_items -= len(batch)
        self._running_seconds -= len(batch) * batch[0].cost  # its members share it evenly
        if not self.running_items:
            self._running_seconds = 0.0
        if typical:
            if not failed:
                tokens = computed_by(self._lanes[lane], batch)
                self._costs[lane].observe(tokens, seconds)
            self._longest_run = max(seconds, 0.9 * self._longest_run)
        ended = []
        for item in batch:
            ticket = item.ticket
            item.state = State.DONE
            ticket.unfinished -= 1
            if ticket.loss is not None:
                continue
            if item in failed:
                self._queue(ticket.priority).give_up(ticket, Loss.FAILED)
                ended.append(ticket)
            elif not ticket.unfinished:
                ended.append(ticket)
        return ended

    def cancel(self, ticket: Ticket) -> None:
        """Forget a ticket: what waits of it never runs. Without effect on one that has ended."""
        if ticket.number and ticket.loss is None and ticket.unfinished:
            self._queue(ticket.priority).give_up(ticket, Loss.CANCELLED)

    def _queue(self, priority: Priority) -> FairQueue:
        return self._batch if priority is Priority.BATCH else self._live

    def _ahead(self, queue: FairQueue) -> Ahead:
        """Return what a new ticket of this queue finds before it."""
        live, batch = self._live, self._batch
        items, tokens, seconds = live.items, live.tokens, live.seconds
        if queue is batch:
            items, tokens, seconds = (
                items + batch.items,
                tokens + batch.tokens,
                seconds + batch.seconds,
            )
        wait = max(0.0, (seconds + self._running_seconds) / self._workers)
        all_tokens = live.tokens + batch.tokens
        return Ahead(items, tokens, wait, all_tokens, queue.tokens_of, self._longest_run)

    def _with_batch(
        self, live: Item | None, now: float, lost: list[Ticket]
    ) -> tuple[FairQueue, Item | None, float]:
        """Return whose turn it is, with what, and by when its run must end for live work's sake;
        `live` is what would run of that."""
        head = self._batch.head(now, self._longest_run, lost)
        if live is None:
            return self._batch, head, math.inf
        if head is not None and not live.ticket.urgent:
            until = self._live.latest_start
            if now + self._margin * head.cost <= until:
                return self._batch, head, until
        return self._live, live, math.inf
