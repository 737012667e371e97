"""Interactions as they lie in the table, written down here apart from the code that is measured.

Texts have some 400 characters, like those of a customer who explains: sentences that people wrote
for the demonstration and for the intents' model, in a fixed shuffled order. Everything is analysed.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from tests.performance.serving.artifact import ROOT

Item = dict[str, dict[str, Any]]
"""Attribute to {type: value}, as DynamoDB has it."""

TENANT = "demo"
LATEST = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

_SEED = 4_711
_CHARACTERS = 400
_CUSTOMERS = 40
_TEXTS = 500
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GAP = timedelta(minutes=7)
_WORD = re.compile(r"\b[a-z]{5,}\b")
_ASPECTS = 3
_CHANNELS = ("email", "chat", "review", "survey", "social", "call")
_LABELS = ("negative", "neutral", "positive")
_TOPICS = ("delivery", "product-quality", "billing", "support", "returns")
_INTENTS = ("complaint", "delivery", "praise", "question", "refund")


@cache
def texts(count: int) -> tuple[str, ...]:
    """So many texts of about 400 characters, always the same ones."""
    source = random.Random(_SEED)
    sentences = _sentences()
    found: list[str] = []
    left: list[str] = []
    while len(found) < count:
        text = ""
        while len(text) < _CHARACTERS - 50:
            left = left or source.sample(sentences, len(sentences))
            text = f"{text} {left.pop()}".lstrip()
        found.append(text)
    return tuple(found)


def _sentences() -> list[str]:
    demo = (ROOT / "functions" / "_runner" / "demo" / "interactions.jsonl").read_text("utf-8")
    notes = [json.loads(line)["text"] for line in demo.splitlines()]
    for part in ("train", "test"):
        table = ROOT / "models" / "intents" / "sentences" / f"{part}.tsv"
        notes += [line.split("\t")[-1] for line in table.read_text("utf-8").splitlines()]
    return [each for note in notes for each in re.split(r"(?<=[.!?]) +", note)]


def interactions(count: int, tenant: str = TENANT) -> Iterator[Item]:
    """So many items of a tenant's one shard, newest first, always the same ones."""
    source = random.Random(_SEED)
    words = texts(min(count, _TEXTS))
    for number in range(count):
        yield _item(source, tenant, number, words[number % len(words)])


def new_interactions(count: int) -> list[dict[str, Any]]:
    """So many interactions as clients send them."""
    fields = ("customer_id", "channel", "text", "occurred_at", "product", "language")
    return [
        {name: item[name]["S"] for name in fields}
        | {"rating": int(item["rating"]["N"]), "metadata": json.loads(item["metadata"]["S"])}
        for item in interactions(count)
    ]


def pending(item: Item) -> Item:
    """The item as it is before it is analysed."""
    analysed = {"sentiment", "score", "scores", "model", "analysis", "by_sentiment"}
    left = {name: value for name, value in item.items() if name not in analysed}
    return left | {"pending": item["pk"]}


def size(item: Item) -> int:
    """Bytes of the item by DynamoDB's count: names and values, which are text and numbers here."""
    return sum(len(name) + len(next(iter(value.values())).encode()) for name, value in item.items())


def _id(source: random.Random, instant: datetime) -> str:
    number = int(instant.timestamp() * 1_000) << 80 | source.getrandbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _item(source: random.Random, tenant: str, number: int, text: str) -> Item:
    occurred = LATEST - number * _GAP
    pk = f"{tenant}#0"
    customer = f"cust-{source.randrange(_CUSTOMERS):04d}"
    channel = source.choice(_CHANNELS)
    label = source.choice(_LABELS)
    first, second = round(source.uniform(0.5, 0.9), 4), round(source.uniform(0.02, 0.08), 4)
    scores = dict.fromkeys(_LABELS, second) | {label: first}
    scores["neutral" if label != "neutral" else "positive"] = round(1 - first - second, 4)
    score = round((scores["positive"] - scores["negative"]) * 1_000_000)
    analysis = {
        "tier": "full",
        "aspects": _aspects(source, text),
        "topics": [[topic, _confidence(source)] for topic in source.sample(_TOPICS, 2)],
        "taxonomy": "5b1f0a3c77d2e946",
        "intent": [source.choice(_INTENTS), _confidence(source)],
        "urgency": [source.choice(("low", "normal", "high")), _confidence(source)],
        "language": ["en", _confidence(source), True],
    }
    metadata = {"order": f"A-{number:05d}", "verified": number % 2 == 0, "store": "Leipzig 3"}
    return {
        "pk": {"S": pk},
        "id": {"S": _id(source, occurred)},
        "by_customer": {"S": f"{pk}#{customer}"},
        "by_channel": {"S": f"{pk}#{channel}"},
        "by_sentiment": {"S": f"{pk}#{label}"},
        "customer_id": {"S": customer},
        "channel": {"S": channel},
        "text": {"S": text},
        "occurred_at": {"S": occurred.isoformat()},
        "received_at": {"S": (occurred + timedelta(seconds=2, milliseconds=114)).isoformat()},
        "product": {"S": "Ridgeline 2 tent"},
        "rating": {"N": str(source.randint(1, 5))},
        "language": {"S": "en"},
        "metadata": {"S": json.dumps(metadata)},
        "sentiment": {"S": label},
        "score": {"N": str(score)},
        "scores": {"S": json.dumps([scores[each] for each in _LABELS])},
        "model": {"S": "minilm-l6-sentiment-4"},
        "analysis": {"S": json.dumps(analysis, ensure_ascii=False, separators=(",", ":"))},
    }


def _aspects(source: random.Random, text: str) -> list[list[Any]]:
    words = source.sample(list(_WORD.finditer(text)), _ASPECTS)
    return [
        [*word.span(), source.choice(_LABELS), _confidence(source)]
        for word in sorted(words, key=lambda each: each.start())
    ]


def _confidence(source: random.Random) -> float:
    return round(source.uniform(0.55, 0.99), 4)
