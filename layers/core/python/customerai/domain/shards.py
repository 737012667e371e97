"""Which shard of its tenant an interaction lives on.

A DynamoDB partition takes 1,000 writes a second, so a big tenant's interactions spread over several
partition keys. The shard is the rendezvous hash (Thaler and Ravishankar, 1996) of the id over the
number of shards in force at the id's own instant: raising the number later moves no stored row.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from customerai.domain.ids import instant_of

Schedule = Sequence[tuple[datetime, int]]
"""(from, number of shards) pairs by ascending instant; the first one covers all time before it."""

SCHEDULE: Schedule = ((datetime(1970, 1, 1, tzinfo=UTC), 1),)


def shard_of(interaction_id: str, schedule: Schedule | None = None) -> int:
    count = _count_at(instant_of(interaction_id), schedule or SCHEDULE)
    return max(range(count), key=lambda shard: _weight(interaction_id, shard))


def all_shards(schedule: Schedule | None = None) -> range:
    """Every shard that may hold a row."""
    return range(max(count for _, count in schedule or SCHEDULE))


def _count_at(instant: datetime, schedule: Schedule) -> int:
    count = schedule[0][1]
    for start, value in schedule:
        if start <= instant:
            count = value
    return count


def _weight(interaction_id: str, shard: int) -> bytes:
    return hashlib.blake2b(f"{interaction_id}:{shard}".encode(), digest_size=8).digest()
