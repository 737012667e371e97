"""Stream record to interaction change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from customerai.adapters.dynamodb.rows import ref_of, state_of
from customerai.usecases.roll_up import InteractionChange

_SEQUENCE_DIGITS = 40
_SINGLE_SHARD = "single"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one delivery holds; ``unreadable`` records by their place in the stream."""

    shard: str
    changes: list[InteractionChange] = field(default_factory=list)
    unreadable: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def read_batch(event: Mapping[str, Any]) -> Batch:
    """Sources with a single shard send no ``shardId``; on AWS the tumbling window brings it."""
    batch = Batch(event.get("shardId", _SINGLE_SHARD))
    for record in event.get("Records", []):
        sequence = record["dynamodb"]["SequenceNumber"].zfill(_SEQUENCE_DIGITS)
        try:
            batch.changes.append(_change(sequence, record))
        except (KeyError, TypeError, ValueError, AttributeError):
            batch.unreadable[f"{batch.shard}/{sequence}"] = record
    return batch


def _change(sequence: str, record: Mapping[str, Any]) -> InteractionChange:
    data = record["dynamodb"]
    old, new = data.get("OldImage"), data.get("NewImage")
    return InteractionChange(
        sequence=sequence,
        ref=ref_of(data["Keys"]),
        old=state_of(old) if old else None,
        new=state_of(new) if new else None,
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
        expired=record.get("userIdentity", {}).get("principalId") == "dynamodb.amazonaws.com",
    )
