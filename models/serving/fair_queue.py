"""The queue of one class of work: which of its sequences run next, and together.

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
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from models.serving.lanes import LaneQueue, computed, computed_by
from models.serving.tickets import Item, Loss, State, Ticket


class FairQueue:
    """Tickets of one class, from their admission until all their items run or are dropped.

    Args:
        lanes: where their items wait, by model.
        workers: how many runs go on side by side.
        margin: how much slower than measured a run may turn out.
    """

    def __init__(self, lanes: Mapping[str, LaneQueue], workers: int, margin: float) -> None:
        self._lanes = lanes
        self._workers = workers
        self._margin = margin
        self._fair: list[tuple[float, int, int]] = []
        self._latest_start: list[tuple[float, int]] = []
        self._tickets: dict[int, Ticket] = {}
        self._virtual = 0.0
        self._numbers = 0
        self.items = 0
        self.tokens = 0
        self.seconds = 0.0
        """What one worker would need for all of it, by the measured pace."""
        self.tokens_of: Counter[Hashable] = Counter()
        """Tokens that wait, by client."""

    def price(self, ticket: Ticket) -> int:
        """Note what a ticket's items will cost by themselves; return its tokens."""
        tokens = 0
        for item in ticket.items:
            item.cost = self._lanes[item.lane].cost.seconds(item.length)
            ticket.cost_left += item.cost
            tokens += item.length
        return tokens

    def add(self, ticket: Ticket, tokens: int, now: float) -> None:
        """Let a ticket wait that has its price."""
        self._numbers += 1
        ticket.number = self._numbers
        self._tickets[ticket.number] = ticket
        tag = -math.inf if ticket.urgent else self._virtual
        arrived: dict[str, int] = {}
        for index, item in enumerate(ticket.items):
            item.tag = tag
            tag += item.cost
            heapq.heappush(self._fair, (item.tag, ticket.number, index))
            self._lanes[item.lane].add(item)
            arrived[item.lane] = arrived.get(item.lane, 0) + 1
        for name, items in arrived.items():
            self._lanes[name].arrived(items, now)
        heapq.heappush(self._latest_start, (self._start_by(ticket), ticket.number))
        self.items += len(ticket.items)
        self.tokens += tokens
        self.tokens_of[ticket.client] += tokens
        self.seconds += ticket.cost_left

    def head(self, now: float, longest_run: float, lost: list[Ticket]) -> Item | None:
        """Return the item that is next: of a ticket whose time runs out, or the lowest stamp.

        Tickets found to be too late are given up and added to `lost`. A ticket's time runs out
        where it could not wait for a run as long as the longest of late.
        """
        pressed = self._pressed(now, now + self._margin * longest_run, lost)
        if pressed is not None and not (self._fair and self._fair[0][0] == -math.inf):
            return pressed
        while self._fair:
            _, number, index = self._fair[0]
            ticket = self._tickets.get(number)
            if ticket is not None and ticket.items[index].state is State.QUEUED:
                return ticket.items[index]
            heapq.heappop(self._fair)
        return None

    @property
    def latest_start(self) -> float:
        """When the first ticket must begin to run, to be in time; to be asked after `head`.

        One that has begun may have more time than this says.
        """
        return self._latest_start[0][0] if self._latest_start else math.inf

    def batch(self, head: Item, now: float, idle_workers: int, until: float) -> list[Item]:
        """Return `head` and what runs with it, shared out among the idle workers.

        With company it ends by `until`, even at a slower pace.
        """
        lane = self._lanes[head.lane]
        most = min(lane.limits.items, max(1, math.ceil(lane.queued / max(1, idle_workers))))
        batch, deadline = [head], min(until, head.ticket.deadline)
        if most == 1:
            return batch
        longest = total = head.length
        for item in lane.company(head):
            if item is head:
                continue
            due = min(deadline, item.ticket.deadline)
            most_long = max(longest, item.length)
            tokens = computed(lane.limits, len(batch) + 1, most_long, total + item.length)
            if now + self._margin * lane.cost.seconds(tokens) > due:
                continue
            deadline, longest = due, most_long
            total += item.length
            batch.append(item)
            if len(batch) == most:
                break
        return batch

    def wait_until(self, batch: Sequence[Item], now: float, longest_run: float) -> float | None:
        """When to stop waiting for company; None where the batch should run at once."""
        head = batch[0]
        lane = self._lanes[head.lane]
        limits = lane.limits
        if len(batch) >= limits.items or head.ticket.urgent or not limits.wait_seconds:
            return None
        arrivals = lane.arrivals_per_second(now)
        alone = lane.cost.seconds(head.length)
        if arrivals * alone <= self._workers or arrivals * lane.cost.fixed <= 1.0:
            return None
        until = min(
            head.ticket.arrived + limits.wait_seconds,
            self._start_by(head.ticket) - self._margin * longest_run,
        )
        return until if until > now else None

    def start(self, batch: Sequence[Item], now: float) -> float:
        """Note that a batch begins to run; return what that will take."""
        self._virtual += sum([item.cost for item in batch]) / len(self._tickets)
        lane = self._lanes[batch[0].lane]
        cost = lane.cost.seconds(computed_by(lane.limits, batch))
        each = cost / len(batch)
        for item in batch:
            self._unqueue(item, State.RUNNING)
            item.cost = each
            if item.ticket.first_run is None:
                item.ticket.first_run = now
        return cost

    def give_up(self, ticket: Ticket, loss: Loss) -> None:
        """Drop what waits of a ticket."""
        ticket.loss = loss
        for item in ticket.items:
            if item.state is State.QUEUED:
                self._unqueue(item, State.DROPPED)

    def run_seconds(self, ticket: Ticket) -> float:
        """How long a ticket runs, with all workers on it."""
        return max(ticket.items[ticket.next].cost, ticket.cost_left / self._workers)

    def _start_by(self, ticket: Ticket) -> float:
        """When the rest of a ticket must begin to run, to be in time even at a slower pace."""
        return ticket.deadline - self._margin * self.run_seconds(ticket)

    def _pressed(self, now: float, soon: float, lost: list[Ticket]) -> Item | None:
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
                self.give_up(ticket, Loss.EXPIRED)
                lost.append(ticket)
                continue
            actual = self._start_by(ticket)
            if actual <= soon:
                return item
            heapq.heapreplace(self._latest_start, (actual, number))
        return None

    def _unqueue(self, item: Item, state: State) -> None:
        item.state = state
        ticket = item.ticket
        ticket.queued -= 1
        ticket.cost_left -= item.cost
        self._lanes[item.lane].queued -= 1
        self.items -= 1
        self.tokens -= item.length
        self.seconds -= item.cost
        self.tokens_of[ticket.client] -= item.length
        if not ticket.queued:
            del self._tickets[ticket.number]
            if self.tokens_of[ticket.client] <= 0:
                del self.tokens_of[ticket.client]
        if not self.items:
            self.seconds = 0.0
