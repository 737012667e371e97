"""Which sequences run next, and together.

One pure unit: it starts nothing, waits for nothing and reads no clock; callers pass the time in
and keep two of them from calling at once.

**Together.** A worker gets at most `LaneLimits.items` sequences of near-equal length, because
padding wastes a CPU. Batches fill by themselves while workers are busy. Only where single runs
could not carry what arrives, and a run's fixed cost is worth more than the time until company
comes, a worker waits for it. A batch grows no further than its members' deadlines allow, nor
beyond its share where other workers are idle.

**Next.** Fair queueing: a ticket is stamped with the virtual time of its arrival, and each of its
items later by the work before it. Virtual time advances with the work done, divided by the tickets
that wait, so a request of many windows gets its share and no more, and nothing starves. A ticket
whose deadline comes near goes first, however.

Source of the virtual clock: Demers, Keshav, Shenker, "Analysis and Simulation of a Fair Queueing
Algorithm", 1989.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import islice

from models.serving.rate import RunCost
from models.serving.tickets import (
    Item,
    LaneLimits,
    Loss,
    QueueLimits,
    Refusal,
    Refused,
    State,
    Taken,
    Ticket,
)

_ARRIVALS_SECONDS = 0.25
"""Over how long the rate of arrivals is averaged."""

_ROOM_RUNS = 4.0
"""How many of the longest runs a ticket must have time for, however short it is itself."""

_ROOM_SHARE = 0.25
"""Of a ticket's time, the most that it must have for them."""


class _Lane:
    """What waits for one model, by length, and what is known of its runs."""

    def __init__(self, limits: LaneLimits) -> None:
        self.limits = limits
        self.cost = RunCost()
        self.queued = 0
        self._by_length: defaultdict[int, deque[Item]] = defaultdict(deque)
        self._any_length = math.isinf(limits.ratio)
        self._arrivals = 0.0
        self._arrived_at = 0.0

    def add(self, item: Item) -> None:
        self.queued += 1
        self._by_length[0 if self._any_length else item.length].append(item)

    def tokens(self, batch: Sequence[Item]) -> int:
        """Return what a run of a batch computes on; lanes for any length pad nothing."""
        lengths = [item.length for item in batch]
        return sum(lengths) if self._any_length else len(batch) * max(lengths)

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


class Batcher:
    """The queue of one server: tickets in, micro-batches out."""

    def __init__(
        self,
        lanes: Mapping[str, LaneLimits],
        workers: int,
        limits: QueueLimits | None = None,
    ) -> None:
        self._lanes = {name: _Lane(limit) for name, limit in lanes.items()}
        self._workers = workers
        self._limits = limits or QueueLimits()
        self._fair: list[tuple[float, int, int]] = []
        self._latest_start: list[tuple[float, int]] = []
        self._tickets: dict[int, Ticket] = {}
        self._tokens_of: Counter[Hashable] = Counter()
        self._queued_seconds = 0.0
        self._running_seconds = 0.0
        self._longest_run = 0.0
        self._virtual = 0.0
        self._numbers = 0
        self.queued_tokens = 0
        self.queued_items = 0
        self.running_items = 0

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self.queued_items and not self.running_items

    def backlog_seconds(self) -> float:
        """Return how long all workers need for what waits and runs, by the measured pace."""
        return (self._queued_seconds + self._running_seconds) / self._workers

    def learn(self, lane: str, padded_tokens: int, seconds: float) -> None:
        """Note what a run took that was made elsewhere."""
        self._lanes[lane].cost.observe(padded_tokens, seconds)

    def turn_away(self, deadline: float, now: float) -> Refused | None:
        """Say of a request whose length is not known yet that it would be too late, whatever it
        is: so nothing is spent on it."""
        wait = self.backlog_seconds()
        if not self.queued_items or self._in_time(wait + self._room(deadline, now), deadline, now):
            return None
        return Refused(Refusal.LATE, max(wait, 0.0))

    def admit(self, ticket: Ticket, now: float) -> Refused | None:
        """Let a ticket wait; the answer says why not, where it may not."""
        tokens = 0
        for item in ticket.items:
            item.cost = self._lanes[item.lane].cost.seconds(item.length)
            ticket.cost_left += item.cost
            tokens += item.length
        if not ticket.urgent:
            reason = self._reason_to_refuse(ticket, tokens, now)
            if reason is not None:
                return Refused(reason, max(self.backlog_seconds(), 0.0))
        self._numbers += 1
        ticket.number = self._numbers
        self._tickets[ticket.number] = ticket
        tag = -math.inf if ticket.urgent else self._virtual
        for index, item in enumerate(ticket.items):
            item.tag = tag
            tag += item.cost
            heapq.heappush(self._fair, (item.tag, ticket.number, index))
            self._lanes[item.lane].add(item)
        for name, items in Counter(item.lane for item in ticket.items).items():
            self._lanes[name].arrived(items, now)
        heapq.heappush(self._latest_start, (self._start_by(ticket), ticket.number))
        self.queued_items += len(ticket.items)
        self.queued_tokens += tokens
        self._tokens_of[ticket.client] += tokens
        self._queued_seconds += ticket.cost_left
        return None

    def take(self, now: float, idle_workers: int = 1) -> Taken:
        """Give a worker what to run now; `idle_workers` counts it and those that also wait."""
        lost: list[Ticket] = []
        head = self._head(now, lost)
        if head is None:
            return Taken([], lost)
        lane = self._lanes[head.lane]
        batch = self._batch(head, lane, now, idle_workers)
        again_at = self._wait_until(batch, lane, now)
        if again_at is not None:
            return Taken([], lost, again_at)
        self._virtual += sum(item.cost for item in batch) / len(self._tickets)
        cost = lane.cost.seconds(lane.tokens(batch))
        for item in batch:
            self._unqueue(item, State.RUNNING)
            item.cost = cost / len(batch)
            if item.ticket.first_run is None:
                item.ticket.first_run = now
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
        lane = self._lanes[batch[0].lane]
        self.running_items -= len(batch)
        self._running_seconds -= sum(item.cost for item in batch)
        if not self.running_items:
            self._running_seconds = 0.0
        if typical:
            if not failed:
                lane.cost.observe(lane.tokens(batch), seconds)
            self._longest_run = max(seconds, 0.9 * self._longest_run)
        ended = []
        for item in batch:
            ticket = item.ticket
            item.state = State.DONE
            ticket.unfinished -= 1
            if ticket.loss is not None:
                continue
            if item in failed:
                self._give_up(ticket, Loss.FAILED)
                ended.append(ticket)
            elif not ticket.unfinished:
                ended.append(ticket)
        return ended

    def cancel(self, ticket: Ticket) -> None:
        """Forget a ticket: what waits of it never runs. Without effect on one that has ended."""
        if ticket.number and ticket.loss is None and ticket.unfinished:
            self._give_up(ticket, Loss.CANCELLED)

    def _reason_to_refuse(self, ticket: Ticket, tokens: int, now: float) -> Refusal | None:
        limits = self._limits
        total = self.queued_tokens + tokens
        if self.queued_items and total > limits.greedy_above * limits.tokens:
            clients = len(self._tokens_of) + (ticket.client not in self._tokens_of)
            mine = self._tokens_of.get(ticket.client, 0)
            if clients > 1 and mine + tokens > limits.tokens / clients:
                return Refusal.GREEDY
        wait = self.backlog_seconds()
        if total > limits.tokens or (self.queued_items and wait > limits.wait_seconds):
            return Refusal.FULL
        room = max(self._run_seconds(ticket), self._room(ticket.deadline, now))
        if not self._in_time(wait + room, ticket.deadline, now):
            return Refusal.LATE
        return None

    def _room(self, deadline: float, now: float) -> float:
        """The least time that a ticket is taken to run.

        The same for all: else short texts take it up, and long ones never get in. But no more than
        a share of the time, so that one slow run can't have everybody refused.
        """
        return min(_ROOM_RUNS * self._longest_run, _ROOM_SHARE * (deadline - now))

    def _in_time(self, seconds: float, deadline: float, now: float) -> bool:
        return now + self._limits.margin * seconds <= deadline

    def _run_seconds(self, ticket: Ticket) -> float:
        """How long a ticket runs, with all workers on it."""
        return max(ticket.items[ticket.next].cost, ticket.cost_left / self._workers)

    def _start_by(self, ticket: Ticket) -> float:
        """When the rest of a ticket must begin to run, to be in time even at a slower pace."""
        return ticket.deadline - self._limits.margin * self._run_seconds(ticket)

    def _head(self, now: float, lost: list[Ticket]) -> Item | None:
        """The item that is next: of a ticket whose time runs out, or the lowest stamp."""
        pressed = self._pressed(now, lost)
        if pressed is not None and not (self._fair and self._fair[0][0] == -math.inf):
            return pressed
        while self._fair:
            _, number, index = self._fair[0]
            ticket = self._tickets.get(number)
            if ticket is not None and ticket.items[index].state is State.QUEUED:
                return ticket.items[index]
            heapq.heappop(self._fair)
        return None

    def _pressed(self, now: float, lost: list[Ticket]) -> Item | None:
        soon = now + self._limits.margin * self._longest_run
        while self._latest_start:
            start_by, number = self._latest_start[0]
            ticket = self._tickets.get(number)
            if ticket is None:
                heapq.heappop(self._latest_start)
                continue
            if start_by > soon:
                return None
            while ticket.items[ticket.next].state is not State.QUEUED:
                ticket.next += 1
            item = ticket.items[ticket.next]
            if now + item.cost > ticket.deadline:
                heapq.heappop(self._latest_start)
                self._give_up(ticket, Loss.EXPIRED)
                lost.append(ticket)
                continue
            actual = self._start_by(ticket)
            if actual <= soon:
                return item
            heapq.heapreplace(self._latest_start, (actual, number))
        return None

    def _batch(self, head: Item, lane: _Lane, now: float, idle_workers: int) -> list[Item]:
        most = min(lane.limits.items, max(1, math.ceil(lane.queued / max(1, idle_workers))))
        batch, deadline = [head], head.ticket.deadline
        if most == 1:
            return batch
        for item in lane.company(head):
            if item is head:
                continue
            due = min(deadline, item.ticket.deadline)
            if now + self._limits.margin * lane.cost.seconds(lane.tokens([*batch, item])) > due:
                continue
            deadline = due
            batch.append(item)
            if len(batch) == most:
                break
        return batch

    def _wait_until(self, batch: list[Item], lane: _Lane, now: float) -> float | None:
        """When to stop waiting for company; None where the batch should run at once."""
        limits = lane.limits
        head = batch[0]
        if len(batch) >= limits.items or head.ticket.urgent or not limits.wait_seconds:
            return None
        arrivals = lane.arrivals_per_second(now)
        alone = lane.cost.seconds(head.length)
        if arrivals * alone <= self._workers or arrivals * lane.cost.fixed <= 1.0:
            return None
        until = min(
            head.ticket.arrived + limits.wait_seconds,
            self._start_by(head.ticket) - self._limits.margin * self._longest_run,
        )
        return until if until > now else None

    def _give_up(self, ticket: Ticket, loss: Loss) -> None:
        ticket.loss = loss
        for item in ticket.items:
            if item.state is State.QUEUED:
                self._unqueue(item, State.DROPPED)

    def _unqueue(self, item: Item, state: State) -> None:
        item.state = state
        ticket = item.ticket
        ticket.queued -= 1
        ticket.cost_left -= item.cost
        self._lanes[item.lane].queued -= 1
        self.queued_items -= 1
        self.queued_tokens -= item.length
        self._queued_seconds -= item.cost
        self._tokens_of[ticket.client] -= item.length
        if not ticket.queued:
            del self._tickets[ticket.number]
            if self._tokens_of[ticket.client] <= 0:
                del self._tokens_of[ticket.client]
        if not self.queued_items:
            self._queued_seconds = 0.0
