"""What waits for a model, what comes of it, and why it may come to nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any


class Priority(StrEnum):
    """What a filling queue refuses first: `batch`, then `standard`. And `batch` runs last."""

    CRITICAL = "critical"
    """Somebody waits, and nothing asks again."""

    STANDARD = "standard"

    BATCH = "batch"
    """Nobody waits: it is tried again by itself."""


SHARES: Mapping[Priority, float] = {
    Priority.CRITICAL: 1.0,
    Priority.STANDARD: 0.9,
    Priority.BATCH: 0.5,
}
"""Of all that the server lets wait: how full it may be for a request of each priority."""


@dataclass(slots=True)
class Timing:
    """What became of a request's time: seconds until runs began, seconds of runs that it was in,
    and how many sequences its fullest run held."""

    queue: float = 0.0
    compute: float = 0.0
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        deadline: when the answer is worth nothing any more, on `time.monotonic`.
        client: whose share of the queue it is.
        source: the connection.
        priority: how full the queue may be for it, and whether live work goes before it.
        timing: where the engine notes what it did.
    """

    deadline: float
    client: Hashable = None
    source: Hashable = None
    priority: Priority = Priority.STANDARD
    timing: Timing = field(default_factory=Timing)


class Refusal(Enum):
    """Why a ticket is not let in."""

    FULL = auto()
    """As much waits as the server takes on: come back later (503)."""

    GREEDY = auto()
    """This client has more than its share of a queue that others wait in too: slow down (429)."""

    LATE = auto()
    """At the measured pace it would surely miss its deadline (503)."""


class Loss(Enum):
    """Why a ticket that was let in is given up."""

    CANCELLED = auto()
    """Nobody waits for the answer any more."""

    EXPIRED = auto()
    """Its deadline has passed, or would before its next run ended."""

    FAILED = auto()
    """The model failed on one of its sequences."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """What one run of a model may hold.

    `items` sequences, the longest at most `ratio` times as long as the shortest; where more work
    comes than single runs can carry, a run waits up to `wait_seconds` for company.
    """

    items: int = 4
    ratio: float = 1.2
    wait_seconds: float = 0.005


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What the queue takes on.

    Attributes:
        tokens: most tokens that wait.
        wait_seconds: a ticket that would wait longer behind others is refused.
        margin: how much slower than measured a run may turn out; promises are made with it.
        greedy_above: share of `tokens` from which on each client may hold its fair share only.
        batch_share: of all workers' time, what batch work gets at most while live work waits; more
            than 0, and well below what `margin` leaves, since live work's promises are made
            without it.
    """

    tokens: int = 2_000_000
    wait_seconds: float = 10.0
    margin: float = 1.5
    greedy_above: float = 0.5
    batch_share: float = 0.05


class State(Enum):
    """Where an item is; it moves forward only."""

    QUEUED = auto()
    RUNNING = auto()
    DONE = auto()
    DROPPED = auto()


class Item:
    """One sequence for one lane: the smallest piece of work."""

    __slots__ = ("cost", "lane", "length", "payload", "result", "state", "tag", "ticket")

    def __init__(self, lane: str, length: int, payload: Any = None) -> None:
        self.lane = lane
        self.length = length
        self.payload = payload
        self.result: Any = None
        self.state = State.QUEUED
        self.cost = 0.0
        self.tag = 0.0
        self.ticket: Ticket


class Ticket:
    """All the work of one request: let in, given up and finished as a whole.

    Args:
        items: at least one, in the order in which they should run.
        arrived: when it came, in seconds of a clock that never goes back.
        deadline: when its answer is worth nothing any more, on the same clock.
        client: who has a fair share of the queue.
        priority: how full the queue may be for it, and whether live work goes before it.
        urgent: runs before all others and is let in by a full queue (a health probe).
        timing: where it is noted what its runs took.
    """

    __slots__ = (
        "arrived",
        "client",
        "cost_left",
        "deadline",
        "first_run",
        "items",
        "loss",
        "next",
        "number",
        "priority",
        "queued",
        "timing",
        "unfinished",
        "urgent",
    )

    def __init__(
        self,
        items: Sequence[Item],
        *,
        arrived: float,
        deadline: float,
        client: Hashable = None,
        priority: Priority = Priority.STANDARD,
        urgent: bool = False,
        timing: Timing | None = None,
    ) -> None:
        self.items = items
        self.arrived = arrived
        self.deadline = deadline
        self.client = client
        self.priority = priority
        self.urgent = urgent
        self.timing = timing or Timing()
        self.loss: Loss | None = None
        self.queued = self.unfinished = len(items)
        self.first_run: float | None = None
        self.cost_left = 0.0
        self.number = 0
        self.next = 0
        for item in items:
            item.ticket = self


def share(asker: Caller | Ticket) -> float:
    """Return how full the queue may be, from 0 to 1, for a request to be let in.

    Where one of its runs is done it is let in to its end: else that run was for nothing.
    """
    return 1.0 if asker.timing.batch else SHARES[asker.priority]


@dataclass(frozen=True, slots=True)
class Refused:
    """`retry_seconds`: when there will be room again, by the measured pace."""

    reason: Refusal
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What a worker is to do now.

    Attributes:
        batch: items of one lane to run together; empty where there is nothing to run yet.
        lost: tickets given up on the way; the loss is theirs.
        again_at: where nothing is to run yet, when to ask again at the latest.
    """

    batch: list[Item]
    lost: list[Ticket]
    again_at: float | None = None
