"""Stream record to interaction change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customerai.adapters.dynamodb.rows import ref_of, state_of
from customerai.usecases.roll_up import InteractionChange

_SEQUENCE_DIGITS = 40
_SINGLE_SHARD = "single"


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes before the first record that can't be read, and that record's own number."""

    shard: str
    changes: list[InteractionChange]
    poison: str | None = None
    reason: str = ""


def read_batch(event: Mapping[str, Any]) -> Batch:
    """Sources with a single shard send no ``shardId``; on AWS the tumbling window brings it."""
    shard = event.get("shardId", _SINGLE_SHARD)
    records: Sequence[Mapping[str, Any]] = event.get("Records", [])
    changes: list[InteractionChange] = []
    for record in records:
        try:
            changes.append(_change(record))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            number = record["dynamodb"]["SequenceNumber"]
            return Batch(shard, changes, number, f"{type(error).__name__}: {error}")
    return Batch(shard, changes)


def _change(record: Mapping[str, Any]) -> InteractionChange:
    data = record["dynamodb"]
    old, new = data.get("OldImage"), data.get("NewImage")
    return InteractionChange(
        sequence=data["SequenceNumber"].zfill(_SEQUENCE_DIGITS),
        ref=ref_of(data["Keys"]),
        old=state_of(old) if old else None,
        new=state_of(new) if new else None,
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        expired=record.get("userIdentity", {}).get("principalId") == "dynamodb.amazonaws.com",
    )
