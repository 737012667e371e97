"""What the stub answers in the place of AWS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.performance.api.items import Item, interactions, pending

STORED = "01M7W4N5E0924WVJVAVMCY5BXV"
"""The interaction that the events speak of."""
SETTINGS_TABLE = "customerai-local-settings"
IDEMPOTENCY_TABLE = "customerai-local-idempotency"
INTERACTIONS_TABLE = "customerai-local-interactions"
ROLLUPS_TABLE = "customerai-local-rollups"

Answers = dict[str, Any]

_WINDOW: Item = {
    "pk": {"S": "demo#day"},
    "sk": {"S": "2026-11-20#shardId-00000001795430000000-1a2b3c4d"},
    "lastseq": {"S": "4000000000000000000000001".zfill(40)},
    "n_review_positive": {"N": "3"},
    "s_review": {"N": "2100000"},
}
"""A day with three reviews."""


def windows(days: int) -> list[Item]:
    """As many such days of November, from its first on."""
    _, _, shard = _WINDOW["sk"]["S"].partition("#")
    return [_WINDOW | {"sk": {"S": f"2026-11-{day:02d}#{shard}"}} for day in range(1, days + 1)]


def stored(tenant: str = "demo") -> Item:
    """The interaction of the events, analysed."""
    (item,) = interactions(1, tenant)
    return item | {"id": {"S": STORED}}


def reads(items: Sequence[Item], *, more: bool = False) -> Answers:
    """Every read of an interaction finds the first of the items, every list finds all of them.

    Where there is `more`, a list goes on after its last item.
    """
    page: Answers = {"Items": list(items), "Count": len(items), "ScannedCount": len(items)}
    if more:
        page["LastEvaluatedKey"] = {name: items[-1][name] for name in ("pk", "id")}
    return {
        "GetItem": {"Item": items[0]},
        f"GetItem {SETTINGS_TABLE}": {},
        "Query": page,
        f"Query {ROLLUPS_TABLE}": {"Items": [_WINDOW], "Count": 1, "ScannedCount": 1},
        "BatchGetItem": _batch(list(items)),
        f"BatchGetItem {IDEMPOTENCY_TABLE}": {"Responses": {IDEMPOTENCY_TABLE: []}} | _nothing_left,
        "GetSecretValue": {"ARN": "arn", "Name": "cursors", "SecretString": "s" * 32},
    }


def writes() -> Answers:
    """Every write works."""
    return {
        "PutItem": {},
        "UpdateItem": {},
        "DeleteItem": {},
        "TransactWriteItems": {},
        "BatchWriteItem": {"UnprocessedItems": {}},
        "SendMessageBatch": {
            "Successful": [
                {"Id": str(n), "MessageId": f"m-{n}", "MD5OfMessageBody": "0" * 32}
                for n in range(10)
            ],
            "Failed": [],
        },
        "GetQueueAttributes": {
            "Attributes": {
                "ApproximateNumberOfMessages": "0",
                "ApproximateNumberOfMessagesNotVisible": "0",
            }
        },
    }


def world() -> Answers:
    """One in which every event of ours has a good outcome: the interaction that they speak of can
    be read, still waits for its analysis where a consumer asks, and the model analyses it."""
    waiting = pending(stored())
    return {
        **reads([waiting]),
        **writes(),
        "GetItem": {"Item": stored()},
        "Scan": {"Items": [waiting], "Count": 1, "ScannedCount": 1},
        "invocations": model(),
    }


def model() -> Answers:
    """The model's answer for one text, whatever it says."""
    result = {
        "label": "positive",
        "scores": {"negative": 0.12, "neutral": 0.18, "positive": 0.7},
        "model": "minilm-l6-sentiment-4",
        "tier": "full",
        "abstained": False,
        "aspects": [],
        "topics": [{"id": "delivery", "confidence": 0.81}],
        "intent": {"label": "praise", "confidence": 0.77},
        "urgency": {"label": "low", "confidence": 0.9},
        "language": {"code": "en", "confidence": 0.99, "supported": True},
    }
    return {"model": "minilm-l6-sentiment-4", "results": [result]}


def _batch(items: list[Item]) -> Answers:
    return {"Responses": {INTERACTIONS_TABLE: items}} | _nothing_left


_nothing_left: Answers = {"UnprocessedKeys": {}}
