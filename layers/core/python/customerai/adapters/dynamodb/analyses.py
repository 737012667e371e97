"""The analysis on each interaction, as the consumers write it: the lean client, no pynamodb."""

import json
from collections.abc import Iterable, Mapping

from customerai.adapters import aws
from customerai.adapters.aws.errors import CONDITION_FAILED, ServiceError, reporting
from customerai.adapters.dynamodb import access_patterns as patterns
from customerai.adapters.dynamodb.analysis_json import dump_analysis
from customerai.adapters.dynamodb.reads import Item, read_items
from customerai.adapters.dynamodb.rows import index_key, key_of, ref_of
from customerai.adapters.dynamodb.shard_schedules import schedules_of
from customerai.domain.analysis import Analysis
from customerai.domain.errors import UnavailableError
from customerai.domain.interaction import InteractionRef
from customerai.domain.rollup import MILLION
from customerai.ports import ShardSchedules
from customerai.resilience.fan_out import fan_out


class DynamoDBAnalyses:
    """``customerai.ports.Analyses`` on the interactions table."""

    def __init__(self, table: str, schedules: ShardSchedules) -> None:
        self._table = table
        self._schedules = schedules

    async def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        keys = await self._keys(refs)
        items = await read_items(
            patterns.GET_PENDING_TEXTS, self._table, keys.values(), Item, strong=True
        )
        return {ref_of(item): item["text"]["S"] for item in items if "pending" in item}

    async def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        keys = await self._keys(analyses)
        saved = await fan_out(
            lambda ref: _save(self._table, keys[ref], analyses[ref]),
            list(keys),
            limit=aws.CONCURRENCY,
        )
        return [ref for ref, done in zip(keys, saved, strict=True) if not done]

    async def _keys(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, Item]:
        distinct = list(dict.fromkeys(refs))
        found = await schedules_of((ref.tenant for ref in distinct), self._schedules)
        return {ref: key_of(ref.tenant, ref.id, found[ref.tenant]) for ref in distinct}


async def _save(table: str, key: Item, analysis: Analysis) -> bool:
    """False where it failed. Neither a deleted nor an analysed interaction is touched."""
    sentiment = analysis.sentiment
    scores = sentiment.scores
    request = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET sentiment = :label, score = :score, scores = :scores, "
        "model = :model, analysis = :analysis, by_sentiment = :index REMOVE pending",
        "ConditionExpression": "attribute_exists(pending)",
        "ExpressionAttributeValues": {
            ":label": {"S": sentiment.label},
            ":score": {"N": str(round(sentiment.score * MILLION))},
            ":scores": {"S": json.dumps([scores.negative, scores.neutral, scores.positive])},
            ":model": {"S": sentiment.model},
            ":analysis": {"S": dump_analysis(analysis)},
            ":index": {"S": index_key(key["pk"]["S"], sentiment.label)},
        },
    }
    try:
        with reporting("store"):
            await aws.dynamodb().call("UpdateItem", request)
    except ServiceError as error:
        if error.code != CONDITION_FAILED:
            raise
    except UnavailableError:
        return False
    return True
