"""Which shard of its tenant an interaction or an aggregate lives on.

A DynamoDB partition takes 1,000 writes a second, so what a big tenant writes spreads over several
partition keys. The shard is the rendezvous hash (Thaler and Ravishankar, 1996) of a name over the
number of shards in force at the instant that the thing is about.

A tenant has one shard until that number is raised, and it is raised for times to come only, so no
stored row ever moves. Whoever reads or writes may know a schedule of a while ago: a raise begins so
much later than it is decided that nobody who is ``MOST_STALE`` behind can meet an id of its time.
"""

import hashlib
import struct
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from customerai.domain.ids import MOST_AHEAD, first_id_at

MAX_SHARDS = 64
"""Each is one more query for every list."""
MOST_STALE = timedelta(hours=1)
"""How long ago a schedule that is gone by may have been read."""
CLOCK_ERROR = timedelta(hours=1)
"""How far apart the clocks of two machines may be, with room to spare."""
LEAD = MOST_AHEAD + MOST_STALE + CLOCK_ERROR
"""From the decision to the first instant that a raise applies to, at the least.

At an instant t there are ids of up to t + MOST_AHEAD, give or take CLOCK_ERROR; what was decided
before t - MOST_STALE is known to all.
"""


_WEIGHTS_OF_A_DIGEST = 8
_WEIGHTS = struct.Struct(f">{_WEIGHTS_OF_A_DIGEST}Q")
"""One digest of 64 bytes is the weights of eight shards: a hash each would take eight times as
long, for every key."""


@dataclass(frozen=True, slots=True)
class Raise:
    """``count`` shards for all that lies at ``since`` (aware) or later."""

    since: datetime
    count: int
    first_id: str = field(init=False, compare=False, repr=False)
    """The smallest id that it applies to: ids are compared as they are, undecoded."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "first_id", first_id_at(self.since))


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every raise of a tenant's shards, in order. None is ever taken back.

    Raises ValueError where times or counts do not ascend from one shard.
    """

    raises: tuple[Raise, ...] = ()

    def __post_init__(self) -> None:
        places = [("", 1), *((each.first_id, each.count) for each in self.raises)]
        if any(a[0] >= b[0] or a[1] >= b[1] for a, b in pairwise(places)):
            raise ValueError("each raise comes later than the one before it, and adds shards")

    @property
    def count(self) -> int:
        """How many there are once every raise is in force."""
        return self.raises[-1].count if self.raises else 1

    def count_of(self, interaction_id: str) -> int:
        """How many are in force at the instant of an id."""
        count = 1
        for each in self.raises:
            if interaction_id < each.first_id:
                break
            count = each.count
        return count

    def shards_up_to(self, last_id: str | None) -> range:
        """Those that may hold ids up to and with ``last_id``; any id where that is None.

        They only grow in number: a shard in force stays in force.
        """
        return range(self.count if last_id is None else self.count_of(last_id))

    def shards_now(self, now: datetime, last_id: str | None) -> range:
        """``shards_up_to``, knowing that there are no ids yet from further ahead than there may be.

        What is decided but not in force yet is not asked for what can't be there.
        """
        if self.count == 1:
            return range(1)
        furthest = first_id_at(now + MOST_AHEAD + CLOCK_ERROR)
        return self.shards_up_to(furthest if last_id is None else min(last_id, furthest))


SINGLE = Schedule()
"""Of every tenant that was never raised."""


def shard_of(interaction_id: str, schedule: Schedule) -> int:
    return rendezvous(interaction_id, schedule.count_of(interaction_id))


def rendezvous(name: str, count: int) -> int:
    """The one of ``count`` shards that gives ``name`` the greatest weight.

    One shard more takes its share of names from all others alike, and moves no other name.
    """
    if count == 1:
        return 0
    weights: list[int] = []
    for block in range(-(-count // _WEIGHTS_OF_A_DIGEST)):
        weights += _WEIGHTS.unpack(hashlib.blake2b(f"{name}:{block}".encode()).digest())
    del weights[count:]
    return weights.index(max(weights))
