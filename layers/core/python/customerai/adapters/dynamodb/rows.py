"""How an interaction lies in its table: the names that every reader and writer of it shares.

| attribute | what |
|---|---|
| pk | ``{tenant}#{shard}``; the shard follows from the tenant's schedule and the id |
| id | the interaction's id, which sorts by time |
| by_customer, by_channel, by_sentiment | hash key of the index of that name, ``{pk}#{value}`` |
| pending | hash key of the sparse index of what waits for its analysis; equal to pk |
| sentiment, score, scores, model | the sentiment; ``score`` in millionths, ``scores`` as JSON |
| analysis | the rest of the analysis, as ``analysis_json`` writes it; not on the oldest items |
| the rest | the interaction's own fields; ``metadata`` as JSON |
"""

from collections.abc import Mapping
from typing import Any

from customerai.domain.ids import is_id
from customerai.domain.interaction import InteractionRef
from customerai.domain.rollup import State
from customerai.domain.shards import Schedule, shard_of


def partition(tenant: str, interaction_id: str, schedule: Schedule) -> str:
    return partition_of_shard(tenant, shard_of(interaction_id, schedule))


def partition_of_shard(tenant: str, shard: int) -> str:
    return f"{tenant}#{shard}"


def index_key(pk: str, value: str) -> str:
    return f"{pk}#{value}"


def key_of(tenant: str, interaction_id: str, schedule: Schedule) -> dict[str, Any]:
    return {"pk": {"S": partition(tenant, interaction_id, schedule)}, "id": {"S": interaction_id}}


def ref_of(item: Mapping[str, Any]) -> InteractionRef:
    """Which interaction an item, or the key of one, belongs to. Raises ValueError for any other."""
    tenant, _, _ = item["pk"]["S"].rpartition("#")
    interaction_id = item["id"]["S"]
    if not tenant or not is_id(interaction_id):
        raise ValueError("not the key of an interaction")
    return InteractionRef(tenant, interaction_id)


def state_of(item: Mapping[str, Any]) -> State:
    if "sentiment" not in item:
        return State(item["channel"]["S"])
    return State(item["channel"]["S"], item["sentiment"]["S"], int(item["score"]["N"]))
