"""The analysis on each interaction, as the consumers write it: bare client, no pynamodb."""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from customerai.adapters import aws
from customerai.adapters.dynamodb.analysis_json import dump_analysis
from customerai.adapters.dynamodb.query import read_items
from customerai.adapters.dynamodb.rows import index_key, item_key, partition, ref_of
from customerai.domain.analysis import Analysis
from customerai.domain.errors import UnavailableError
from customerai.domain.interaction import InteractionRef
from customerai.domain.rollup import MILLION

_PENDING_INDEX = "pending"


class DynamoDBAnalyses:
    """``customerai.ports.Analyses`` on the interactions table."""

    def __init__(self, table: str) -> None:
        self._table = table
        aws.dynamodb()  # made once here, not by each thread of the pool
        self._pool = ThreadPoolExecutor(aws.CONCURRENCY, thread_name_prefix="analyses")

    def pending_texts(self, refs: Iterable[InteractionRef]) -> dict[InteractionRef, str]:
        keys = [item_key(ref) for ref in dict.fromkeys(refs)]
        items = read_items(self._table, keys, projection=("pk", "id", "text", "pending"))
        return {ref_of(item): item["text"]["S"] for item in items if "pending" in item}

    def save(self, analyses: Mapping[InteractionRef, Analysis]) -> list[InteractionRef]:
        failed = self._pool.map(partial(_save, self._table), analyses, analyses.values())
        return [ref for ref in failed if ref is not None]

    def pending(self, received_before: datetime) -> Iterator[InteractionRef]:
        """Scans the sparse index, which holds nothing but what waits."""
        pages = aws.dynamodb().get_paginator("scan")
        with aws.reporting("store"):
            for page in pages.paginate(
                TableName=self._table,
                IndexName=_PENDING_INDEX,
                FilterExpression="received_at < :before",
                ExpressionAttributeValues={":before": {"S": received_before.isoformat()}},
            ):
                for item in page["Items"]:
                    yield ref_of(item)


def _save(table: str, ref: InteractionRef, analysis: Analysis) -> InteractionRef | None:
    """The ref where it failed. Neither a deleted nor an analysed interaction is touched."""
    client = aws.dynamodb()
    sentiment = analysis.sentiment
    scores = sentiment.scores
    try:
        with aws.reporting("store"):
            client.update_item(
                TableName=table,
                Key=item_key(ref),
                UpdateExpression="SET sentiment = :label, score = :score, scores = :scores, "
                "model = :model, analysis = :analysis, by_sentiment = :index REMOVE pending",
                ConditionExpression="attribute_exists(pending)",
                ExpressionAttributeValues={
                    ":label": {"S": sentiment.label},
                    ":score": {"N": str(round(sentiment.score * MILLION))},
                    ":scores": {
                        "S": json.dumps([scores.negative, scores.neutral, scores.positive])
                    },
                    ":model": {"S": sentiment.model},
                    ":analysis": {"S": dump_analysis(analysis)},
                    ":index": {"S": index_key(partition(ref.tenant, ref.id), sentiment.label)},
                },
            )
    except client.exceptions.ConditionalCheckFailedException:
        return None
    except UnavailableError:
        return ref
    return None
