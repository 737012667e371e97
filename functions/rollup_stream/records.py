"""Stream record to interaction change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from customerai.adapters.dynamodb.rows import ref_of, state_of
from customerai.domain import cache_tags
from customerai.domain.rollup import PENDING
from customerai.usecases.roll_up import InteractionChange

_SEQUENCE_DIGITS = 40
_SINGLE_SHARD = "single"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one delivery holds; ``unreadable`` records by their place in the stream.

    ``tags`` are of the answers that its changes show in.
    """

    shard: str
    changes: list[InteractionChange] = field(default_factory=list)
    unreadable: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)


def read_batch(event: Mapping[str, Any]) -> Batch:
    """Sources with a single shard send no ``shardId``; on AWS the tumbling window brings it."""
    batch = Batch(event.get("shardId", _SINGLE_SHARD))
    for record in event.get("Records", []):
        sequence = record["dynamodb"]["SequenceNumber"].zfill(_SEQUENCE_DIGITS)
        try:
            change, tags = _change(sequence, record), _tags(record["dynamodb"])
        except (KeyError, TypeError, ValueError, AttributeError):
            batch.unreadable[f"{batch.shard}/{sequence}"] = record
        else:
            batch.changes.append(change)
            batch.tags.update(tags)
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


def _tags(data: Mapping[str, Any]) -> frozenset[str]:
    """Of the item as it was and as it is."""
    ref = ref_of(data["Keys"])
    images = (data.get(image) for image in ("OldImage", "NewImage"))
    return frozenset().union(
        *(
            cache_tags.of_interaction(
                ref.tenant,
                item.get("customer_id", {}).get("S", ""),
                item["channel"]["S"],
                item["sentiment"]["S"] if "sentiment" in item else PENDING,
            )
            for item in images
            if item
        )
    )
