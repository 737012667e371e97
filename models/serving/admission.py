"""Who is let in: what fits the queue, leaves others their share, and will be in time."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from models.serving.tickets import Caller, QueueLimits, Refusal, Ticket, share

_ROOM_RUNS = 4.0
"""How many of the longest runs a ticket must have time for, however short it is itself."""

_ROOM_SHARE = 0.25
"""Of a ticket's time, the most that it must have for them."""


class Ahead(NamedTuple):
    """What a request finds before it: of its own class and of those that go before that.

    Attributes:
        items: how many sequences wait.
        tokens: how many tokens they have.
        seconds: how long all workers need for them and for what runs, whosever that is.
        all_tokens: how many tokens wait in the server, whatever their class.
        tokens_of: of the request's own class, how many tokens of each client wait.
        longest_run: how long a run may take, in seconds, by those of late.
    """

    items: int
    tokens: int
    seconds: float
    all_tokens: int
    tokens_of: Mapping[Hashable, int]
    longest_run: float


class Admission:
    """The rules by which a queue within these limits lets requests in."""

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits

    def reason_to_refuse(
        self, asker: Caller | Ticket, tokens: int, seconds: float, ahead: Ahead, now: float
    ) -> Refusal | None:
        """Say why a request of so many tokens may not wait.

        Args:
            asker: who asks, and until when.
            tokens: of the request; 1 where they are not known yet.
            seconds: how long it runs by itself; 0 where that is not known yet.
            ahead: what is before it.
            now: the time.
        """
        reason = self._no_room(asker, tokens, ahead)
        if reason is not None:
            return reason
        left = asker.deadline - now
        # The same room for all: else short texts take it up, and long ones never get in. But no
        # more than a share of the time, so that one slow run can't have everybody refused.
        room = min(_ROOM_RUNS * ahead.longest_run, _ROOM_SHARE * left)
        if self._limits.margin * (ahead.seconds + max(seconds, room)) > left:
            return Refusal.LATE
        return None

    def _no_room(self, asker: Caller | Ticket, tokens: int, ahead: Ahead) -> Refusal | None:
        """Where nothing is ahead, only what the server can hold matters."""
        limits = self._limits
        total = ahead.all_tokens + tokens
        if not ahead.items:
            return Refusal.FULL if total > limits.tokens else None
        if ahead.tokens + tokens > limits.greedy_above * limits.tokens:
            clients = len(ahead.tokens_of) + (asker.client not in ahead.tokens_of)
            mine = ahead.tokens_of.get(asker.client, 0)
            if clients > 1 and mine + tokens > limits.tokens / clients:
                return Refusal.GREEDY
        full = share(asker)
        if total > full * limits.tokens or ahead.seconds > full * limits.wait_seconds:
            return Refusal.FULL
        return None
